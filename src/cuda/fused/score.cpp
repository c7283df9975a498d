// The scores, Jacobian products and divergences of a batch, in one launch per set of directions.
#include "cuda/call_params.h"
#include "cuda/fused/net.h"
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "engine/arena.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

class FusedScore final : public ScoreProgram {
 public:
  FusedScore(const ScoreSpec& spec, const Context& context, FusedPlan plan)
      : spec_(spec), device_(context.device), plan_(std::move(plan)), features_(spec.net.conditioning, context.engine) {
    kernels::FusedScoreParams p;
    p.net = plan_.net, p.tiling = plan_.tiling;
    check_launch(kernels::launch_fused_score(p, kernels::only_load()), "loading fused_score");
  }

  std::size_t workspace_bytes() const override {
    DeviceArena arena;
    FusedWorkspace(plan_, arena);
    return arena.used();
  }
  PlanReport report(std::int64_t) const override {
    return {Route::fused, plan_.tiling.resident ? 1 : 2, plan_.description()};
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
  static void launch(const kernels::FusedScoreParams& p, cudaStream_t stream) {
    check_launch(kernels::launch_fused_score(p, stream), "fused_score");
  }

  ScoreSpec spec_;
  const Device& device_;
  FusedPlan plan_;
  Features features_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_fused_score(const ScoreSpec& spec, const Context& context) {
  if (spec.compute.route == Route::narrow)
    throw Error(ErrorCode::unsupported, "compute.route",
                "compute.route: expected automatic, fused or layered for scores (narrow kernels compute losses), got "
                "narrow");
  // A call may have fewer directions than the plan allows, or may request the exact divergence.
  kernels::FusedWish wish;
  wish.directions = std::max(spec.projections, 1);
  wish.backward = false;
  wish.max_batch = spec.max_batch;
  std::optional<FusedPlan> plan = plan_fused(spec.net, spec.compute.precision, wish, context.engine, context.device);
  return plan ? std::make_unique<FusedScore>(spec, context, *std::move(plan)) : nullptr;
}

}  // namespace scorematch::cuda
