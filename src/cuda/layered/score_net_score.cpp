// The score of a score net, products with its Jacobian, and its divergence: a forward jet, chunk by chunk. Groups of
// directions run one after the other.
#include "cuda/layered/score_run.h"

namespace scorematch::cuda {
namespace {

struct ScoreNetProblem : ScoreProblem {
  ScoreNetProblem(const ScoreSpec& spec_, const Context& context) : ScoreProblem(spec_, 0, context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      Jet::prepare_forward(net.padded, {rung, 0, 1}, net.gemms);
      Jet::prepare_output(net.padded, rung, true, net.gemms);
      // A call may have fewer directions than the plan allows.
      for (int count = 1; count <= net.tangents; ++count) {
        Jet::prepare_forward(net.padded, {rung, 1, 1 + count}, net.gemms);
        Jet::prepare_output(net.padded, count * rung, false, net.gemms);
      }
    }
  }

  /// The launches for scores alone: the parameters; then, per chunk, the perturbation, two per hidden layer, the output
  /// layer, and the stored score.
  int launches(std::int64_t batch) const {
    return 1 + net.chunks(batch) * (3 + 2 * static_cast<int>(net.padded.hidden().size()));
  }
};

class ScoreNetRun {
 public:
  ScoreNetRun(const ScoreNetProblem& problem, const ScoreCall& call) : problem_(problem), call_(call) {}

  void run(const Chunk& chunk) const {
    const Channels value{chunk.rows, 0, 1};
    call_.fill_value(chunk);
    call_.workspace.jet.forward(call_.parameters, value, call_.stream);
    if (!call_.out.score.empty())
      call_.store_score(chunk, call_.workspace.jet.output(value, 0), problem_.net.padded.last().out);
    if (!call_.out.jvp.empty() || !call_.out.divergence_estimate.empty())
      run_directions(chunk, call_.drawn(), call_.out.jvp, call_.out.divergence_estimate);
    if (!call_.out.divergence.empty()) run_directions(chunk, call_.unit_vectors(), {}, call_.out.divergence);
  }

 private:
  void run_directions(const Chunk& chunk, const Bundle& bundle, const View& jvp, const View& divergence) const {
    for_each_group(bundle.count, [&](int first, int count) {
      const Channels channels{chunk.rows, 1, 1 + count};
      call_.fill_tangents(chunk, bundle, channels, first);
      call_.workspace.jet.forward(call_.parameters, channels, call_.stream);
      call_.store_products(chunk, bundle, first, count, call_.workspace.jet.output(channels, 1),
                           problem_.net.padded.last().out, jvp, divergence);
    });
  }

  const ScoreNetProblem& problem_;
  const ScoreCall& call_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_layered_score(const ScoreSpec& spec, const Context& context) {
  return std::make_unique<LayeredScore<ScoreNetProblem, ScoreNetRun>>(spec, context);
}

}  // namespace scorematch::cuda
