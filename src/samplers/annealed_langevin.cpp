// Annealed Langevin dynamics (Song & Ermon 2019, algorithm 1), with a final denoising step x + sigma_min^2 s(x,
// sigma_min) (Jolicoeur-Martineau et al. 2020, "Adversarial score matching").
//
//   for each level sigma_i:  alpha_i = step_size sigma_i^2 / sigma_min^2
//     steps_per_level times: x <- x + alpha_i / 2 s(x, sigma_i) + sqrt(alpha_i) z
//
// With a = step_size / sigma_min^2 and N steps per factor e of sigma, the variance of a chain on N(0, s^2 I) lags
// behind that of the level by the relative amount 2 / (N a), for any s (docs/math.md). That sets the default number of
// levels. a = 1/2 is far below 4, where chains diverge, and widens directions without extent by a fourteenth.
#include <algorithm>
#include <cmath>

#include "checks/argument.h"
#include "samplers/sampler_method.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

class AnnealedLangevinMethod final : public SamplerMethod {
 public:
  /// @param options step_size and levels are not 0
  explicit AnnealedLangevinMethod(const AnnealedLangevin& options)
      : options_(options),
        sigmas_(geometric_levels(options.sigma_max, options.sigma_min, options.levels)),
        start_deviation_(std::sqrt(prior_variance(options.sigma_max, options.prior_deviation))) {}

  std::vector<double> sigmas() const override { return sigmas_; }
  int scratch_count() const override { return 1; }

  void run(const SamplerRun& run) const override {
    const View score = run.scratch[0];
    run.update(start_at(run.x, start_deviation_));
    std::int64_t index = 0;
    for (std::size_t level = 0; level < sigmas_.size(); ++level) {
      const double ratio = sigmas_[level] / options_.sigma_min, alpha = options_.step_size * ratio * ratio;
      for (int step = 0; step < options_.steps_per_level; ++step, ++index) {
        run.score(run.x, static_cast<std::int64_t>(level), score);
        SamplerUpdate move;
        move.out = run.x;
        move.x = run.x;
        move.score = score;
        move.score_factor = alpha / 2;
        move.noise_factor = std::sqrt(alpha);
        move.index = index;
        run.update(move);
      }
    }
    run.score(run.x, static_cast<std::int64_t>(sigmas_.size()) - 1, score);
    SamplerUpdate denoise;
    denoise.out = run.x;
    denoise.x = run.x;
    denoise.score = score;
    denoise.score_factor = options_.sigma_min * options_.sigma_min;
    run.update(denoise);
  }

 private:
  AnnealedLangevin options_;
  std::vector<double> sigmas_;
  double start_deviation_;
};

constexpr double kStep = 0.5;  // a
constexpr double kLag = 0.03;  // 2 / (N a), relative, of the variance

/// As few levels as the lag allows, at least two.
int levels_for(const AnnealedLangevin& options) {
  const double a = options.step_size / (options.sigma_min * options.sigma_min),
               steps = 2 / (kLag * a) * std::log(options.sigma_max / options.sigma_min),
               levels = std::ceil(steps / options.steps_per_level);
  return static_cast<int>(std::clamp(levels, 2.0, static_cast<double>(1 << 24)));
}

}  // namespace

std::unique_ptr<SamplerMethod> make_annealed_langevin(const AnnealedLangevin& options) {
  if (options.steps_per_level < 1)
    throw_invalid("sampler.steps_per_level", "at least 1", std::to_string(options.steps_per_level));
  check_level_range(options.sigma_max, options.sigma_min);
  if (!(options.step_size >= 0) || !std::isfinite(options.step_size))
    throw_invalid("sampler.step_size", "a finite value >= 0", describe(options.step_size));
  AnnealedLangevin filled = options;
  if (filled.step_size == 0) filled.step_size = kStep * options.sigma_min * options.sigma_min;
  if (filled.levels == 0) filled.levels = levels_for(filled);
  const std::int64_t steps = std::int64_t{filled.levels} * options.steps_per_level;
  if (steps > philox::kMaxSamplerSteps)
    throw_invalid("sampler.levels", "at most " + std::to_string(philox::kMaxSamplerSteps) + " steps in total",
                  std::to_string(steps));
  return std::make_unique<AnnealedLangevinMethod>(filled);
}

}  // namespace scorematch
