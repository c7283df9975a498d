// The score, its Jacobian-vector products, its divergence, and the log-density of energy nets.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {
namespace {

class ReferenceScore final : public ScoreProgram {
 public:
  explicit ReferenceScore(const ScoreSpec& spec) : spec_(spec) {}

  void run(Queue::Impl&, const ScoreIn& in, const ScoreOut& out, std::int64_t batch) const override {
    check_host_values(in.batch, batch, spec_.net.context.columns);
    const MlpShape& net = spec_.net;
    const std::vector<double> params = row(in.params, 0);
    const Mlp<double> mlp(net, params.data());
    const bool directed = !out.jvp.empty() || !out.divergence_estimate.empty();
    const int given =
        in.batch.directions.empty() ? spec_.projections : static_cast<int>(in.batch.directions.shape.extent[0]);
    const ContextRows context_row(in.batch, net.context);
    for (std::int64_t n = 0; n < batch; ++n) {
      const std::vector<double> x = row(in.batch.x, n), context = context_of(in.batch, net.context, context_row(n));
      const double sigma = in.batch.sigma.empty() ? 1.0 : per_sample(in.batch.sigma, n);
      const auto directions = directions_of(in.batch, directed ? given : 0, spec_.distribution, net.dim, n);
      const auto jet = score_forward(net, mlp, x, sigma, directions, context);
      put(out.score, n, jet.score);
      put_element(out.log_density, n, jet.log_density);
      double estimate = 0;
      for (std::size_t m = 0; m < directions.size(); ++m) {
        put(out.jvp, n, jet.jvp[m], static_cast<std::int64_t>(m));
        estimate += dot(directions[m], jet.jvp[m]) / given;
      }
      put_element(out.divergence_estimate, n, estimate);
      if (out.divergence.empty()) continue;
      const auto full = score_forward(net, mlp, x, sigma, basis<double>(net.dim), context);
      double trace = 0;
      for (std::size_t i = 0; i < full.jvp.size(); ++i) trace += full.jvp[i][i];
      put_element(out.divergence, n, trace);
    }
  }

 private:
  ScoreSpec spec_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec) { return std::make_unique<ReferenceScore>(spec); }

}  // namespace scorematch::reference
