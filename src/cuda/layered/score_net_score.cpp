// The score, products with its Jacobian and its divergence: a forward jet, chunk by chunk, groups of directions one
// after the other.
#include "cuda/layered/score_run.h"

namespace scorematch::cuda {
namespace {

struct ScoreNetProblem : ScoreProblem {
  ScoreNetProblem(const ScoreSpec& spec_, const Context& context) : ScoreProblem(spec_, 0, context) {
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

  /// Of scores alone: parameters, then a chunk's prologue, two a hidden layer, the output and what is stored.
  int launches(std::int64_t batch) const {
    return 1 + net.chunks(batch) * (3 + 2 * static_cast<int>(net.padded.hidden().size()));
  }
};

class ScoreNetRun final : public ScoreRun {
 public:
  ScoreNetRun(const ScoreNetProblem& problem, Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out)
      : ScoreRun(problem, queue, in, out) {}

 private:
  void run_chunk(const Chunk& chunk) const override {
    const Slots value{chunk.rows, 0, 1};
    fill_value(chunk);
    workspace_.jet.forward(parameters_, value, stream_);
    if (!out_.score.empty()) store_score(chunk, workspace_.jet.output(value, 0), problem_.net.padded.last().out);
    if (!out_.jvp.empty() || !out_.divergence_estimate.empty())
      run_directions(chunk, drawn(), out_.jvp, out_.divergence_estimate);
    if (!out_.divergence.empty()) run_directions(chunk, unit_vectors(), {}, out_.divergence);
  }

  void run_directions(const Chunk& chunk, const Bundle& bundle, const View& jvp, const View& divergence) const {
    for_each_group(bundle.count, [&](int first, int count) {
      const Slots slots{chunk.rows, 1, 1 + count};
      fill_tangents(chunk, bundle, slots, first);
      workspace_.jet.forward(parameters_, slots, stream_);
      store_products(chunk, bundle, first, count, workspace_.jet.output(slots, 1), problem_.net.padded.last().out, jvp,
                     divergence);
    });
  }
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<LayeredScore<ScoreNetProblem, ScoreNetRun>>(spec, context);
}

}  // namespace scorematch::cuda
