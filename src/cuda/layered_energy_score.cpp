// An energy net's score, products with its Jacobian, divergence and log-density, chunk by chunk. The score and the
// products are one way back to the input, carried along the directions; the divergence along directions alone is
// forward: sums of second derivatives. Groups of directions go one after the other.
#include "cuda/call_params.h"
#include "cuda/layered_net.h"
#include "cuda/status.h"

namespace scorematch::cuda {
namespace {

/// What a plan knows.
struct EnergyScoreProblem {
  EnergyScoreProblem(const ScoreSpec& spec_, const Context& context)
      : spec(spec_),
        net(spec_.net, spec_.compute.precision, spec_.max_batch, std::max(spec_.projections, spec_.net.dim), 1,
            context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      Jet::prepare_output(net.padded, rung, true, net.gemms);
      Jet::prepare_output(net.padded, rung, false, net.gemms);
      Jet::prepare_forward(net.padded, {rung, 0, 1}, net.gemms);
      Jet::prepare_gradient(net.padded, {rung, 0, 1}, net.gemms);
      // A call may bring fewer directions than the plan allows.
      for (int count = 1; count <= net.tangents; ++count) {
        for (const bool second : {false, true})
          Jet::prepare_forward(net.padded, {rung, 1, 1 + count, count, second}, net.gemms);
        Jet::prepare_gradient(net.padded, {rung, 0, 1 + count}, net.gemms);
      }
    }
  }

  JetParts parts() const {
    JetParts result;
    result.energy = result.second = true;
    result.gradient_slots = 1 + net.tangents;
    return result;
  }

  ScoreSpec spec;
  LayeredNet net;
};

/// Directions, and what each is worth.
struct Bundle {
  kernels::DirectionSource source;
  bool has_scale = false;  // to the sphere
  int count = 0;
  double share = 1;
};

class EnergyScoreRun {
 public:
  EnergyScoreRun(const EnergyScoreProblem& problem, Queue::Impl& queue, const ScorePlan::In& in,
                 const ScorePlan::Out& out)
      : problem_(problem),
        stream_(queue.stream),
        in_(in),
        out_(out),
        arena_(queue.workspace),
        workspace_(problem.net, problem.parts(), arena_),
        parameters_(workspace_.parameters()) {}

  void run(std::int64_t batch) {
    workspace_.pack(in_.params, stream_);
    if (!out_.score.empty() || !out_.jvp.empty()) workspace_.jet.fill_unit(stream_);
    for_each_chunk(batch, problem_.net.rows, [&](const Chunk& chunk) { run_chunk(chunk); });
  }

 private:
  void run_chunk(const Chunk& chunk) {
    const Slots value{chunk.rows, 0, 1};
    workspace_.fill_value(perturb_params(problem_.spec, problem_.net.features, in_), chunk, stream_);
    workspace_.jet.forward_hidden(parameters_, value, false, false, stream_);
    if (!out_.log_density.empty()) store_log_density(chunk, value);
    if (!out_.score.empty()) {
      workspace_.jet.gradient(parameters_, value, stream_);
      kernels::ScoreParams p = params(chunk);
      p.output = workspace_.jet.input_gradient(value, 0), p.output_stride = problem_.net.padded.first().in;
      p.score = row_of(out_.score, chunk.first), p.score_stride = out_.score.stride[0];
      check_launch(kernels::launch_score(p, stream_), "score");
    }
    if (!out_.jvp.empty())
      run_products(chunk, drawn());
    else if (!out_.divergence_estimate.empty())
      run_divergence(chunk, drawn(), out_.divergence_estimate);
    if (!out_.divergence.empty()) run_divergence(chunk, {basis(), false, problem_.spec.net.dim, 1}, out_.divergence);
  }

  Bundle drawn() const {
    const int count =
        in_.directions.empty() ? problem_.spec.projections : static_cast<int>(in_.directions.shape.extent[0]);
    return {direction_source(in_.directions, problem_.spec.law),
            in_.directions.empty() && problem_.spec.law == Projection::sphere, count, 1.0 / count};
  }

  void fill_tangents(const Chunk& chunk, const Bundle& bundle, const Slots& slots, int first) const {
    kernels::DirectionsParams p;
    p.source = bundle.source;
    p.noise = translated(in_.noise);
    workspace_.fill_tangents(p, bundle.has_scale, chunk, slots, first, stream_);
  }

  void store_log_density(const Chunk& chunk, const Slots& value) const {
    workspace_.jet.apply_output(parameters_, value, 0, 1, stream_);
    kernels::LogDensityParams p;
    p.dim = problem_.spec.net.dim, p.batch = chunk.samples, p.first = chunk.first;
    p.output = workspace_.jet.output(value, 0), p.output_stride = problem_.net.padded.last().out;
    p.x = table_of(in_.x), p.sigma = workspace_.sigma;
    p.parameterization = translated(problem_.spec.net.parameterization);
    p.log_density = at(out_.log_density, chunk.first);
    check_launch(kernels::launch_log_density(p, stream_), "log_density");
  }

  void run_products(const Chunk& chunk, const Bundle& bundle) const {
    const int width = problem_.net.padded.first().in;
    for_each_group(bundle.count, [&](int first, int count) {
      const Slots slots{chunk.rows, 0, 1 + count}, tangents{chunk.rows, 1, 1 + count};
      fill_tangents(chunk, bundle, slots, first);
      workspace_.jet.forward_hidden(parameters_, tangents, false, false, stream_);
      workspace_.jet.gradient(parameters_, slots, stream_);
      kernels::ScoreParams p = params(chunk);
      p.jvp = workspace_.jet.input_gradient(slots, 1), p.jvp_plane = chunk.rows * width, p.jvp_stride = width;
      p.directions = bundle.source;
      p.direction_scale = bundle.has_scale ? workspace_.direction_scale : nullptr;
      p.first_direction = first, p.count = count, p.share = static_cast<float>(bundle.share);
      p.jvp_out = floats(out_.jvp) + first * out_.jvp.stride[0] + chunk.first * out_.jvp.stride[1];
      p.jvp_out_plane = out_.jvp.stride[0], p.jvp_out_stride = out_.jvp.stride[1];
      p.divergence = at(out_.divergence_estimate, chunk.first), p.add_divergence = first > 0;
      check_launch(kernels::launch_score(p, stream_), "score");
    });
  }

  void run_divergence(const Chunk& chunk, const Bundle& bundle, const View& out) const {
    const Jet& jet = workspace_.jet;
    const int width = problem_.net.padded.last().out;
    for_each_group(bundle.count, [&](int first, int count) {
      const Slots slots{chunk.rows, 1, 1 + count, count, first + count == bundle.count};
      fill_tangents(chunk, bundle, slots, first);
      jet.forward_hidden(parameters_, slots, first > 0, false, stream_);
      if (slots.second) jet.apply_output(parameters_, slots, slots.count, 1, stream_);
      kernels::EnergyHeadParams p;
      p.head.objective = kernels::Objective::ism;  // no square
      p.head.dim = problem_.spec.net.dim;
      p.head.batch = chunk.samples, p.head.rows = chunk.rows, p.head.first = chunk.first;
      p.head.data.x = table_of(in_.x);
      p.head.noise = translated(in_.noise);
      p.head.sigma_rows = workspace_.sigma;
      p.head.parameterization = translated(problem_.spec.net.parameterization);
      p.head.directions = bundle.source;
      p.head.direction_scale = bundle.has_scale ? workspace_.direction_scale : nullptr;
      p.head.first_direction = first, p.head.count = count, p.head.share = static_cast<float>(bundle.share);
      p.head.first_group = first == 0;
      p.head.jvp_stride = width;
      if (slots.second) p.second = jet.output(slots, slots.count);
      p.head.loss = at(out, chunk.first);
      check_launch(kernels::launch_energy_head(p, problem_.net.element, stream_), "energy_head");
    });
  }

  kernels::ScoreParams params(const Chunk& chunk) const {
    kernels::ScoreParams p = score_params(problem_.spec, in_);
    p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
    p.sigma = workspace_.sigma;
    return p;
  }

  const EnergyScoreProblem& problem_;
  cudaStream_t stream_;
  const ScorePlan::In& in_;
  const ScorePlan::Out& out_;
  DeviceArena arena_;
  LayeredWorkspace workspace_;
  Parameters parameters_;
};

class CudaEnergyScore final : public ScoreProgram {
 public:
  CudaEnergyScore(const ScoreSpec& spec, const Context& context) : problem_(spec, context), device_(context.device) {}

  std::size_t workspace_bytes() const override {
    DeviceArena arena;
    LayeredWorkspace(problem_.net, problem_.parts(), arena);
    return arena.used();
  }

  PlanReport report(std::int64_t batch) const override {
    // Of scores alone: parameters and where the way back starts, then a chunk's prologue, two a hidden layer there and
    // two back, the output's product and what is stored.
    const int layers = static_cast<int>(problem_.net.padded.hidden().size());
    const int widened = problem_.net.element == kernels::Element::bf16 ? 1 : 0;
    return problem_.net.report(2 + problem_.net.chunks(batch) * (3 + 4 * layers + widened));
  }

  void run(Queue::Impl& queue, const ScorePlan::In& in, const ScorePlan::Out& out, std::int64_t batch) const override {
    check_noise_offset(in.noise, batch);
    const UseDevice use(device_.index);
    EnergyScoreRun(problem_, queue, in, out).run(batch);
  }

 private:
  EnergyScoreProblem problem_;
  const Device& device_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_energy_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<CudaEnergyScore>(spec, context);
}

}  // namespace scorematch::cuda
