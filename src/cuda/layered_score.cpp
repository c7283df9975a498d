// The score, products with its Jacobian and its divergence: a forward jet, chunk by chunk, groups of directions one
// after the other.
#include "cuda/call_params.h"
#include "cuda/layered_net.h"
#include "cuda/status.h"

namespace scorematch::cuda {
namespace {

/// What a plan knows.
struct ScoreProblem {
  ScoreProblem(const ScoreSpec& spec_, const Context& context)
      : spec(spec_),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, std::max(spec_.projections, spec_.net.dim), 0,
            context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      Jet::prepare_forward(net.padded, {rung, 0, 1}, net.gemms);
      Jet::prepare_output(net.padded, rung, true, net.gemms);
      // A call may bring fewer directions than the plan allows.
      for (int count = 1; count <= net.tangents; ++count) {
        Jet::prepare_forward(net.padded, {rung, 1, 1 + count}, net.gemms);
        Jet::prepare_output(net.padded, count * rung, false, net.gemms);
      }
    }
  }

  ScoreSpec spec;
  LayeredNet net;
};

class ScoreRun {
 public:
  ScoreRun(const ScoreProblem& problem, Queue::Impl& queue, const ScorePlan::In& in, const ScorePlan::Out& out)
      : problem_(problem),
        stream_(queue.stream),
        in_(in),
        out_(out),
        arena_(queue.workspace),
        workspace_(problem.net, {}, arena_) {}

  void run(std::int64_t batch) {
    workspace_.pack(in_.params, stream_);
    for_each_chunk(batch, problem_.net.rows, [&](const Chunk& chunk) { run_chunk(chunk); });
  }

 private:
  void run_chunk(const Chunk& chunk) {
    workspace_.fill_value(perturb_params(problem_.spec, problem_.net.features, in_), chunk, stream_);
    workspace_.jet.forward(workspace_.parameters(), {chunk.rows, 0, 1}, stream_);
    if (!out_.score.empty()) {
      kernels::ScoreParams p = params(chunk);
      p.output = workspace_.jet.output({chunk.rows, 0, 1}, 0), p.output_stride = problem_.net.padded.last().out;
      p.score = row_of(out_.score, chunk.first), p.score_stride = out_.score.stride[0];
      check_launch(kernels::launch_score(p, stream_), "score");
    }
    if (!out_.jvp.empty() || !out_.divergence_estimate.empty()) {
      const int count =
          in_.directions.empty() ? problem_.spec.projections : static_cast<int>(in_.directions.shape.extent[0]);
      const bool has_scale = in_.directions.empty() && problem_.spec.law == Projection::sphere;
      run_directions(chunk, direction_source(in_.directions, problem_.spec.law), has_scale, count, 1.0 / count,
                     out_.jvp, out_.divergence_estimate);
    }
    if (!out_.divergence.empty()) run_directions(chunk, basis(), false, problem_.spec.net.dim, 1, {}, out_.divergence);
  }

  void run_directions(const Chunk& chunk, const kernels::DirectionSource& source, bool has_scale, int all, double share,
                      const View& jvp, const View& divergence) {
    for_each_group(all, [&](int first, int count) {
      const Slots slots{chunk.rows, 1, 1 + count};
      const int width = problem_.net.padded.last().out;
      kernels::DirectionsParams drawn;
      drawn.source = source;
      drawn.noise = translated(in_.noise);
      workspace_.fill_tangents(drawn, has_scale, chunk, slots, first, stream_);
      workspace_.jet.forward(workspace_.parameters(), slots, stream_);
      kernels::ScoreParams p = params(chunk);
      p.jvp = workspace_.jet.output(slots, 1), p.jvp_plane = chunk.rows * width, p.jvp_stride = width;
      p.directions = source;
      p.direction_scale = has_scale ? workspace_.direction_scale : nullptr;
      p.first_direction = first, p.count = count, p.share = static_cast<float>(share);
      if (!jvp.empty()) {
        p.jvp_out = floats(jvp) + first * jvp.stride[0] + chunk.first * jvp.stride[1];
        p.jvp_out_plane = jvp.stride[0], p.jvp_out_stride = jvp.stride[1];
      }
      p.divergence = at(divergence, chunk.first), p.add_divergence = first > 0;
      check_launch(kernels::launch_score(p, stream_), "score");
    });
  }

  kernels::ScoreParams params(const Chunk& chunk) const {
    kernels::ScoreParams p = score_params(problem_.spec, in_);
    p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
    p.sigma = workspace_.sigma;
    return p;
  }

  const ScoreProblem& problem_;
  cudaStream_t stream_;
  const ScorePlan::In& in_;
  const ScorePlan::Out& out_;
  DeviceArena arena_;
  LayeredWorkspace workspace_;
};

class CudaScore final : public ScoreProgram {
 public:
  CudaScore(const ScoreSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {}

  std::size_t workspace_bytes() const override {
    DeviceArena arena;
    LayeredWorkspace(problem_.net, {}, arena);
    return arena.used();
  }

  PlanReport report(std::int64_t batch) const override {
    // Of scores alone: parameters, then a chunk's prologue, two a hidden layer, the output and what is stored.
    const int layers = static_cast<int>(problem_.net.padded.hidden().size());
    return problem_.net.report(1 + problem_.net.chunks(batch) * (3 + 2 * layers));
  }

  void run(Queue::Impl& queue, const ScorePlan::In& in, const ScorePlan::Out& out, std::int64_t batch) const override {
    check_noise_offset(in.noise, batch);
    const UseDevice use(device_.index);
    ScoreRun(problem_, queue, in, out).run(batch);
  }

 private:
  ScoreProblem problem_;
  const Device& device_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<CudaScore>(spec, context);
}

}  // namespace scorematch::cuda
