// The scores, Jacobian products and divergences of a batch, in one launch per set of directions.
#include "cuda/call_params.h"
#include "cuda/fused/net.h"
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "engine/arena.h"
#include "model/network.h"

namespace scorematch::cuda {
namespace {

class FusedScore final : public ScoreProgram {
 public:
  FusedScore(const ScoreSpec& spec, const Context& context, FusedPlan plan)
      : spec_(spec), device_(context.device), plan_(std::move(plan)), features_(spec.net.conditioning, context.engine) {
    kernels::FusedScoreParams p;
    p.net = plan_.net, p.tiling = plan_.tiling, p.features = features_.get();
    for (const int directions : {0, 1}) {  // a narrow kernel has directions, or has none
      p.directions = directions;
      launch(p, kernels::only_load());
    }
  }

  std::size_t workspace_bytes() const override {
    DeviceArena arena;
    FusedWorkspace(plan_, arena);
    return arena.used();
  }
  PlanReport report(std::int64_t) const override {
    return {plan_.narrow ? Route::narrow : Route::fused, plan_.is_resident() ? 1 : 2, plan_.description()};
  }

  void run(Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out, std::int64_t batch) const override {
    check_noise_offset(in.batch.noise, batch);
    const UseDevice use(device_);
    DeviceArena arena(queue.workspace);
    kernels::FusedScoreParams common;
    common.batch = batch_params(spec_, in);
    common.features = features_.get();
    FusedWorkspace(plan_, arena).prepare(plan_, in.params, batch, queue.stream, &common);
    kernels::FusedScoreParams p = common;
    const bool has_directions = !out.jvp.empty() || !out.divergence_estimate.empty();
    if (has_directions) {
      p.directions =
          in.batch.directions.empty() ? spec_.projections : static_cast<int>(in.batch.directions.shape.extent[0]);
      p.batch.directions = direction_source(in.batch.directions, spec_.distribution);
      p.weight = 1.0f / static_cast<float>(p.directions);
      p.jvp = floats(out.jvp);
      p.jvp_plane = out.jvp.stride[0], p.jvp_stride = out.jvp.stride[1];
      p.divergence = floats(out.divergence_estimate);
    }
    p.score = floats(out.score), p.score_stride = out.score.stride[0];
    if (has_directions || !out.score.empty()) launch(p, queue.stream);
    if (out.divergence.empty()) return;
    p = common;
    p.directions = spec_.net.dim;
    p.batch.directions = basis();
    p.divergence = floats(out.divergence);
    launch(p, queue.stream);
  }

 private:
  void launch(const kernels::FusedScoreParams& p, cudaStream_t stream) const {
    if (plan_.narrow)
      check_launch(kernels::launch_narrow_score(p, stream), "narrow_score");
    else
      check_launch(kernels::launch_fused_score(p, stream), "fused_score");
  }

  ScoreSpec spec_;
  const Device& device_;
  FusedPlan plan_;
  Features features_;
};

NarrowKernels narrow_kernels(const ScoreSpec& spec, const FusedPlan& plan) {
  const int features = feature_count(spec.net.conditioning);
  if (spec.net.context.columns > 0) return {"the network has a context"};
  if (!kernels::has_narrow_score_kernel(plan.net, features)) return {"no kernel is compiled for this shape"};
  // The tiles of one warp are spread over the multiprocessors, so that small batches have enough of them.
  return {"", kernels::narrow_score_shared_bytes(plan.net, features), kernels::kNarrowDirectionRows, 0};
}

}  // namespace

std::unique_ptr<ScoreProgram> make_fused_score(const ScoreSpec& spec, const Context& context) {
  // A call may have fewer directions than the plan allows, or may request the exact divergence.
  kernels::FusedWish wish;
  wish.directions = std::max(spec.projections, 1);
  wish.backward = false;
  wish.max_batch = spec.max_batch;
  std::optional<FusedPlan> plan = plan_fused(spec.net, spec.compute.precision, wish, context.engine, context.device);
  if (!plan) return nullptr;
  choose_narrow(*plan, spec.compute.route, narrow_kernels(spec, *plan), spec.max_batch, context.device);
  return std::make_unique<FusedScore>(spec, context, *std::move(plan));
}

}  // namespace scorematch::cuda
