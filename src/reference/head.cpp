// The head alone, for the caller's own network:
//
//   s = a x_tilde + b F      J v = a v + b c (dF/dz) v      tr J = a d + b c tr dF/dz
//
// so the gradients with respect to the network's outputs have the factors b and b c.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {
namespace {

class ReferenceHead final : public HeadProgram {
 public:
  explicit ReferenceHead(const HeadSpec& spec) : spec_(spec) {}

  void run(Queue::Impl&, const HeadIn& in, const HeadOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in.batch, batch);
    const RowIndex row_of(in.batch);
    Estimate estimate;
    for (std::int64_t n = 0; n < batch; ++n) {
      Sample<double> sample = sample_of(in.batch, spec_.loss, spec_.dim, n);
      if (!in.batch.x.empty()) sample.x = row(in.batch.x, row_of(n));
      const double loss = run_sample(in, out, n, sample, grad_factor_of(reduction, batch));
      add_to(estimate, loss);
      put_element(out.loss_per_sample, n, loss);
    }
    store(out.loss, estimate, reduction.accumulate);
  }

 private:
  double run_sample(const HeadIn& in, const HeadOut& out, std::int64_t n, const Sample<double>& sample,
                    double grad_factor) const {
    const auto [a, b, c] = coefficients(spec_.parameterization, sample.sigma);
    HeadInput<double> given;
    given.directions = sample.directions;
    given.eps = sample.eps;
    given.true_score = sample.true_score;
    given.sigma = sample.sigma;
    std::vector<double> score = row(in.output, n);
    const std::vector<double> x_tilde = perturbed(sample.x, 1, sample.sigma, sample.eps);
    for (std::size_t i = 0; i < score.size(); ++i) score[i] = b * score[i] + (x_tilde.empty() ? 0 : a * x_tilde[i]);
    given.score = {score};
    for (std::size_t m = 0; m < sample.directions.size(); ++m) {
      given.jvp.push_back(row(in.jvp, n, static_cast<std::int64_t>(m)));
      for (std::size_t i = 0; i < score.size(); ++i)
        given.jvp[m][i] = a * sample.directions[m][i] + b * c * given.jvp[m][i];
    }
    if (!in.trace.empty()) given.trace = a * spec_.dim + b * c * element(in.trace, n);

    HeadOutput<double> result =
        std::visit([&](const auto& objective) { return head(objective, given); }, spec_.loss.objective);
    const double lambda = sample.weight * weight(spec_.loss.weighting, sample.sigma), factor = grad_factor * lambda;
    for (double& each : result.grad_score[0]) each *= factor * b;
    put(out.grad_output, n, result.grad_score[0]);
    for (std::size_t m = 0; m < sample.directions.size(); ++m) {
      std::vector<double> grad_jvp = sample.directions[m];
      for (double& each : grad_jvp) each *= factor * b * c * result.jvp_weight;
      put(out.grad_jvp, n, grad_jvp, static_cast<std::int64_t>(m));
    }
    put_element(out.grad_trace, n, factor * b * c * result.grad_trace);
    for (double& each : result.direction_losses) each *= lambda;
    put_column(out.loss_per_direction, n, result.direction_losses);
    return lambda * result.loss;
  }

  HeadSpec spec_;
};

}  // namespace

std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec) { return std::make_unique<ReferenceHead>(spec); }

}  // namespace scorematch::reference
