// Stands in for the cpu engine in builds without it. The error says why, and what to use instead.
#include "engine/backend.h"
#include "scorematch/error.h"

#ifndef SCOREMATCH_HAS_CPU
namespace scorematch {
namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorCode::unsupported, "engine",
              "engine: expected an engine of this build, got cpu, which needs Highway; use Engine::reference()");
}

}  // namespace

std::shared_ptr<Engine::Impl> make_cpu_engine(int) { refuse(); }
std::shared_ptr<Engine::Impl> make_cpu_engine(CpuExecutor) { refuse(); }

}  // namespace scorematch
#endif
