// The program's runtime and the library's find the same devices, and none is a clean answer of both, in either order.
#include <cstdio>

#include "scorematch/engine.h"
#include "scorematch/error.h"

int devices();  // by the program's runtime

namespace {

bool has_engine() {
  try {
    scorematch::Engine::cuda();
    return true;
  } catch (const scorematch::Error& error) {
    std::puts(error.what());
    return error.code() != scorematch::ErrorCode::device_unavailable;
  }
}

}  // namespace

int main(int argc, char**) {
  const int before = argc > 1 ? devices() : -1;
  const bool engine = has_engine();
  const int after = devices();
  std::printf("%d devices, engine %d\n%s\n", after, engine, scorematch::Engine::best().description().c_str());
  return engine == (after > 0) && (before < 0 || before == after) ? 0 : 1;
}
