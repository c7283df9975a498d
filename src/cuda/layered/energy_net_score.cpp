// The score of an energy net, products with its Jacobian, its divergence and its log-density, chunk by chunk. The score
// and the products come from a backward pass to the input and its derivatives along the directions. A divergence
// without the products comes from a forward pass, which sums second derivatives. Groups of directions run one after the
// other.
#include "cuda/call_params.h"
#include "cuda/layered/score_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

struct EnergyScoreProblem : ScoreProblem {
  EnergyScoreProblem(const ScoreSpec& spec_, const Context& context) : ScoreProblem(spec_, 1, context) {
    parts.energy = parts.second = true;
    parts.gradient_channels = 1 + net.tangents;
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      Jet::prepare_output(net.padded, rung, true, net.gemms);
      Jet::prepare_output(net.padded, rung, false, net.gemms);
      Jet::prepare_forward(net.padded, {rung, 0, 1}, net.gemms);
      Jet::prepare_gradient(net.padded, {rung, 0, 1}, net.gemms);
      // A call may have fewer directions than the plan allows.
      for (int count = 1; count <= net.tangents; ++count) {
        for (const bool second : {false, true})
          Jet::prepare_forward(net.padded, {rung, 1, 1 + count, count, second}, net.gemms);
        Jet::prepare_gradient(net.padded, {rung, 0, 1 + count}, net.gemms);
      }
    }
  }

  /// The launches for scores alone: the parameters and the start of the backward pass; then, per chunk, the
  /// perturbation, two per hidden layer forward and two backward, the product of the output layer, and the stored
  /// score.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    const int widened = net.element == kernels::Element::bf16 ? 1 : 0;
    return 2 + net.chunks(batch) * (3 + 4 * layers + widened);
  }
};

class EnergyScoreRun {
 public:
  EnergyScoreRun(const EnergyScoreProblem& problem, const ScoreCall& call) : problem_(problem), call_(call) {
    if (!call.out.score.empty() || !call.out.jvp.empty()) call.workspace.jet.fill_unit(call.stream);
  }

  void run(const Chunk& chunk) const {
    const Channels value{chunk.rows, 0, 1};
    call_.fill_value(chunk);
    call_.workspace.jet.forward_hidden(call_.parameters, value, false, false, call_.stream);
    if (!call_.out.log_density.empty()) store_log_density(chunk, value);
    if (!call_.out.score.empty()) {
      call_.workspace.jet.gradient(call_.parameters, value, call_.stream);
      call_.store_score(chunk, call_.workspace.jet.input_gradient(value, 0), problem_.net.padded.first().in);
    }
    if (!call_.out.jvp.empty())
      run_products(chunk, call_.drawn());
    else if (!call_.out.divergence_estimate.empty())
      run_divergence(chunk, call_.drawn(), call_.out.divergence_estimate);
    if (!call_.out.divergence.empty()) run_divergence(chunk, call_.unit_vectors(), call_.out.divergence);
  }

 private:
  void store_log_density(const Chunk& chunk, const Channels& value) const {
    call_.workspace.jet.apply_output(call_.parameters, value, 0, 1, call_.stream);
    kernels::LogDensityParams p;
    p.dim = problem_.spec.net.dim, p.batch = chunk.samples, p.first = chunk.first;
    p.output = call_.workspace.jet.output(value, 0), p.output_stride = problem_.net.padded.last().out;
    p.x = table_of(call_.in.batch.x), p.sigma = call_.workspace.sigma;
    p.parameterization = problem_.spec.net.parameterization;
    p.log_density = at(call_.out.log_density, chunk.first);
    check_launch(kernels::launch_log_density(p, call_.stream), "log_density");
  }

  void run_products(const Chunk& chunk, const Bundle& bundle) const {
    for_each_group(bundle.count, [&](int first, int count) {
      const Channels channels{chunk.rows, 0, 1 + count}, tangents{chunk.rows, 1, 1 + count};
      call_.fill_tangents(chunk, bundle, channels, first);
      call_.workspace.jet.forward_hidden(call_.parameters, tangents, false, false, call_.stream);
      call_.workspace.jet.gradient(call_.parameters, channels, call_.stream);
      call_.store_products(chunk, bundle, first, count, call_.workspace.jet.input_gradient(channels, 1),
                           problem_.net.padded.first().in, call_.out.jvp, call_.out.divergence_estimate);
    });
  }

  void run_divergence(const Chunk& chunk, const Bundle& bundle, const View& out) const {
    const Jet& jet = call_.workspace.jet;
    const int width = problem_.net.padded.last().out;
    for_each_group(bundle.count, [&](int first, int count) {
      const Channels channels{chunk.rows, 1, 1 + count, count, first + count == bundle.count};
      call_.fill_tangents(chunk, bundle, channels, first);
      jet.forward_hidden(call_.parameters, channels, first > 0, false, call_.stream);
      if (channels.second) jet.apply_output(call_.parameters, channels, channels.count, 1, call_.stream);
      kernels::EnergyHeadParams p;
      static_cast<kernels::BatchParams&>(p.head) = batch_params(problem_.spec, call_.in);
      p.head.batch = chunk.samples, p.head.rows = chunk.rows, p.head.first = chunk.first;
      p.head.sigma_rows = call_.workspace.sigma;
      p.head.directions = bundle.source;
      p.head.direction_values = bundle.has_row_values ? call_.workspace.direction_values : nullptr;
      p.head.first_direction = first, p.head.count = count;
      p.head.term.weight = static_cast<float>(bundle.weight);
      p.head.first_group = first == 0;
      p.head.jvp_stride = width;
      if (channels.second) p.second = jet.output(channels, channels.count);
      p.head.loss = at(out, chunk.first);
      check_launch(kernels::launch_energy_head(p, problem_.net.element, call_.stream), "energy_head");
    });
  }

  const EnergyScoreProblem& problem_;
  const ScoreCall& call_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_energy_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<LayeredScore<EnergyScoreProblem, EnergyScoreRun>>(spec, context);
}

}  // namespace scorematch::cuda
