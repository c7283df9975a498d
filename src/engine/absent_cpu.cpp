// Stands in for the cpu engine where it was not built in, so that asking for it says why and names what is available.
#include "engine/backend.h"
#include "scorematch/error.h"

#ifndef SCOREMATCH_HAS_CPU
namespace scorematch {

std::shared_ptr<Engine::Impl> make_cpu_engine(int) {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected one of this build, got cpu, which needs Highway; Engine::reference() can be had");
}

}  // namespace scorematch
#endif
