#include "scorematch/loss.h"

#include "checks/descriptions.h"
#include "engine/backend.h"
#include "engine/cancellation.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"

namespace scorematch {

struct LossPlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  LossSpec spec;
  std::int64_t param_count = 0;
  std::unique_ptr<LossProgram> program;
};

LossPlan::LossPlan(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t max_batch,
                   Compute compute) {
  check(net);
  check(loss.objective, net.dim);
  check(loss.schedule);
  check(loss.weighting, net.parameterization);
  check_dropout(loss.context_dropout, net.context);
  check_max_batch(max_batch);
  check(compute);
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {net, loss, max_batch, compute};
  impl->param_count = net.param_count();
  impl->program = impl->engine->make_loss(impl->spec);
  impl_ = std::move(impl);
}

void LossPlan::run(Queue& queue, const In& in, const Out& out, const Reduction& reduction) const {
  const MlpShape& net = impl_->spec.net;
  const Loss& loss = impl_->spec.loss;
  const Needs needs = needs_of(loss.objective);
  const std::size_t scratch_bytes = workspace_bytes();
  queue.impl().check(impl_->engine, scratch_bytes);
  CallChecker call(*impl_->engine);
  call.required("params", in.params, {impl_->param_count});
  const std::int64_t batch = check_samples(call, in.batch, net.dim, impl_->spec.max_batch);
  check_sigma_and_eps(call, in.batch, loss, uses_sigma(net.parameterization, net.conditioning), batch, net.dim);
  check_directions(call, in.batch, needs, batch, net.dim);
  check_true_score(call, in.batch, needs, batch, net.dim);
  check_context(call, in.batch, net.context, in.batch.x.shape.extent[0], loss.context_dropout);
  call.optional("weight", in.batch.weight, {batch});
  call.output("loss", out.loss, sizeof(Estimate));
  call.output("grad", out.grad, {impl_->param_count});
  call.output("grad_x", out.grad_x, {batch, net.dim});
  call.output("loss_per_sample", out.loss_per_sample, {batch});
  check_direction_losses(call, out.loss_per_direction, needs, batch);
  call.output_indices("rows", out.rows, batch);
  if (net.context.columns == 0) CallChecker::absent("grad_context", out.grad_context, "the network has no context");
  call.output("grad_context", out.grad_context, {batch, net.context.columns});
  call.workspace(queue.impl().workspace, scratch_bytes);
  call.check_disjoint();
  check(reduction, !out.grad.empty());
  check_not_cancelled(in.cancelled);
  impl_->program->run(queue.impl(), in, out, batch, reduction);
  if (!out.rows.empty()) impl_->engine->write_rows(queue.impl(), in.batch, out.rows);
}

std::size_t LossPlan::workspace_bytes() const { return impl_->program->workspace_bytes(); }

PlanReport LossPlan::report(std::int64_t batch) const { return impl_->program->report(batch); }

}  // namespace scorematch
