#include "scorematch/score.h"

#include "checks/argument.h"
#include "engine/backend.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"
#include "plans/score_program.h"

namespace scorematch {

struct ScorePlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  ScoreSpec spec;
  std::int64_t param_count = 0;
  std::unique_ptr<ScoreProgram> program;
};

ScorePlan::ScorePlan(const Engine& engine, const MlpShape& net, std::int64_t max_batch, int projections,
                     Projection distribution, Compute compute) {
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {net, max_batch, projections, distribution, compute};
  impl->program = make_score_program(engine, impl->spec);
  impl->param_count = net.param_count();
  impl_ = std::move(impl);
}

void ScorePlan::run(Queue& queue, const In& in, const Out& out) const {
  const ScoreSpec& spec = impl_->spec;
  const int dim = spec.net.dim;
  const std::size_t scratch_bytes = workspace_bytes();
  queue.impl().check(impl_->engine, scratch_bytes);
  CallChecker call(*impl_->engine);
  call.required("params", in.params, {impl_->param_count});
  const std::int64_t batch = check_count(call, "x", in.batch.x, dim, spec.max_batch);
  const char* const as_it_is = "the score is evaluated at x itself";
  check_no_rows(in.batch, as_it_is);
  CallChecker::absent("eps", in.batch.eps, as_it_is);
  CallChecker::absent("true_score", in.batch.true_score, "only losses use it");
  CallChecker::absent("weight", in.batch.weight, "only losses use it");
  check_context(call, in.batch, spec.net.context, batch);
  if (uses_sigma(spec.net.parameterization, spec.net.conditioning)) {
    if (in.batch.sigma.empty()) throw_invalid("sigma", "[" + std::to_string(batch) + "] or [1]", "nothing");
    call.optional_per_sample("sigma", in.batch.sigma, batch);
  } else {
    CallChecker::absent("sigma", in.batch.sigma, "the network does not use it");
  }
  const bool directions_used = !out.jvp.empty() || !out.divergence_estimate.empty();
  if (!directions_used) {
    CallChecker::absent("directions", in.batch.directions, "neither jvp nor divergence_estimate is wanted");
  } else {
    if (spec.projections == 0)
      throw_invalid(out.jvp.empty() ? "divergence_estimate" : "jvp",
                    "nothing, as the plan was made with projections = 0", "an output");
    if (in.batch.directions.empty()) check_noise(call, in.batch.noise, "directions");
    call.optional("directions", in.batch.directions, {kAny, batch, dim});
    const std::int64_t given = in.batch.directions.empty() ? spec.projections : in.batch.directions.shape.extent[0];
    if (given < 1 || given > spec.projections)
      throw_invalid("directions", "1 to " + std::to_string(spec.projections) + " directions", std::to_string(given));
    call.output("jvp", out.jvp, {given, batch, dim});
  }
  if (spec.net.kind == MlpShape::Kind::energy)
    call.output("log_density", out.log_density, {batch});
  else
    CallChecker::absent("log_density", out.log_density, "only energy nets have one");
  call.output("score", out.score, {batch, dim});
  call.output("divergence", out.divergence, {batch});
  call.output("divergence_estimate", out.divergence_estimate, {batch});
  call.workspace(queue.impl().workspace, scratch_bytes);
  call.check_disjoint();
  impl_->program->run(queue.impl(), in, out, batch);
}

std::size_t ScorePlan::workspace_bytes() const { return impl_->program->workspace_bytes(); }

PlanReport ScorePlan::report(std::int64_t batch) const { return impl_->program->report(batch); }

}  // namespace scorematch
