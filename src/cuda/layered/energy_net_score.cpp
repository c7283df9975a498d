// An energy net's score, products with its Jacobian, divergence and log-density, chunk by chunk. The score and the
// products are one way back to the input, carried along the directions; the divergence along directions alone is
// forward: sums of second derivatives. Groups of directions go one after the other.
#include "cuda/call_params.h"
#include "cuda/layered/score_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

struct EnergyScoreProblem : ScoreProblem {
  EnergyScoreProblem(const ScoreSpec& spec_, const Context& context) : ScoreProblem(spec_, 1, context) {
    parts.energy = parts.second = true;
    parts.gradient_slots = 1 + net.tangents;
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

  /// Of scores alone: parameters and where the way back starts, then a chunk's prologue, two a hidden layer there and
  /// two back, the output's product and what is stored.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    const int widened = net.element == kernels::Element::bf16 ? 1 : 0;
    return 2 + net.chunks(batch) * (3 + 4 * layers + widened);
  }
};

class EnergyScoreRun final : public ScoreRun {
 public:
  EnergyScoreRun(const EnergyScoreProblem& problem, Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out)
      : ScoreRun(problem, queue, in, out) {
    if (!out.score.empty() || !out.jvp.empty()) workspace_.jet.fill_unit(stream_);
  }

 private:
  void run_chunk(const Chunk& chunk) const override {
    const Slots value{chunk.rows, 0, 1};
    fill_value(chunk);
    workspace_.jet.forward_hidden(parameters_, value, false, false, stream_);
    if (!out_.log_density.empty()) store_log_density(chunk, value);
    if (!out_.score.empty()) {
      workspace_.jet.gradient(parameters_, value, stream_);
      store_score(chunk, workspace_.jet.input_gradient(value, 0), problem_.net.padded.first().in);
    }
    if (!out_.jvp.empty())
      run_products(chunk, drawn());
    else if (!out_.divergence_estimate.empty())
      run_divergence(chunk, drawn(), out_.divergence_estimate);
    if (!out_.divergence.empty()) run_divergence(chunk, unit_vectors(), out_.divergence);
  }

  void store_log_density(const Chunk& chunk, const Slots& value) const {
    workspace_.jet.apply_output(parameters_, value, 0, 1, stream_);
    kernels::LogDensityParams p;
    p.dim = problem_.spec.net.dim, p.batch = chunk.samples, p.first = chunk.first;
    p.output = workspace_.jet.output(value, 0), p.output_stride = problem_.net.padded.last().out;
    p.x = table_of(in_.batch.x), p.sigma = workspace_.sigma;
    p.parameterization = translated(problem_.spec.net.parameterization);
    p.log_density = at(out_.log_density, chunk.first);
    check_launch(kernels::launch_log_density(p, stream_), "log_density");
  }

  void run_products(const Chunk& chunk, const Bundle& bundle) const {
    for_each_group(bundle.count, [&](int first, int count) {
      const Slots slots{chunk.rows, 0, 1 + count}, tangents{chunk.rows, 1, 1 + count};
      fill_tangents(chunk, bundle, slots, first);
      workspace_.jet.forward_hidden(parameters_, tangents, false, false, stream_);
      workspace_.jet.gradient(parameters_, slots, stream_);
      store_products(chunk, bundle, first, count, workspace_.jet.input_gradient(slots, 1),
                     problem_.net.padded.first().in, out_.jvp, out_.divergence_estimate);
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
      p.head.data.x = table_of(in_.batch.x);
      p.head.noise = translated(in_.batch.noise);
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
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_energy_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<LayeredScore<EnergyScoreProblem, EnergyScoreRun>>(spec, context);
}

}  // namespace scorematch::cuda
