// Defaults of `scorematch train` that follow from the data. docs/command.md gives the reasons.
#include <algorithm>
#include <cmath>

#include "cli/options/commands.h"
#include "cli/options/refusal.h"
#include "cli/training/noise_choice.h"
#include "cli/training/train_options.h"
#include "formats/spec_text.h"
#include "model/noise_process.h"

namespace scorematch::cli {
namespace {

// The learning rate at which networks 256 wide are stable; for wider ones it falls in inverse proportion (Yang et al.
// 2021, table 3, for Adam).
constexpr double kRate = 4e-3, kRateWidth = 256;
// Parameters times samples that a run may cost: about 40 seconds on two cores, less than a minute on slow ones. Steps
// in two dimensions with enough rows; with more dimensions or fewer rows networks memorize single rows sooner.
constexpr double kWork = 1.1e12, kSteps = 24'000, kEnoughRows = 4000, kFewestSteps = 2000;
// The Gaussian at sigma_max stands for data whose largest deviation is this many times smaller: `sample` asks for 4.
constexpr double kStandsFor = 4.1;
constexpr std::int64_t kPictureColumns = 16;  // bytes in fewer columns are a table

double rounded_to_three_digits(double value) { return std::stod(short_text(value, 3)); }

}  // namespace

bool TrainOptions::is_given(const std::string& name) const {
  const auto& entries = table_->entries();
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& each) { return each.name == name; });
  return found != entries.end() && found->is_given;
}

void TrainOptions::choose_units(const Table& data) {
  if (standardize == "auto") {
    const bool are_bytes = data.element == Element::uint8 && data.cols >= kPictureColumns;
    const bool are_pictures = !image.empty() || data.row_shape.size() > 1 || are_bytes;
    if (are_pictures) standardize = "scale";
  }
  if (standardize == "none" && !is_given("--sigma-data")) {
    const double deviation = deviation_of(data);
    if (deviation > kSmallest && deviation < kLargest) sigma_data = rounded_to_three_digits(deviation);
  }
}

Preparation TrainOptions::preparation() const {
  Preparation how;
  how.validation = validation;
  how.standardize = standardize == "none"     ? Standardize::none
                    : standardize == "scale"  ? Standardize::scale
                    : standardize == "column" ? Standardize::column
                    : standardize == "whiten" ? Standardize::whiten
                                              : Standardize::automatic;
  how.deviation = sigma_data;
  how.seed = seed;
  how.dequantize = dequantization();
  return how;
}

void TrainOptions::choose_training(const Dataset& data) {
  if (standardize == "auto") standardize = data.standardize == Standardize::whiten ? "whiten" : "column";
  const auto choose = [&](const std::string& name, auto& value, auto wanted) {
    if (!is_given(name)) value = static_cast<std::decay_t<decltype(value)>>(wanted);
  };
  if (noise == "auto" && has_noise()) {
    const NoiseChoice levels = choose_noise(data.training, sigma_data);
    choose("--sigma-min", sigma_min, rounded_to_three_digits(levels.sigma_min));
    choose("--sigma-max", sigma_max,
           rounded_to_three_digits(std::max(levels.sigma_max, kStandsFor * data.scale.largest)));
    choose("--log-mean", log_mean, rounded_to_three_digits(levels.log_mean));
    choose("--log-deviation", log_deviation, rounded_to_three_digits(levels.log_deviation));
  }
  if (noise == "fixed" && schedule == NoiseSchedule::Kind::log_normal) {  // all but 3 in 1000 of the training noise
    choose("--sigma-min", sigma_min, std::exp(log_mean - 3 * log_deviation));
    choose("--sigma-max", sigma_max, std::exp(log_mean + 3 * log_deviation));
  }
  const NoiseSchedule levels = loss().schedule;
  if (has_table(levels)) {
    const auto [low, high] = sigma_range(levels);
    sigma_min = low, sigma_max = high;
  }
  if (hidden.empty()) hidden = MlpShape::diffusion(static_cast<int>(data.dim)).hidden;
  if (schedule == NoiseSchedule::Kind::geometric || schedule == NoiseSchedule::Kind::log_normal) {
    if (!(sigma_min < sigma_max)) {
      const bool is_low = is_given("--sigma-max");
      refuse(is_low ? "--sigma-max" : "--sigma-min",
             is_low ? "more than sigma-min, which is " + number_text(sigma_min) + " for these data"
                    : "less than sigma-max, which is " + number_text(sigma_max) + " for these data",
             number_text(is_low ? sigma_max : sigma_min));
    }
  }
  const MlpShape shape = net(static_cast<int>(data.dim));
  const double width = *std::max_element(hidden.begin(), hidden.end());
  choose("--learning-rate", learning_rate, kRate * std::min(1.0, kRateWidth / width));
  const bool is_energy = shape.kind == MlpShape::Kind::energy;
  choose("--batch", batch, data.dim <= 16 && !is_energy ? 512 : 256);
  // Multiplications per parameter and sample; an energy net goes through its layers three times as often.
  const double passes = is_energy ? 3 : 1;
  const double affordable = kWork / (passes * static_cast<double>(shape.param_count()) * batch);
  const auto rows = static_cast<double>(data.training.rows), dim = static_cast<double>(data.dim);
  const double useful = kSteps / std::sqrt(std::max(1.0, dim / 2)) * std::pow(std::min(1.0, rows / kEnoughRows), 0.25);
  choose("--steps", steps, std::max(std::round(std::min(affordable, useful) / 500) * 500, kFewestSteps));
}

Phrase TrainOptions::describe_units() const {
  const std::string how = standardize == "none"     ? "those of the data"
                          : standardize == "scale"  ? "columns centered, one scale for all"
                          : standardize == "column" ? "each column centered and scaled"
                                                    : "each column centered and scaled, correlations removed";
  return how + " (--standardize " + fact("units", standardize) + ")";
}

Phrase TrainOptions::describe_noise() const {
  const Phrase kind = silent("noise.schedule", name_of(schedule));
  if (!has_noise()) return "none (--schedule none)" + kind;
  if (schedule == NoiseSchedule::Kind::single)
    return "sigma " + fact("noise.sigma_min", sigma) + silent("noise.sigma_max", sigma) + " (--schedule single)" + kind;
  const Phrase range =
      "sigma from " + fact("noise.sigma_min", sigma_min) + " to " + fact("noise.sigma_max", sigma_max) + kind;
  const Phrase units =
      " in units in which the data have standard deviation " + fact("noise.data_deviation", sigma_data);
  if (schedule == NoiseSchedule::Kind::geometric)
    return range + (levels > 0 ? " in " + fact("noise.levels", levels) + " levels" : "") + units;
  if (has_table(loss().schedule)) return range + units + ", of the process " + name_of(schedule);
  return range + units + ", trained with ln sigma ~ N(" + fact("noise.log_mean", log_mean) + ", " +
         fact("noise.log_deviation", log_deviation) + "^2)";
}

}  // namespace scorematch::cli
