// Heun's method on the probability-flow equation dx/dsigma = -sigma s(x, sigma), on the steps of Karras et al. 2022
// (eq. 5; algorithm 1 with s(t) = 1, sigma(t) = t). The last step, to sigma = 0, is Euler's.
//
//   d  = -sigma_i s(x, sigma_i);      x' = x + (sigma_{i+1} - sigma_i) d
//   d' = -sigma_{i+1} s(x', sigma_{i+1});  x <- x + (sigma_{i+1} - sigma_i) (d + d') / 2
#include <cmath>

#include "samplers/sampler_method.h"

namespace scorematch {
namespace {

class ProbabilityFlowMethod final : public SamplerMethod {
 public:
  explicit ProbabilityFlowMethod(const ProbabilityFlow& options)
      : sigmas_(karras_levels(options.sigma_max, options.sigma_min, options.steps, options.rho)),
        start_deviation_(std::sqrt(prior_variance(options.sigma_max, options.prior_deviation))) {}

  std::vector<double> sigmas() const override { return sigmas_; }
  int scratch_count() const override { return 3; }

  void run(const SamplerRun& run) const override {
    const View score = run.scratch[0], next_score = run.scratch[1], next_x = run.scratch[2];
    run.update(start_at(run.x, start_deviation_));
    const auto steps = static_cast<std::int64_t>(sigmas_.size());
    for (std::int64_t i = 0; i < steps; ++i) {
      const bool last = i + 1 == steps;
      const double sigma = sigmas_[static_cast<std::size_t>(i)];
      const double next = last ? 0 : sigmas_[static_cast<std::size_t>(i) + 1], step = next - sigma;
      run.score(run.x, i, score);
      SamplerUpdate move;
      move.out = last ? run.x : next_x;
      move.x = run.x;
      move.score = score;
      move.score_factor = -step * sigma;
      run.update(move);
      if (last) break;
      run.score(next_x, i + 1, next_score);
      move.out = run.x;
      move.second_score = next_score;
      move.score_factor = -step * sigma / 2;
      move.second_factor = -step * next / 2;
      run.update(move);
    }
  }

 private:
  std::vector<double> sigmas_;
  double start_deviation_;
};

}  // namespace

std::unique_ptr<SamplerMethod> make_probability_flow(const ProbabilityFlow& options) {
  return std::make_unique<ProbabilityFlowMethod>(options);
}

}  // namespace scorematch
