// The loss and gradients of a batch, in one launch and an ordered reduction: by a narrow kernel, or by the fused one.
// If the weights are not resident in shared memory, a launch packs them first.
#include "cuda/call_params.h"
#include "cuda/fused/net.h"
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "engine/arena.h"
#include "model/network.h"
#include "model/objective_terms.h"

namespace scorematch::cuda {
namespace {

/// The workspace: that of every fused program, and the partial sums of the blocks.
struct FusedLossWorkspace : FusedWorkspace {
  FusedLossWorkspace(const FusedPlan& plan, DeviceArena arena) : FusedWorkspace(plan, arena) {
    const auto blocks = static_cast<std::size_t>(plan.blocks);
    partial = arena.take<float>(blocks * static_cast<std::size_t>(stride(plan)));
    estimates = arena.take<kernels::EstimateRecord>(blocks);
    bytes = arena.used();
  }
  static std::int64_t stride(const FusedPlan& plan) { return plan.net.weight_count + plan.net.bias_count; }

  float* partial;
  kernels::EstimateRecord* estimates;
  std::size_t bytes;
};

class FusedLoss final : public LossProgram {
 public:
  FusedLoss(const LossSpec& spec, const Context& context, FusedPlan plan)
      : spec_(spec),
        device_(context.device),
        plan_(std::move(plan)),
        features_(spec.net.conditioning, context.engine),
        levels_(spec.loss.schedule, context.engine),
        terms_(terms_of(spec.loss.objective)) {
    kernels::FusedLossParams p;
    p.net = plan_.net, p.tiling = plan_.tiling;
    set_terms(p);
    check_launch(launch(p, kernels::only_load()), "loading fused_loss");
  }

  std::size_t workspace_bytes() const override { return FusedLossWorkspace(plan_, DeviceArena()).bytes; }
  PlanReport report(std::int64_t) const override {
    return {plan_.narrow ? Route::narrow : Route::fused, plan_.is_resident() ? 2 : 3, plan_.description()};
  }

  void run(Queue::Impl& queue, const LossIn& in, const LossOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_noise_offset(in.batch.noise, batch);
    const UseDevice use(device_);
    const FusedLossWorkspace workspace(plan_, DeviceArena(queue.workspace));
    kernels::FusedLossParams p = loss_params(workspace, in, out, grad_factor_of(reduction, batch));
    workspace.prepare(plan_, in.params, batch, queue.stream, &p);
    check_launch(launch(p, queue.stream), plan_.narrow ? "narrow_loss" : "fused_loss");
    if (out.grad.empty() && out.loss == nullptr) return;
    kernels::FusedReduceParams r;
    r.partial = p.partial, r.partial_stride = p.partial_stride, r.bias_offset = p.bias_offset;
    r.estimates = p.estimates;
    r.blocks = p.blocks;
    r.table = plan_.table;
    r.add = reduction.accumulate;
    r.grad = floats(out.grad);
    r.estimate = reinterpret_cast<kernels::EstimateRecord*>(out.loss.data);
    check_launch(kernels::launch_fused_reduce(r, queue.stream), "fused_reduce");
  }

 private:
  void set_terms(kernels::FusedLossParams& p) const {
    p.term_count = static_cast<int>(terms_.size());
    for (std::size_t i = 0; i < terms_.size(); ++i) p.terms[i] = kernel_term(terms_[i], spec_.net.parameterization);
  }
  int launch(const kernels::FusedLossParams& p, CUstream_st* stream) const {
    return plan_.narrow ? kernels::launch_narrow_loss(p, stream) : kernels::launch_fused_loss(p, stream);
  }

  kernels::FusedLossParams loss_params(const FusedLossWorkspace& workspace, const LossIn& in, const LossOut& out,
                                       double grad_factor) const {
    const Needs needs = needs_of(spec_.loss.objective);
    kernels::FusedLossParams p;
    p.batch = batch_params(in, spec_.loss, levels_, spec_.net.dim, spec_.net.parameterization);
    p.batch.context = context_source(in.batch, spec_.net.context, spec_.loss.context_dropout);
    p.features = features_.get();
    p.weighting = spec_.loss.weighting;
    p.grad_factor = grad_factor;
    set_terms(p);
    p.directions = needs.trace ? spec_.net.dim : needs.projections;
    p.gradient = !out.grad.empty();
    p.grad_x = floats(out.grad_x), p.grad_x_stride = out.grad_x.stride[0];
    p.grad_context = floats(out.grad_context), p.grad_context_stride = out.grad_context.stride[0];
    p.partial = workspace.partial, p.partial_stride = FusedLossWorkspace::stride(plan_);
    p.bias_offset = plan_.net.weight_count;
    p.estimates = workspace.estimates;
    p.loss_per_sample = floats(out.loss_per_sample);
    p.loss_per_direction = floats(out.loss_per_direction);
    p.loss_per_direction_plane = out.loss_per_direction.stride[0];
    return p;
  }

  LossSpec spec_;
  const Device& device_;
  FusedPlan plan_;
  Features features_;
  NoiseLevels levels_;
  std::vector<Term> terms_;
};

NarrowKernels narrow_kernels(const LossSpec& spec, const FusedPlan& plan, const Device& device) {
  const std::vector<Term> terms = terms_of(spec.loss.objective);
  if (terms[0].directions != Term::Directions::none) return {"the loss has directions"};
  if (spec.net.context.columns > 0) return {"the network has a context"};
  const bool is_square = terms.size() == 1 && terms[0].complete_square;
  const auto kind = is_square ? kernels::NarrowTerms::complete_square : kernels::NarrowTerms::any;
  if (!kernels::has_narrow_kernel(plan.net, kind))
    return {std::string("no kernel is compiled for this shape") + (is_square ? "" : " and variance reduction")};
  // The fused kernels have smaller tiles for small batches.
  return {"", kernels::narrow_shared_bytes(plan.net, kind), kernels::kNarrowRows,
          std::int64_t{kernels::kNarrowRows} * device.multiprocessors};
}

}  // namespace

std::unique_ptr<LossProgram> make_fused_loss(const LossSpec& spec, const Context& context) {
  const Needs needs = needs_of(spec.loss.objective);
  kernels::FusedWish wish;
  wish.directions = needs.trace ? spec.net.dim : needs.projections;
  wish.sliced = terms_of(spec.loss.objective)[0].sliced_square;
  wish.denoising = needs.eps;
  wish.has_context = spec.net.context.columns > 0;
  wish.max_batch = spec.max_batch;
  std::optional<FusedPlan> plan = plan_fused(spec.net, spec.compute.precision, wish, context.engine, context.device);
  if (!plan) return nullptr;
  choose_narrow(*plan, spec.compute.route, narrow_kernels(spec, *plan, context.device), spec.max_batch, context.device);
  return std::make_unique<FusedLoss>(spec, context, *std::move(plan));
}

}  // namespace scorematch::cuda
