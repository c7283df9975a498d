// scorematch scan sigma: which noise levels a denoising objective should use, measured on the user's data.
#include <CLI/Error.hpp>
#include <algorithm>
#include <cmath>

#include "cli/options/commands.h"
#include "cli/options/interrupt.h"
#include "cli/options/refusal.h"
#include "cli/plots/log_plot.h"
#include "cli/plots/palette.h"
#include "cli/scan/noise/bias.h"
#include "cli/scan/noise/fit_variance.h"
#include "cli/scan/noise/level_variance.h"
#include "cli/scan/noise/noise_levels.h"
#include "cli/scan/scan_files.h"
#include "cli/scan/subject.h"
#include "cli/training/noise_choice.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr int kLevels = 7, kLangevinSteps = 5;
constexpr double kFitSteps = 500, kFewestFitSteps = 20;
// The difference of two scores at x +- sigma eps over 2 sigma: rounding and truncation balance at the cube root of
// float32's unit.
const double kRoundingScale = std::cbrt(5.96e-8);

std::string text(double value) { return short_text(value, 3); }

class SigmaScan {
 public:
  SigmaScan(ScanOptions& options, const Subject& subject)
      : options_(options), subject_(subject), seed_(options.train.seed ^ kMeasurementStream) {}

  void measure(Report& report) {
    describe_data(report);
    measure_levels(report);
    measure_bias_of_levels(report);
    measure_fit(report);
    advise_one_level(report);
    advise_finite_variance(report);
    advise_many_levels(report);
  }
  ScanTable table() const { return table_of(levels_); }
  Canvas picture() const;

 private:
  void describe_data(Report& report);
  void measure_levels(Report& report);
  void measure_bias_of_levels(Report& report);
  void measure_fit(Report& report);
  void advise_one_level(Report& report);
  void advise_finite_variance(Report& report) const;
  void advise_many_levels(Report& report) const;
  /// The smallest level at which the step of the data is not visible, and not below those of `train`.
  double resolved_sigma() const { return std::max(subject_.resolution.model_step / 2, subject_.sigma_min); }
  double error_of(double sigma) const {
    return bias_.value * std::pow(sigma, 4) + fit_.value / (samples_ * sigma * sigma);
  }
  Canvas error_picture() const;
  Canvas variance_picture() const;

  ScanOptions& options_;
  const Subject& subject_;
  std::uint64_t seed_;
  DataFacts facts_;
  std::vector<LevelVariance> levels_;
  Bias bias_;
  FitVariance fit_;
  double samples_ = 0;  // that enter the average of a run of `train`
  double sigma_ = 0;    // the choice for one level
};

void SigmaScan::describe_data(Report& report) {
  facts_ = measure_data(subject_.rows);
  const Standardization& units = subject_.units;
  std::vector<double> scales;
  for (const double each : units.scale)
    if (each > 0) scales.push_back(each);
  const bool is_one_scale = units.mixing.empty() && !scales.empty() &&
                            scales.front() == *std::max_element(scales.begin(), scales.end()) &&
                            scales.front() == *std::min_element(scales.begin(), scales.end());
  const double factor = units.scale.empty() ? 1 : is_one_scale ? scales.front() : NAN;
  report.line("distances", "to the nearest row " + rounded_fact("distances.nearest", facts_.nearest, 3) + ", median " +
                               rounded_fact("distances.median_nearest", facts_.median_nearest, 3) + "; largest " +
                               rounded_fact("distances.largest", facts_.largest, 3) + "; all pairs of " +
                               fact("distances.rows", facts_.rows) + " rows, in the model's units" +
                               (std::isfinite(factor) ? ", of which 1 is " + text(factor) + " in the data" : "") +
                               silent("distances.unit", factor));
  if (!facts_.eigenvalues.empty())
    report.line("covariance", "eigenvalues from " + text(facts_.eigenvalues.front()) + " to " +
                                  text(facts_.eigenvalues.back()) + ", so the smallest scale is " +
                                  rounded_fact("covariance.smallest_scale", facts_.smallest_scale(), 3) +
                                  silent("covariance.eigenvalues", list_of(facts_.eigenvalues)));
  const Resolution& resolution = subject_.resolution;
  report.line("resolution",
              fact("resolution.discrete_columns", resolution.discrete_columns) + " discrete columns" +
                  (resolution.discrete_columns > 0 ? ", step " + text(resolution.data_step) + " in the data and " +
                                                         text(resolution.model_step) + " in the model"
                                                   : "") +
                  silent("resolution.data_step", resolution.data_step) +
                  silent("resolution.model_step", resolution.model_step) + "; " +
                  fact("resolution.duplicates", resolution.duplicates) + " duplicate rows");
}

void SigmaScan::measure_levels(Report& report) {
  report.line("levels",
              "variance of one sample's gradient, and its signal-to-noise ratio, at each sigma; the part "
              "d/(2 sigma^2) of dsm's value does not depend on the parameters");
  for (int k = 0; k < kLevels; ++k) {
    const double ratio = subject_.sigma_max / subject_.sigma_min, part = k / double{kLevels - 1};
    LevelVariance level = measure_level(subject_, subject_.sigma_min * std::pow(ratio, part), options_.work(), seed_);
    report.line("", describe_level(level));
    levels_.push_back(std::move(level));
  }
}

void SigmaScan::measure_bias_of_levels(Report& report) {
  bias_ = measure_bias(subject_, facts_, seed_);
  std::string name = "bias";
  for (const BiasPair& each : bias_.pairs) {
    report.line(name, "sigma " + text(each.high) + " and " + text(each.low) +
                          ": E|s_a - s_b|^2/(a^2 - b^2)^2 = " + text(each.measured) + " \u00b1 " +
                          short_text(each.standard_error, 2) + ", toward 0 " + text(each.limit) +
                          silent("bias.pairs", Members{{"high", each.high},
                                                       {"low", each.low},
                                                       {"measured", each.measured},
                                                       {"standard_error", each.standard_error},
                                                       {"limit", each.limit}}));
    name = "";
  }
  if (!bias_.missing.empty())
    report.line(name, "there is no B: " + fact("bias.missing", bias_.missing));
  else
    report.line(name, "B = " + rounded_fact("bias.value", bias_.value, 3) + ", between " +
                          rounded_fact("bias.low", bias_.low, 3) + " and " + rounded_fact("bias.high", bias_.high, 3) +
                          "; a Gaussian with this covariance has " +
                          rounded_fact("bias.gaussian", gaussian_bias(facts_.eigenvalues, 0, 0), 3));
}

void SigmaScan::measure_fit(Report& report) {
  const TrainOptions& train = options_.train;
  const double steps = subject_.run_steps > 0 ? static_cast<double>(subject_.run_steps) : 1e9;
  const double decay = std::clamp(1 - 5 / steps, 0.0, train.ema);
  samples_ = train.batch * (1 + decay) / (1 - decay);
  FitOptions how;
  how.batch = train.batch;
  how.learning_rate = train.learning_rate;
  how.steps = static_cast<std::int64_t>(std::max(kFewestFitSteps, kFitSteps * std::min(options_.work(), 10.0)));
  how.average = std::clamp(1 - 5 / static_cast<double>(how.steps), 0.0, 0.99);
  // Where the law holds if there is B, else at the smallest level.
  const double sigma = bias_.pairs.empty() ? subject_.sigma_min : bias_.pairs.back().low;
  fit_ = measure_fit_variance(subject_, sigma, how, seed_);
  report.line("fit", "V = sigma^2 n E|s_1 - s_2|^2 / 2 = " + rounded_fact("fit.variance", fit_.value, 3) + " \u00b1 " +
                         rounded_fact("fit.standard_error", fit_.standard_error, 2) + " at sigma " +
                         rounded_fact("fit.sigma", sigma, 3) + ", from " + fact("fit.fits", how.fits) +
                         " fits to disjoint draws with n = " + rounded_fact("fit.samples", how.samples(), 4));
}

void SigmaScan::advise_one_level(Report& report) {
  const Phrase samples = "n = " + rounded_fact("one_level.samples", samples_, 4) + " pairs (x, eps)";
  if (bias_.missing.empty() && fit_.value > 0) {
    sigma_ = optimal_sigma(fit_.value, bias_.value, samples_);
    const double low =
        optimal_sigma(std::max(fit_.value - 2 * fit_.standard_error, fit_.value / 10), bias_.high, samples_);
    const double high = optimal_sigma(fit_.value + 2 * fit_.standard_error, bias_.low, samples_);
    report.line("one level",
                "sigma " + rounded_fact("one_level.sigma", sigma_, 3) + ", between " +
                    rounded_fact("one_level.low", low, 3) + " and " + rounded_fact("one_level.high", high, 3) +
                    ": there B sigma^4 + V/(n sigma^2) is least, for " + samples + silent("one_level.rule", "balance"));
    const double top = facts_.smallest_scale();
    if (sigma_ > top)
      report.warn("the level for one level, " + text(sigma_) + ", is above the smallest scale of the data, " +
                  text(top) + ", where bias grows more slowly than sigma^4");
  } else {
    sigma_ = resolved_sigma();
    const bool has_step = sigma_ > subject_.sigma_min;
    report.line("one level", "sigma " + rounded_fact("one_level.sigma", sigma_, 3) +
                                 (has_step ? ", half of the data's step: below it the steps are visible"
                                           : ", the smallest level that `train` chooses from the distances of rows") +
                                 silent("one_level.rule", "resolution") + silent("one_level.samples", samples_));
  }
  report.line("", "plain dsm, " + fact("one_level.train",
                                       train_command(options_, {{"--schedule", "single"}, {"--sigma", text(sigma_)}})));
}

void SigmaScan::advise_finite_variance(Report& report) const {
  const double rounding = kRoundingScale * subject_.deviation, step = subject_.resolution.model_step / 2;
  const double least = std::max(rounding, step);
  report.line("variants",
              "antithetic and control_variate have no optimum of this kind, as their variance stays finite: sigma " +
                  rounded_fact("variants.sigma", least, 2) + " or more, which " +
                  fact("variants.limited_by", step > rounding ? "resolution" : "rounding",
                       step > rounding ? "the data's step" : "rounding in float32") +
                  " allows");
}

void SigmaScan::advise_many_levels(Report& report) const {
  const NoiseChoice noise = choose_noise(subject_.rows, subject_.deviation);
  const double low = resolved_sigma(), high = facts_.largest;
  const LevelRatio ratio = level_ratio(subject_.net.dim);
  const int count = level_count(low, high, ratio.ratio);
  const double exact = std::pow(high / low, 1.0 / std::max(1, count - 1));
  const LangevinStep step = langevin_step(low, exact, kLangevinSteps);
  report.line("many levels",
              fact("many_levels.count", count) + " from " + rounded_fact("many_levels.sigma_max", high, 3) +
                  ", the largest distance, to " + rounded_fact("many_levels.sigma_min", low, 3) +
                  (low > subject_.sigma_min ? ", half of the data's step" : ", as `train` chooses it") + "; ratio " +
                  rounded_fact("many_levels.ratio", exact, 4) +
                  (ratio.is_fallback ? ", at most 2 because no smaller one has the overlap 1/2 in so few dimensions"
                                     : ", so that neighboring levels overlap by half") +
                  silent("many_levels.is_fallback", ratio.is_fallback));
  report.line("", "annealed Langevin with " + std::to_string(kLangevinSteps) + " steps per level: step " +
                      rounded_fact("many_levels.langevin_step", step.step, 3) + ", after which the variance is " +
                      rounded_fact("many_levels.langevin_variance", step.variance, 4) + " of what it should be");
  report.line("", fact("many_levels.train", train_command(options_, {{"--schedule", "geometric"},
                                                                     {"--sigma-min", text(low)},
                                                                     {"--sigma-max", text(high)},
                                                                     {"--levels", std::to_string(count)}})));
  report.line("log-normal", "ln sigma ~ N(" + rounded_fact("log_normal.log_mean", noise.log_mean, 3) + ", " +
                                rounded_fact("log_normal.log_deviation", noise.log_deviation, 3) +
                                "^2), as `train` chooses it: from where single rows are visible to where only the "
                                "mean is");
  report.line("train", fact("train", train_command(options_, {{"--schedule", "log_normal"},
                                                              {"--sigma-min", text(low)},
                                                              {"--log-mean", text(noise.log_mean)},
                                                              {"--log-deviation", text(noise.log_deviation)}})));
}

Canvas SigmaScan::picture() const {
  return bias_.missing.empty() && fit_.value > 0 ? error_picture() : variance_picture();
}

Canvas SigmaScan::error_picture() const {
  LogSeries variance{"variance V/(n sigma^2)", kBlue, LogSeries::Style::line, {}};
  LogSeries bias{"bias B sigma^4", kOrange, LogSeries::Style::line, {}};
  LogSeries total{"total", kInk, LogSeries::Style::line, {}};
  const double spread = fit_.value > 0 ? 2 * fit_.standard_error / fit_.value : 0;
  for (int k = 0; k <= 80; ++k) {
    const double sigma = sigma_ * std::pow(10, -1 + 2 * k / 80.0), fourth = std::pow(sigma, 4);
    const double v = fit_.value / (samples_ * sigma * sigma), b = bias_.value * fourth, both = error_of(sigma);
    variance.points.push_back({sigma, v, v * std::max(0.1, 1 - spread), v * (1 + spread)});
    bias.points.push_back({sigma, b, bias_.low * fourth, bias_.high * fourth});
    total.points.push_back({sigma, both, both, both});
  }
  std::vector<LogMark> marks = {{sigma_, "choice: sigma " + text(sigma_)}};
  const double scale = facts_.smallest_scale();
  if (scale < 10 * sigma_) marks.push_back({scale, "smallest scale of the data"});
  return log_plot({variance, bias, total}, marks, "Squared error of the score, by plain dsm at one level", "sigma",
                  "error");
}

Canvas SigmaScan::variance_picture() const {
  const Color colors[] = {kBlue, kOrange, kInk, kMuted};
  std::vector<LogSeries> all;
  for (std::size_t i = 0; i < estimators().size(); ++i) {
    LogSeries series{estimators()[i].name, colors[i], LogSeries::Style::line, {}};
    for (const LevelVariance& level : levels_) {
      const Measured& got = level.moments[i].trace;
      series.points.push_back(
          {level.sigma, got.value, got.value - 2 * got.standard_error, got.value + 2 * got.standard_error});
    }
    all.push_back(series);
  }
  return log_plot(all, {{sigma_, "choice: sigma " + text(sigma_)}}, "Variance of one sample's gradient", "sigma",
                  "tr Cov g");
}

std::vector<std::string> report_keys() {
  std::vector<std::string> keys = subject_keys();
  keys.insert(keys.end(), {"distances.nearest",
                           "distances.median_nearest",
                           "distances.largest",
                           "distances.rows",
                           "distances.unit",
                           "covariance.smallest_scale",
                           "covariance.eigenvalues",
                           "resolution.discrete_columns",
                           "resolution.data_step",
                           "resolution.model_step",
                           "resolution.duplicates",
                           "levels[]",
                           "bias.missing",
                           "bias.value",
                           "bias.low",
                           "bias.high",
                           "bias.gaussian",
                           "bias.pairs[]",
                           "fit.variance",
                           "fit.standard_error",
                           "fit.sigma",
                           "fit.fits",
                           "fit.samples",
                           "one_level.sigma",
                           "one_level.low",
                           "one_level.high",
                           "one_level.samples",
                           "one_level.rule",
                           "one_level.train",
                           "variants.sigma",
                           "variants.limited_by",
                           "many_levels.count",
                           "many_levels.sigma_min",
                           "many_levels.sigma_max",
                           "many_levels.ratio",
                           "many_levels.is_fallback",
                           "many_levels.langevin_step",
                           "many_levels.langevin_variance",
                           "many_levels.train",
                           "log_normal.log_mean",
                           "log_normal.log_deviation",
                           "train",
                           "wrote[]"});
  return keys;
}

void run(ScanOptions& options) {
  TrainOptions& train = options.train;
  if (train.objective != ObjectiveKind::dsm)
    refuse_option("--objective", "dsm, whose variance depends on sigma", name_of(train.objective));
  if (train.schedule != NoiseSchedule::Kind::geometric && train.schedule != NoiseSchedule::Kind::log_normal)
    refuse_option("--schedule", "geometric or log_normal, whose network knows all levels", name_of(train.schedule));
  if (train.parameterization == Parameterization::Kind::plain && train.conditioning == Conditioning::Kind::none)
    refuse_option("--conditioning", "log_sigma or fourier, so that the network knows the level",
                  "none with --parameterization plain");
  train.follow_objective();
  if (options.model.empty()) train.check();
  Report report(train.report, "scan sigma", report_keys());
  check_scan_folder(report, train.directory);
  const InterruptGuard guard;
  const Subject subject = make_subject(options, {train.objective, /*levels=*/true, /*twin=*/true}, report);
  SigmaScan scan(options, subject);
  scan.measure(report);
  end_if_interrupted();
  if (!train.directory.empty()) write_scan(report, train.directory, scan.table(), scan.picture());
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_scan_sigma(CLI::App& scan) {
  auto options = std::make_shared<ScanOptions>();
  auto table = std::make_unique<OptionTable>(scan, "sigma", "Which noise levels to train with, measured on your data");
  options->add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
