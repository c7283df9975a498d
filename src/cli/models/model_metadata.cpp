#include "cli/models/model_metadata.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "cli/options/commands.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"
#include "model/network.h"
#include "model/noise_process.h"
#include "samplers/noise_levels.h"

namespace scorematch::cli {

double metadata_number(const Checkpoint& model, const std::string& key, double otherwise) {
  const auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  return end != found->second.c_str() && *end == '\0' && std::isfinite(value) ? value : otherwise;
}

void check(const NoiseRange& asked) {
  if (asked.low > 0 && asked.high > 0 && asked.low > asked.high)
    refuse_option("--sigma-min", "at most --sigma-max " + number_text(asked.high), number_text(asked.low));
}

namespace {

NoiseRange trained_range(const Checkpoint& model) {
  const NoiseRange recorded = {metadata_number(model, "sigma_min", 0), metadata_number(model, "sigma_max", 0)};
  if (!model.loss) return recorded;
  // A log-normal schedule has no ends: training may have recorded which it chose. Any other schedule has them.
  const bool has_ends = model.loss->schedule.kind != NoiseSchedule::Kind::log_normal;
  return has_ends || !(recorded.low > 0 && recorded.high > 0) ? range_of(model.loss->schedule) : recorded;
}

}  // namespace

NoiseRange range_of(const NoiseSchedule& schedule) {
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      return {schedule.sigma_max, schedule.sigma_max};
    case NoiseSchedule::Kind::geometric:
      return {schedule.sigma_min, schedule.sigma_max};
    case NoiseSchedule::Kind::log_normal:  // all but 3 in 1000 of the training noise
      return {std::exp(schedule.log_mean - 3 * schedule.log_deviation),
              std::exp(schedule.log_mean + 3 * schedule.log_deviation)};
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow:
    case NoiseSchedule::Kind::ddpm: {
      const auto [low, high] = sigma_range(schedule);
      return {low, high};
    }
  }
  return {};
}

NoiseRange known_range(const NoiseRange& asked, const Checkpoint& model) {
  const NoiseRange trained = trained_range(model);
  return {asked.low > 0 ? asked.low : trained.low, asked.high > 0 ? asked.high : trained.high};
}

std::string why_no_range(const Checkpoint& model) {
  if (!uses_sigma(model.net.parameterization, model.net.conditioning)) return "ignores sigma";
  const NoiseRange trained = trained_range(model);
  if (trained.low > 0 && trained.high < kSmallestRange * trained.low)
    return "was trained at a single level of noise (sigma " + number_text(trained.high) + ")";
  return {};
}

NoiseRange needed_range(const NoiseRange& asked, const Checkpoint& model, const std::string& sampler) {
  const auto refuse_model = [&](const std::string& why) {
    if (sampler.empty())
      refuse("MODEL", "a network that uses sigma, trained over a range of noise levels", "one that " + why);
    refuse("--sampler", "langevin, because the network " + why + " and the others pass from level to level", sampler);
  };
  if (const std::string why = why_no_range(model); !why.empty()) refuse_model(why);
  const NoiseRange range = known_range(asked, model);
  if (!(range.low > 0) || !(range.high > 0))
    refuse(range.low > 0 ? "--sigma-max" : "--sigma-min",
           "a level of noise, because the model does not say which it was trained on", "none");
  if (range.low > range.high)
    refuse("--sigma-min", "at most the largest noise, " + number_text(range.high), number_text(range.low));
  if (range.high < kSmallestRange * range.low)
    refuse(asked.low > 0 ? "--sigma-min" : "--sigma-max",
           "a range of noise, from sigma-min to twice that or more (for one level: sample --sampler langevin)",
           number_text(range.low) + " to " + number_text(range.high));
  return range;
}

double prior_deviation(const Checkpoint& model, double asked) {
  if (asked >= 0) return asked;
  const double recorded = metadata_number(model, kDeviation, -1);
  if (recorded >= 0) return recorded;
  if (const Parameterization& p = model.net.parameterization; p.kind == Parameterization::Kind::edm)
    return p.sigma_data;
  // Models of earlier versions: the units were chosen so.
  return model.standardization.mean.empty() ? 0 : std::max(metadata_number(model, "train.sigma-data", 0), 0.0);
}

double largest_deviation(const Checkpoint& model, double asked) {
  const double prior = prior_deviation(model, asked);
  return asked >= 0 ? prior : std::max(prior, metadata_number(model, kLargestDeviation, 0));
}

void warn_of_prior(Report& report, const Checkpoint& model, double sigma_max, double asked) {
  constexpr double kReach = 4;
  const double largest = std::max(largest_deviation(model, -1), largest_deviation(model, asked));
  if (sigma_max >= kReach * largest) return;
  report.warn(
      "sigma-max " + short_text(sigma_max, 2) +
      " is small compared with the data, whose largest standard deviation is " + short_text(largest, 2) +
      " in model units: the Gaussian at sigma-max does not stand for them, so spread and the weights of modes can be "
      "wrong; train with noise up to " +
      short_text(kReach * largest, 2) + " or more (--sigma-max, or --log-mean + 3 --log-deviation)");
}

}  // namespace scorematch::cli
