// Stands in for the cuda engine in builds without it. It has its own file, as the tests link an engine on the executor
// instead.
#include "engine/backend.h"
#include "scorematch/error.h"

#ifndef SCOREMATCH_HAS_CUDA
namespace scorematch {

std::shared_ptr<Engine::Impl> make_cuda_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected an engine of this build, got cuda; use Engine::cpu()");
}

}  // namespace scorematch
#endif
