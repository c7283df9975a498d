#include "scorematch/head.h"

#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"
#include "scorematch/error.h"

namespace scorematch {

struct HeadPlan::Impl {
  std::shared_ptr<Engine::Impl> engine;
  HeadSpec spec;
  std::unique_ptr<HeadProgram> program;
};

HeadPlan::HeadPlan(const Engine& engine, int dim, const Loss& loss, std::int64_t max_batch,
                   const Parameterization& parameterization) {
  check_dim(dim);
  check(loss.objective, dim);
  check(loss.schedule);
  check(parameterization);
  check(loss.weighting, parameterization);
  check_max_batch(max_batch);
  if (loss.context_dropout != 0)
    throw_invalid("context_dropout", "0, as PerturbPlan drops contexts", describe(loss.context_dropout));
  if (const auto* dsm = std::get_if<Dsm>(&loss.objective); dsm != nullptr && dsm->variance != Dsm::Variance::plain)
    throw Error(ErrorCode::unsupported, "loss.objective",
                "loss.objective: expected Dsm with Variance::plain, got a variance reduction, which evaluates the "
                "network twice; use LossPlan");
  auto impl = std::make_shared<Impl>();
  impl->engine = engine.impl();
  impl->spec = {dim, loss, max_batch, parameterization};
  impl->program = impl->engine->make_head(impl->spec);
  impl_ = std::move(impl);
}

void HeadPlan::run(Queue& queue, const In& in, const Out& out, const Reduction& reduction) const {
  const HeadSpec& spec = impl_->spec;
  const Needs needs = needs_of(spec.loss.objective);
  const std::size_t scratch_bytes = workspace_bytes();
  queue.impl().check(impl_->engine, scratch_bytes);
  CallChecker call(*impl_->engine);
  std::int64_t batch = 0;
  if (uses_x(spec.parameterization)) {
    batch = check_samples(call, in.batch, spec.dim, spec.max_batch);
  } else {
    CallChecker::absent("x", in.batch.x, "the parameterization has a = 0");
    check_no_rows(in.batch, "there is no x");
    batch = check_count(call, "output", in.output, spec.dim, spec.max_batch);
  }
  call.required("output", in.output, {batch, spec.dim});
  check_sigma_and_eps(call, in.batch, spec.loss, uses_sigma(spec.parameterization, {}), batch, spec.dim);
  check_directions(call, in.batch, needs, batch, spec.dim);
  check_true_score(call, in.batch, needs, batch, spec.dim);
  check_no_context(in.batch, "the network is the caller's");
  call.optional("weight", in.batch.weight, {batch});
  if (needs.projections > 0)
    call.required("jvp", in.jvp, {needs.projections, batch, spec.dim});
  else
    CallChecker::absent("jvp", in.jvp, "only sliced objectives use it");
  if (needs.trace)
    call.required("trace", in.trace, {batch});
  else
    CallChecker::absent("trace", in.trace, "only Ism uses it");
  call.output("loss", out.loss, sizeof(Estimate));
  call.output("grad_output", out.grad_output, {batch, spec.dim});
  if (needs.projections == 0) CallChecker::absent("grad_jvp", out.grad_jvp, "only sliced objectives have it");
  call.output("grad_jvp", out.grad_jvp, {needs.projections, batch, spec.dim});
  if (!needs.trace) CallChecker::absent("grad_trace", out.grad_trace, "only Ism has it");
  call.output("grad_trace", out.grad_trace, {batch});
  call.output("loss_per_sample", out.loss_per_sample, {batch});
  check_direction_losses(call, out.loss_per_direction, needs, batch);
  call.workspace(queue.impl().workspace, scratch_bytes);
  call.check_disjoint();
  // These gradients are always overwritten, so accumulating without a normaliser is possible only if none is wanted.
  check(reduction, !out.grad_output.empty() || !out.grad_jvp.empty() || !out.grad_trace.empty());
  impl_->program->run(queue.impl(), in, out, batch, reduction);
}

std::size_t HeadPlan::workspace_bytes() const { return impl_->program->workspace_bytes(); }

}  // namespace scorematch
