// Langevin dynamics at one noise level, unadjusted or with Metropolis' correction (Roberts & Tweedie 1996; Besag 1994).
//
//   x' = x + h/2 s(x) + sqrt(h) z;  unadjusted: x <- x';  corrected: x <- x' where it is accepted (backend.h)
//
// The score and log-density of where a chain stands are kept: a step evaluates the network once, at x'.
#include <cmath>

#include "samplers/sampler_method.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

class LangevinMethod final : public SamplerMethod {
 public:
  explicit LangevinMethod(const Langevin& options) : options_(options) {}

  std::vector<double> sigmas() const override {
    return options_.sigma > 0 ? std::vector<double>{options_.sigma} : std::vector<double>{};
  }
  int scratch_count() const override { return options_.metropolis ? 3 : 1; }
  int value_count() const override { return options_.metropolis ? 3 : 0; }
  bool starts_from_x() const override { return options_.sigma_start == 0; }

  void run(const SamplerRun& run) const override {
    if (!starts_from_x()) run.update(start_at(run.x, options_.sigma_start));
    if (options_.metropolis)
      run_corrected(run);
    else
      run_unadjusted(run);
  }

 private:
  /// to = x + h/2 s + sqrt(h) z_k
  SamplerUpdate move(const SamplerRun& run, std::int64_t k, const View& to) const {
    SamplerUpdate move;
    move.out = to;
    move.x = run.x;
    move.score = run.scratch[0];
    move.score_factor = options_.step_size / 2;
    move.noise_factor = std::sqrt(options_.step_size);
    move.index = k;
    return move;
  }

  void run_unadjusted(const SamplerRun& run) const {
    for (int k = 0; k < options_.steps; ++k) {
      run.score(run.x, 0, run.scratch[0]);
      run.update(move(run, k, run.x));
    }
  }

  void run_corrected(const SamplerRun& run) const {
    MetropolisStep step;
    step.x = run.x, step.score = run.scratch[0], step.accepted = run.values[0], step.log_density = run.values[1];
    step.next_x = run.scratch[1], step.next_score = run.scratch[2], step.next_log_density = run.values[2];
    step.step_size = options_.step_size;
    SamplerUpdate count;
    count.out = column(step.accepted);
    run.update(count);  // none yet
    run.score_and_log_density(run.x, 0, step.score, step.log_density);
    for (int k = 0; k < options_.steps; ++k) {
      run.update(move(run, k, run.scratch[1]));
      run.score_and_log_density(step.next_x, 0, run.scratch[2], run.values[2]);
      step.index = k;
      run.metropolis(step);
    }
    count.score = count.out;
    count.score_factor = 1.0 / options_.steps;
    run.update(count);
  }

  Langevin options_;
};

}  // namespace

std::unique_ptr<SamplerMethod> make_langevin(const Langevin& options) {
  if (options.sigma != 0) check_positive_float("sampler.sigma", options.sigma);
  check_positive_float("sampler.step_size", options.step_size);
  if (options.steps < 1 || options.steps > philox::kMaxSamplerSteps)
    throw_invalid("sampler.steps", "between 1 and " + std::to_string(philox::kMaxSamplerSteps),
                  std::to_string(options.steps));
  if (options.sigma_start != 0) check_positive_float("sampler.sigma_start", options.sigma_start);
  return std::make_unique<LangevinMethod>(options);
}

}  // namespace scorematch
