// Stands in for the engines that were not built in, so that asking for one says why and names what can be had.
#include "engine/backend.h"
#include "scorematch/error.h"

namespace scorematch {

#ifndef SCOREMATCH_HAS_CPU
std::shared_ptr<Engine::Impl> make_cpu_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one of this build, got cpu, which needs Highway; Engine::reference() can be had");
}
#endif

#ifndef SCOREMATCH_HAS_CUDA
std::shared_ptr<Engine::Impl> make_cuda_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one of this build, got cuda; Engine::cpu() can be had");
}
#endif

}  // namespace scorematch
