// Stands in for the cuda engine where it was not built in. In a file of its own: the tests link one on the executor in
// its place.
#include "engine/backend.h"
#include "scorematch/error.h"

#ifndef SCOREMATCH_HAS_CUDA
namespace scorematch {

std::shared_ptr<Engine::Impl> make_cuda_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one of this build, got cuda; Engine::cpu() can be had");
}

}  // namespace scorematch
#endif
