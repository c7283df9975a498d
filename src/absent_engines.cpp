// Stands in for the engines that were not built in, so that asking for one says why and names what can be had.
#include "backend.h"

namespace scorematch {

#ifndef SCOREMATCH_HAS_CPU
std::shared_ptr<Engine::Impl> make_cpu_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one that was built in, got cpu: oneDNN and Highway were not found when the library was "
              "built; Engine::reference() can be had");
}
#endif

#ifndef SCOREMATCH_HAS_CUDA
std::shared_ptr<Engine::Impl> make_cuda_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one that was built in, got cuda; Engine::cpu() can be had");
}
#endif

}  // namespace scorematch
