#include "scorematch/score.h"

#include "engine/backend.h"
#include "plans/batch.h"
#include "scorematch/philox.h"

namespace scorematch {

struct ScorePlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  ScoreSpec spec;
  std::int64_t param_count = 0;
  std::unique_ptr<ScoreProgram> program;
};

ScorePlan::ScorePlan(const Engine& engine, const MlpShape& net, std::int64_t max_batch, int projections,
                     Projection distribution, Compute compute) {
  check(net);
  check_max_batch(max_batch);
  check(compute);
  if (projections != 0) check_projections(projections);
  check(Objective(Ssm{1, distribution}));
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {net, max_batch, projections, distribution, compute};
  impl->param_count = net.param_count();
  impl->program = impl->engine->make_score(impl->spec);
  impl_ = std::move(impl);
}

void ScorePlan::run(Queue& queue, const In& in, const Out& out) const {
  const ScoreSpec& spec = impl_->spec;
  const int dim = spec.net.dim;
  const std::size_t scratch_bytes = workspace_bytes();
  queue.impl().check(impl_->engine, scratch_bytes);
  CallChecker call(*impl_->engine);
  call.required("params", in.params, {impl_->param_count});
  call.required("x", in.x, {kAny, dim});
  const std::int64_t batch = in.x.shape.extent[0];
  if (batch < 1 || batch > spec.max_batch)
    throw_invalid("x", "a batch of 1 to " + std::to_string(spec.max_batch), std::to_string(batch));
  if (uses_sigma(spec.net.parameterization, spec.net.conditioning)) {
    if (in.sigma.empty()) throw_invalid("sigma", "[" + std::to_string(batch) + "] or [1]", "nothing");
    call.optional_per_sample("sigma", in.sigma, batch);
  } else {
    CallChecker::absent("sigma", in.sigma, "the network does not use it");
  }
  const bool directions_used = !out.jvp.empty() || !out.divergence_estimate.empty();
  if (!directions_used) {
    CallChecker::absent("directions", in.directions, "neither jvp nor divergence_estimate is wanted");
  } else {
    if (spec.projections == 0)
      throw_invalid(out.jvp.empty() ? "divergence_estimate" : "jvp",
                    "nothing, as the plan was made with projections = 0", "an output");
    if (in.directions.empty()) check_noise(call, in.noise, "directions");
    call.optional("directions", in.directions, {kAny, batch, dim});
    const std::int64_t given = in.directions.empty() ? spec.projections : in.directions.shape.extent[0];
    if (given < 1 || given > spec.projections)
      throw_invalid("directions", "1 to " + std::to_string(spec.projections) + " of them", std::to_string(given));
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
