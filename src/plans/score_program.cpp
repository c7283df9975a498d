#include "plans/score_program.h"

#include "checks/descriptions.h"

namespace scorematch {

std::unique_ptr<ScoreProgram> make_score_program(const Engine& engine, const ScoreSpec& spec) {
  check(spec.net);
  check_max_batch(spec.max_batch);
  check(spec.compute);
  check_directions(spec.projections == 0 ? 1 : spec.projections, spec.distribution, spec.net.dim);
  return engine.impl()->make_score(spec);
}

}  // namespace scorematch
