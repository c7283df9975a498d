#include "scorematch/perturbation.h"

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"

namespace scorematch {

struct PerturbPlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  PerturbSpec spec;
  std::unique_ptr<PerturbProgram> program;
};

PerturbPlan::PerturbPlan(const Engine& engine, int dim, const NoiseSchedule& schedule, std::int64_t max_batch,
                         const Parameterization& parameterization, const Conditioning& conditioning,
                         const Context& context, double context_dropout) {
  check_dim(dim);
  check(schedule);
  check(parameterization);
  check(conditioning);
  check(context);
  check_dropout(context_dropout, context);
  check_max_batch(max_batch);
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {dim, schedule, max_batch, parameterization, conditioning, true, context, context_dropout};
  impl->program = impl->engine->make_perturb(impl->spec);
  impl_ = std::move(impl);
}

void PerturbPlan::run(Queue& queue, const Batch& batch, const Out& out) const {
  const PerturbSpec& spec = impl_->spec;
  queue.impl().check(impl_->engine, impl_->program->workspace_bytes());
  CallChecker call(*impl_->engine);
  const std::int64_t count = check_samples(call, batch, spec.dim, spec.max_batch);
  // A perturbation always needs sigma and eps, as the denoising objective does.
  check_sigma_and_eps(call, batch, Loss{Dsm{}, spec.schedule, {}}, true, count, spec.dim);
  CallChecker::absent("directions", batch.directions, "a perturbation has none");
  CallChecker::absent("true_score", batch.true_score, "only losses use it");
  CallChecker::absent("weight", batch.weight, "only losses use it");
  check_context(call, batch, spec.context, batch.x.shape.extent[0], spec.context_dropout);
  call.output("net_input", out.net_input,
              {count, spec.dim + feature_count(spec.conditioning) + context_count(spec.context)});
  call.output("sigma", out.sigma, {count});
  call.output("x_tilde", out.x_tilde, {count, spec.dim});
  call.output("eps", out.eps, {count, spec.dim});
  call.output_indices("rows", out.rows, count);
  call.check_disjoint();
  impl_->program->run(queue.impl(), batch, out, count);
  if (!out.rows.empty()) impl_->engine->write_rows(queue.impl(), batch, out.rows);
}

struct DirectionPlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  DirectionSpec spec;
  std::unique_ptr<DirectionProgram> program;
};

DirectionPlan::DirectionPlan(const Engine& engine, int dim, int projections, Projection distribution,
                             std::int64_t max_batch) {
  check_dim(dim);
  check_directions(projections, distribution, dim);
  check_max_batch(max_batch);
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {dim, projections, distribution, max_batch};
  impl->program = impl->engine->make_direction(impl->spec);
  impl_ = std::move(impl);
}

void DirectionPlan::run(Queue& queue, NoiseRef noise, View directions) const {
  const DirectionSpec& spec = impl_->spec;
  queue.impl().check(impl_->engine, impl_->program->workspace_bytes());
  CallChecker call(*impl_->engine);
  check_noise(call, noise, "directions");
  if (directions.empty()) throw_invalid("directions", "memory to write to", "nothing");
  call.output("directions", directions, {spec.projections, kAny, spec.dim});
  const std::int64_t batch = directions.shape.extent[1];
  if (batch < 1 || batch > spec.max_batch)
    throw_invalid("directions", "a batch of 1 to " + std::to_string(spec.max_batch), std::to_string(batch));
  impl_->program->run(queue.impl(), noise, directions, batch);
}

}  // namespace scorematch
