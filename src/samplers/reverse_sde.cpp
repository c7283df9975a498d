// The reverse of dx = sqrt(d sigma^2 / dt) dw (Anderson 1982; Song et al. 2021, eq. 6), dx = -s d(sigma^2) + dw~ with
// var(dw~) = |d(sigma^2)|, by Euler & Maruyama on the steps of Karras et al. 2022. The last step, to sigma = 0, is
// without noise.
//
//   v = sigma_i^2 - sigma_{i+1}^2:  x <- x + v s(x, sigma_i) + sqrt(v) z
//   last step:                      x <- x + sigma_min^2 s(x, sigma_min)
#include <cmath>

#include "checks/argument.h"
#include "samplers/sampler_method.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

class ReverseSdeMethod final : public SamplerMethod {
 public:
  explicit ReverseSdeMethod(const ReverseSde& options)
      : sigmas_(karras_levels(options.sigma_max, options.sigma_min, options.steps, options.rho)),
        start_deviation_(std::sqrt(prior_variance(options.sigma_max, options.prior_deviation))) {}

  std::vector<double> sigmas() const override { return sigmas_; }
  int scratch_count() const override { return 1; }

  void run(const SamplerRun& run) const override {
    const View score = run.scratch[0];
    run.update(start_at(run.x, start_deviation_));
    for (std::size_t i = 0; i < sigmas_.size(); ++i) {
      const bool last = i + 1 == sigmas_.size();
      const double sigma = sigmas_[i], next = last ? 0 : sigmas_[i + 1], variance = (sigma - next) * (sigma + next);
      run.score(run.x, static_cast<std::int64_t>(i), score);
      SamplerUpdate move;
      move.out = run.x;
      move.x = run.x;
      move.score = score;
      move.score_factor = variance;
      move.noise_factor = last ? 0 : std::sqrt(variance);
      move.index = static_cast<std::int64_t>(i);
      run.update(move);
    }
  }

 private:
  std::vector<double> sigmas_;
  double start_deviation_;
};

}  // namespace

std::unique_ptr<SamplerMethod> make_reverse_sde(const ReverseSde& options) {
  if (options.steps > philox::kMaxSamplerSteps)
    throw_invalid("sampler.steps", "at most " + std::to_string(philox::kMaxSamplerSteps),
                  std::to_string(options.steps));
  return std::make_unique<ReverseSdeMethod>(options);
}

}  // namespace scorematch
