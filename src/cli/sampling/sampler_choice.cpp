#include "cli/sampling/sampler_choice.h"

#include <algorithm>
#include <cmath>

#include "cli/options/commands.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"
#include "model/network.h"
#include "samplers/noise_levels.h"

namespace scorematch::cli {
namespace {

constexpr int kReverseSteps = 500;
constexpr int kMostSteps = 20000, kFewestSteps = 100;  // of a chain whose steps are not given
// Of a chain that starts from samples of the flow: ten relaxation times of a shape as narrow as the level. Wider shapes
// have the spread of the flow. At its smallest noise a network's score is least exact, and more steps would accumulate
// its errors.
constexpr int kRefiningSteps = 100;

/// At the smallest level of noise, or at none if the network ignores it.
SamplerChoice make_chain(const SamplerOptions& options, const Checkpoint& model, Report& report) {
  Langevin langevin;
  langevin.metropolis = options.metropolis;
  const auto [low, high] = known_range(options.noise, model);
  const bool uses_levels = uses_sigma(model.net.parameterization, model.net.conditioning);
  if (options.metropolis && model.net.kind != MlpShape::Kind::energy)
    refuse("--metropolis", "an energy net, which has a density", "a score net");
  if (uses_levels) {
    if (!(low > 0)) refuse("--sigma-min", "the level of noise to sample at, because the network uses it", "none");
    langevin.sigma = low;
  }
  if (!(options.step_size > 0) && !(low > 0))
    refuse("--step-size", "a step size, because the model was trained without noise, which would set its scale",
           "none");
  // src/samplers/langevin.cpp derives these numbers.
  langevin.step_size = options.step_size > 0 ? options.step_size : low * low / 5;
  const double widest = std::hypot(low, largest_deviation(model, options.prior_deviation));
  langevin.sigma_start = options.sigma_start > 0 ? options.sigma_start : widest > 0 ? widest : 1.0;
  const double slowest = std::max(widest, langevin.sigma_start),
               needed = std::ceil(8 * slowest * slowest / langevin.step_size);
  langevin.steps = options.steps;
  if (uses_levels && high >= kSmallestRange * low && !(options.sigma_start > 0)) {
    if (options.steps == 0) langevin.steps = kRefiningSteps;
    langevin.sigma_start = 0;
    warn_of_prior(report, model, high, options.prior_deviation);
    return {langevin, ProbabilityFlow{low, high, kFlowSteps, 7.0, prior_deviation(model, options.prior_deviation)}};
  }
  if (options.steps == 0) {
    langevin.steps = static_cast<int>(std::clamp(needed, 1.0 * kFewestSteps, 1.0 * kMostSteps));
    if (needed > kMostSteps)
      report.warn("--steps: a chain at sigma " + number_text(low) + " needs about " + short_text(needed, 2) +
                  " steps to forget its start, and runs only " + std::to_string(kMostSteps) +
                  "; give --steps, or train at a larger noise level or over a range of levels");
  }
  return {langevin, {}};
}

}  // namespace

SamplerChoice make_sampler(const SamplerOptions& options, const Checkpoint& model, Report& report) {
  if (options.is_chain()) return make_chain(options, model, report);
  const auto [low, high] = needed_range(options.noise, model, name_of(options.sampler));
  const double prior = prior_deviation(model, options.prior_deviation);
  warn_of_prior(report, model, high, options.prior_deviation);
  const auto steps = [&](int otherwise) { return options.steps > 0 ? options.steps : otherwise; };
  switch (options.sampler) {
    case SamplerKind::flow:
      return {ProbabilityFlow{low, high, steps(kFlowSteps), 7.0, prior}, {}};
    case SamplerKind::sde:
      return {ReverseSde{low, high, steps(kReverseSteps), 7.0, prior}, {}};
    case SamplerKind::annealed:
      return {AnnealedLangevin{low, high, options.steps, options.steps_per_level, options.step_size, prior}, {}};
    case SamplerKind::langevin:
      break;
  }
  return make_chain(options, model, report);
}

Condition SamplerOptions::network_uses_sigma() const {
  return model_is("a network that uses sigma", "a network that ignores sigma", model_uses_sigma);
}

void SamplerOptions::add_to(OptionTable& table) {
  table.choice(
      "--sampler", sampler,
      "flow (probability flow, Heun), sde (reverse, Euler-Maruyama), annealed (Langevin from level to level) or "
      "langevin (at the smallest level, whose noise the samples keep)",
      always_has_effect());
  const auto one_of = [this](const std::vector<SamplerKind>& any) { return chosen("--sampler", sampler, any); };
  table.optional_number("--steps", steps, 1, 1 << 24,
                        "steps of flow (40), sde (500) and langevin (enough to forget the start; 100 from "
                        "samples of the flow), levels of annealed (enough for the right spread)",
                        always_has_effect());
  table.number("--steps-per-level", steps_per_level, 1, 1 << 20, "steps at each level of annealed",
               needs(one_of({SamplerKind::annealed})));
  table.optional_number(
      "--step-size", step_size, kSmallest, kLargest,
      "step size at sigma-min, of annealed (sigma-min^2 / 2 if not given) and langevin (sigma-min^2 / 5)",
      needs(one_of({SamplerKind::annealed, SamplerKind::langevin})));
  table.flag("--metropolis", metropolis,
             "with langevin: accept or reject each step, so that an energy net's own density is sampled",
             needs(one_of({SamplerKind::langevin})));
  table.optional_number(
      "--sigma-start", sigma_start, kSmallest, kLargest,
      "with langevin: start from N(0, sigma-start^2), in model units; if not given, from samples of the "
      "flow, or as wide as the data if the model knows only one noise level",
      needs(one_of({SamplerKind::langevin})));
  table.optional_number("--prior-deviation", prior_deviation, 0, kLargest,
                        "standard deviation of the data in model units, added to sigma-max at the start; that of the "
                        "training data if not "
                        "given",
                        always_has_effect());
  // Langevin at one level uses sigma_min as the network's input and for the default step size.
  table.optional_number(
      "--sigma-min", noise.low, kSmallest, kLargest, "smallest noise; that of the training if not given",
      needs(one_of({SamplerKind::flow, SamplerKind::sde, SamplerKind::annealed}), network_uses_sigma(),
            Condition{"no --step-size", [this] { return !(step_size > 0); },
                      [this] { return "--step-size " + value_text(step_size); }}));
  // A network that uses sigma lets langevin start from the flow.
  table.optional_number(
      "--sigma-max", noise.high, kSmallest, kLargest, "largest noise; that of the training if not given",
      needs(one_of({SamplerKind::flow, SamplerKind::sde, SamplerKind::annealed}), network_uses_sigma()));
}

}  // namespace scorematch::cli
