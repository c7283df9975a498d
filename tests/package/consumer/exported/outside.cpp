#include "outside.h"

#include "scorematch/scorematch.h"

#if SCOREMATCH_VERSION_MAJOR == 0 && SCOREMATCH_VERSION_MINOR < 2
#error "expected scorematch 0.2 or later"
#endif

long parameters(int dim, int width) {
  const auto engine = scorematch::Engine::reference();
  const auto net = scorematch::MlpShape::score(dim, {width});
  return static_cast<long>(engine.upload(net.initial_params(1)).size());
}
