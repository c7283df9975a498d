// Langevin dynamics at one noise level, unadjusted or Metropolis-corrected (Roberts & Tweedie 1996; Besag 1994).
//
//   x' = x + h/2 s(x) + sqrt(h) z;  unadjusted: x <- x';  corrected: x <- x' if it is accepted (backend.h)
//
// On N(0, v I) a step multiplies x by 1 - h / (2 v): the unadjusted chain has the variance v / (1 - h / (4 v)) and
// forgets its start in 2 v / h steps. The noise of the level makes every v at least sigma^2, which sets the default of
// h. The start stands for the widest v, which sets the default number of steps.
//
// The score and log-density at x are saved, so each step evaluates the network once, at x'.
#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
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
    run.update(count);  // sets the counts to 0
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

constexpr double kStep = 0.2;       // h / sigma^2
constexpr double kRelaxations = 4;  // in a default run: e^-4 of the start is left

int steps_for(const Langevin& options) {
  if (options.sigma_start == 0) throw_invalid("sampler.steps", "at least 1, as the chain starts from the given x", "0");
  const double widest = options.sigma * options.sigma + options.sigma_start * options.sigma_start,
               steps = std::ceil(kRelaxations * 2 * widest / options.step_size);
  if (steps > philox::kMaxSamplerSteps)
    throw_invalid("sampler.steps",
                  "an explicit number, as a chain that starts from sigma_start " + describe(options.sigma_start) +
                      " would need " + describe(steps) + " steps of size " + describe(options.step_size),
                  "0");
  return static_cast<int>(steps);
}

}  // namespace

std::unique_ptr<SamplerMethod> make_langevin(const Langevin& options) {
  if (options.sigma != 0) check_positive_float("sampler.sigma", options.sigma);
  if (options.sigma_start != 0) check_positive_float("sampler.sigma_start", options.sigma_start);
  Langevin filled = options;
  if (filled.step_size == 0) filled.step_size = kStep * options.sigma * options.sigma;
  if (filled.step_size == 0) throw_invalid("sampler.step_size", "a value > 0, as its default needs a noise level", "0");
  check_positive_float("sampler.step_size", filled.step_size);
  if (filled.steps == 0) filled.steps = steps_for(filled);
  if (filled.steps < 1 || filled.steps > philox::kMaxSamplerSteps)
    throw_invalid("sampler.steps", "between 1 and " + std::to_string(philox::kMaxSamplerSteps),
                  std::to_string(filled.steps));
  return std::make_unique<LangevinMethod>(filled);
}

}  // namespace scorematch
