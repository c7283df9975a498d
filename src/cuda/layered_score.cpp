// The score, products with its Jacobian and its divergence: a forward jet, chunk by chunk, groups of directions one
// after the other.
#include "cuda/input_slots.h"
#include "cuda/programs.h"
#include "cuda/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {
namespace {

/// What a plan knows.
struct ScoreProblem {
  ScoreProblem(const ScoreSpec& spec_, const Context& context)
      : spec(spec_),
        net(spec_.net, context.engine),
        features(spec_.net.conditioning, context.engine),
        element(element_of(spec_.compute.precision)),
        rows(chunk_rows(spec_.max_batch, net.max_width(), slots())),
        gemms(context.cublas, spec_.compute.precision) {
    for (std::int64_t rung = kLeastRows; rung <= rows; rung *= 2) {
      Jet::prepare(net, {rung, 0, 1}, false, gemms);
      // A call may bring fewer directions than the plan allows.
      for (int count = 1; count < slots(); ++count) Jet::prepare(net, {rung, 1, 1 + count}, false, gemms);
    }
  }

  int slots() const { return 1 + std::min(std::max(spec.projections, spec.net.dim), kMostTangents); }

  ScoreSpec spec;
  PaddedNet net;
  Features features;
  kernels::Element element;
  std::int64_t rows;  // of a whole chunk
  Gemms gemms;
};

/// The workspace: 2 or 4 bytes a padded parameter, and a chunk's arrays.
struct ScoreArrays {
  ScoreArrays(const ScoreProblem& problem, DeviceArena arena)
      : weights(arena.take<char>(static_cast<std::size_t>(problem.net.weight_count()) *
                                 (problem.element == kernels::Element::bf16 ? 2 : 4))),
        biases(arena.take<float>(static_cast<std::size_t>(problem.net.bias_count()))),
        sigma(arena.take<float>(static_cast<std::size_t>(problem.rows))),
        direction_scale(
            arena.take<float>(static_cast<std::size_t>(problem.rows) * static_cast<std::size_t>(problem.slots() - 1))),
        jet(problem.net, translated(problem.spec.net.activation), problem.element, problem.gemms, problem.rows,
            problem.slots(), false, arena),
        bytes(arena.used()) {}

  char* weights;
  float *biases, *sigma, *direction_scale;
  Jet jet;
  std::size_t bytes;
};

class ScoreRun {
 public:
  ScoreRun(const ScoreProblem& problem, Queue::Impl& queue, const ScorePlan::In& in, const ScorePlan::Out& out)
      : problem_(problem), stream_(queue.stream), in_(in), out_(out), arrays_(problem, DeviceArena(queue.workspace)) {}

  void run(std::int64_t batch) {
    check_launch(kernels::launch_pack(floats(in_.params), problem_.net.table(), arrays_.weights, arrays_.biases,
                                      problem_.element, stream_),
                 "pack");
    for_each_chunk(batch, problem_.rows, [&](const Chunk& chunk) { run_chunk(chunk); });
  }

 private:
  void run_chunk(const Chunk& chunk) {
    load(chunk);
    arrays_.jet.forward(parameters(), {chunk.rows, 0, 1}, stream_);
    if (!out_.score.empty()) {
      kernels::ScoreParams p = params(chunk);
      p.output = arrays_.jet.output({chunk.rows, 0, 1}, 0), p.output_stride = problem_.net.last().out;
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
      const int width = problem_.net.last().out;
      kernels::DirectionsParams drawn;
      drawn.source = source;
      drawn.noise = translated(in_.noise);
      drawn.scale = has_scale ? arrays_.direction_scale : nullptr;
      input_slots().fill_tangents(drawn, chunk, slots, first);
      arrays_.jet.forward(parameters(), slots, stream_);
      kernels::ScoreParams p = params(chunk);
      p.jvp = arrays_.jet.output(slots, 1), p.jvp_plane = chunk.rows * width, p.jvp_stride = width;
      p.directions = source;
      p.direction_scale = has_scale ? arrays_.direction_scale : nullptr;
      p.first_direction = first, p.count = count, p.share = share;
      if (!jvp.empty()) {
        p.jvp_out = floats(jvp) + first * jvp.stride[0] + chunk.first * jvp.stride[1];
        p.jvp_out_plane = jvp.stride[0], p.jvp_out_stride = jvp.stride[1];
      }
      p.divergence = at(divergence, chunk.first), p.add_divergence = first > 0;
      check_launch(kernels::launch_score(p, stream_), "score");
    });
  }

  Parameters parameters() const { return {arrays_.weights, arrays_.biases}; }

  kernels::ScoreParams params(const Chunk& chunk) const {
    kernels::ScoreParams p;
    p.dim = problem_.spec.net.dim;
    p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
    p.x = table_of(in_.x);
    p.sigma = arrays_.sigma;
    p.parameterization = translated(problem_.spec.net.parameterization);
    p.noise = translated(in_.noise);
    return p;
  }

  InputSlots input_slots() const {
    return {problem_.net, arrays_.jet, problem_.element, problem_.spec.net.dim, arrays_.sigma, stream_};
  }

  void load(const Chunk& chunk) const {
    kernels::PerturbParams p;
    p.data = {table_of(in_.x), in_.x.shape.extent[0], nullptr, false};
    p.sigma = sigma_source(in_.sigma, schedule::None{});
    p.parameterization = translated(problem_.spec.net.parameterization);
    p.features = problem_.features.get();
    input_slots().fill_value(p, chunk);
  }

  const ScoreProblem& problem_;
  cudaStream_t stream_;
  const ScorePlan::In& in_;
  const ScorePlan::Out& out_;
  ScoreArrays arrays_;
};

class CudaScore final : public ScoreProgram {
 public:
  CudaScore(const ScoreSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {}

  std::size_t workspace_bytes() const override { return ScoreArrays(problem_, DeviceArena()).bytes; }

  PlanReport report(std::int64_t batch) const override {
    int chunks = 0;
    for_each_chunk(batch, problem_.rows, [&](const Chunk&) { ++chunks; });
    // Of scores alone: parameters, then a chunk's prologue, two a hidden layer, the output and what is stored.
    const int layers = static_cast<int>(problem_.net.hidden().size());
    return {Route::layered, 1 + chunks * (3 + 2 * layers),
            "layered: " + std::to_string(problem_.rows) + " rows a chunk"};
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
