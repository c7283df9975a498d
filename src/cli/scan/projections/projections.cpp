// scorematch scan projections: how many directions a sliced objective should draw, and from which distribution.
#include <CLI/Error.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/options/commands.h"
#include "cli/options/interrupt.h"
#include "cli/options/refusal.h"
#include "cli/plots/log_plot.h"
#include "cli/plots/palette.h"
#include "cli/scan/projections/allocation.h"
#include "cli/scan/projections/jacobian.h"
#include "cli/scan/projections/step_timer.h"
#include "cli/scan/scan_files.h"
#include "cli/scan/subject.h"
#include "formats/spec_text.h"
#include "scorematch/distinct.h"
#include "scorematch/gradient_variance.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kProbeBatch = 64;  // small: an estimate of a variance gains more from probes than from samples
constexpr int kProbes = 192, kFewestProbes = 24;
constexpr std::int64_t kProbeValues = std::int64_t{1} << 27;  // of all gradients: 512 MB
constexpr double kTimedSeconds = 4;                           // for the work of 3 minutes
constexpr int kFewestTurns = 3, kMostTurns = 200;
const std::vector<int> kCheckedProjections = {2, 4, 8, 16}, kTimedProjections = {1, 2, 4, 8};

/// A distribution of directions, measured with one direction.
struct Slicing {
  Projection distribution;
  int dim;
  GradientMoments moments;
  double value_variance = NAN;  // of v^T J v, from the Jacobian

  /// A difference of estimates that share their probes; at most the sum of the two errors.
  Measured fixed() const {
    return {moments.trace.value - moments.directions.value, moments.data.standard_error + moments.noise.standard_error};
  }
  /// What several directions are drawn from: without replacement where that costs no more.
  Projection used() const {
    if (distribution == Projection::rademacher) return Projection::hadamard;
    return distribution;
  }
  std::int64_t population() const { return distinct::population(used(), dim); }
  GradientParts parts() const {
    return {std::max(fixed().value, 0.0), std::max(moments.directions.value, 0.0), double(population())};
  }
};

/// One direction of hadamard is one of rademacher. Those of orthogonal are not offered, as their cost grows as M^2.
constexpr Projection kMeasured[] = {Projection::gaussian, Projection::rademacher, Projection::sphere,
                                    Projection::coordinates};

/// The variance with M directions, measured and as one direction predicts it.
struct Check {
  int projections;
  double predicted, predicted_error;
  Measured measured;
};

Loss sliced_loss(const Subject& subject, ObjectiveKind objective, int projections, Projection distribution) {
  Loss loss{SsmVr{projections, distribution}, subject.schedule, subject.weighting};
  if (objective == ObjectiveKind::ssm) loss.objective = Ssm{projections, distribution};
  return loss;
}

std::string measured_text(double value, double error) {
  return short_text(value, 4) + " \u00b1 " + short_text(error, 2);
}

class ProjectionScan {
 public:
  ProjectionScan(const ScanOptions& options, const Subject& subject)
      : options_(options),
        subject_(subject),
        objective_(options.train.objective),
        seed_(options.train.seed ^ kMeasurementStream) {}

  void measure(Report& report) {
    measure_distributions(report);
    choose_distribution(report);
    check_prediction(report);
    measure_cost(report);
    advise(report);
  }
  ScanTable table() const;
  Canvas picture() const;

 private:
  int probes(double factor = 1) const {
    const double wanted = factor * kProbes * std::clamp(options_.work(), 0.0, 100.0);
    const auto held = static_cast<double>(kProbeValues / subject_.net.param_count());
    return std::max(kFewestProbes, static_cast<int>(std::min(wanted, held)));
  }
  GradientMoments moments(int projections, Projection distribution, int probes, std::uint64_t seed) const;
  void measure_distributions(Report& report);
  void choose_distribution(Report& report);
  std::string why() const;
  std::string formula() const { return best_.population() > 1 ? "V_x + V_v/M (D - M)/(D - 1)" : "V_x + V_v/M"; }
  /// Those of these numbers of directions that the best distribution has.
  std::vector<int> available(std::vector<int> projections) const {
    const std::int64_t most = best_.population();
    if (most > 0) projections.erase(std::upper_bound(projections.begin(), projections.end(), most), projections.end());
    return projections;
  }
  void check_prediction(Report& report);
  void measure_cost(Report& report);
  void advise(Report& report);

  const ScanOptions& options_;
  const Subject& subject_;
  ObjectiveKind objective_;
  std::uint64_t seed_;
  JacobianShape jacobian_;
  std::vector<Slicing> slicings_;
  Slicing best_{};
  std::vector<Check> checks_;
  StepCost cost_;
  int chosen_ = 1;
};

GradientMoments ProjectionScan::moments(int projections, Projection distribution, int probes,
                                        std::uint64_t seed) const {
  end_if_interrupted();
  const Loss loss = sliced_loss(subject_, objective_, projections, distribution);
  const GradientVariance variance(subject_.engine, subject_.net, loss, kProbeBatch, probes);
  Queue queue(subject_.engine, variance.workspace_bytes());
  auto params = subject_.engine.upload(subject_.params);
  auto rows = subject_.engine.upload(subject_.rows.values, {subject_.rows.rows, subject_.rows.cols});
  return variance.measure(queue, params, rows, seed);
}

void ProjectionScan::measure_distributions(Report& report) {
  report.line("metric", fact("metric",
                             "raw traces: at a small constant rate, the loss that SGD's noise adds is in proportion to "
                             "the trace of the gradient's covariance"));
  jacobian_ = measure_jacobian(subject_, seed_);
  std::string name = "variance";
  for (const Projection distribution : kMeasured) {
    Slicing each{distribution, subject_.net.dim, moments(1, distribution, probes(), seed_), NAN};
    if (jacobian_.rows > 0) each.value_variance = product_variance(jacobian_, distribution);
    slicings_.push_back(each);
    const Measured fixed = each.fixed(), directions = each.moments.directions;
    report.line(name, std::string(name_of(distribution)) + ": V_x " + measured_text(fixed.value, fixed.standard_error) +
                          " of rows and noise, V_v " + measured_text(directions.value, directions.standard_error) +
                          " of one direction" +
                          silent("distributions", Members{{"distribution", name_of(distribution)},
                                                          {"v_x", fixed.value},
                                                          {"v_x_error", fixed.standard_error},
                                                          {"v_v", directions.value},
                                                          {"v_v_error", directions.standard_error},
                                                          {"product_variance", each.value_variance}}));
    name = "";
  }
  if (jacobian_.rows == 0) return;
  const auto percent = [](const std::string& key, double fraction) {
    return fact(key, fraction, short_text(100 * fraction, 3) + " %");
  };
  report.line("Jacobian", percent("jacobian.antisymmetric", jacobian_.antisymmetric_fraction()) +
                              " of its square is antisymmetric; of the symmetric part, " +
                              percent("jacobian.diagonal", jacobian_.diagonal_fraction()) + " is on the diagonal and " +
                              percent("jacobian.isotropic", jacobian_.isotropic_fraction()) + " a multiple of I (" +
                              fact("jacobian.rows", jacobian_.rows) + " rows)");
}

/// The smallest V_v; one that is no worse by chance does not replace rademacher.
void ProjectionScan::choose_distribution(Report& report) {
  const auto find = [&](Projection wanted) {
    return *std::find_if(slicings_.begin(), slicings_.end(),
                         [&](const Slicing& each) { return each.distribution == wanted; });
  };
  best_ = find(Projection::rademacher);
  const Slicing usual = best_;
  for (const Slicing& each : slicings_) {
    const Measured &a = each.moments.directions, &b = usual.moments.directions;
    const bool is_clear = b.value - a.value > 2 * std::hypot(a.standard_error, b.standard_error);
    if (is_clear && a.value < best_.moments.directions.value) best_ = each;
  }
  report.line("best", fact("choice.distribution", name_of(best_.used())) +
                          (best_.used() == best_.distribution ? ": " : ", rademacher without replacement: ") +
                          fact("choice.why", why()));
}

std::string ProjectionScan::why() const {
  if (jacobian_.rows == 0)
    return "the smallest V_v that was measured, or within its error (no Jacobian above 1,024 columns)";
  std::string values;
  for (const Slicing& each : slicings_)
    values += (values.empty() ? "" : ", ") + std::string(name_of(each.distribution)) + " " +
              short_text(each.value_variance, 3);
  const std::string reason =
      best_.distribution == Projection::rademacher ? "it does not see the diagonal of the Jacobian"
      : best_.distribution == Projection::sphere
          ? "it does not see multiples of I, and the Jacobian is nearly isotropic"
      : best_.distribution == Projection::coordinates ? "it sees the diagonal of the Jacobian alone"
                                                      : "V_v is the smallest that was measured";
  return reason + "; the variance of v'Jv is " + values;
}

void ProjectionScan::check_prediction(Report& report) {
  std::string name = "check";
  std::uint64_t seed = seed_;
  const GradientParts measured{best_.fixed().value, best_.moments.directions.value, double(best_.population())};
  for (const int projections : available(kCheckedProjections)) {
    const GradientMoments got = moments(projections, best_.used(), probes(0.5), ++seed);
    Check check{projections, measured.at(projections), best_.moments.trace.standard_error, got.trace};
    checks_.push_back(check);
    report.line(name, "M = " + std::to_string(projections) + ": variance of the gradient " +
                          measured_text(got.trace.value, got.trace.standard_error) + ", " + formula() +
                          " of one direction predicts " + measured_text(check.predicted, check.predicted_error) +
                          silent("checks", Members{{"projections", projections},
                                                   {"predicted", check.predicted},
                                                   {"predicted_error", check.predicted_error},
                                                   {"measured", got.trace.value},
                                                   {"measured_error", got.trace.standard_error}}));
    name = "";
  }
}

/// The fastest of several steps of each, in turns, so that what else the machine does slows all of them.
void ProjectionScan::measure_cost(Report& report) {
  std::vector<std::unique_ptr<StepTimer>> timers;
  std::vector<double> projections, seconds;
  const bool has_two = available(kTimedProjections).size() > 1;
  for (const int each : has_two ? available(kTimedProjections) : kTimedProjections) {
    const Loss loss = sliced_loss(subject_, objective_, each, has_two ? best_.used() : Projection::rademacher);
    timers.push_back(std::make_unique<StepTimer>(subject_, loss, options_.train.batch, seed_));
    projections.push_back(each);
    seconds.push_back(HUGE_VAL);
  }
  double total = 0;
  for (int turn = 0; turn < kMostTurns && (turn < kFewestTurns || total < kTimedSeconds * options_.work()); ++turn)
    for (std::size_t i = 0; i < timers.size(); ++i) {
      end_if_interrupted();
      const double once = timers[i]->step();
      seconds[i] = std::min(seconds[i], once);
      total += once;
    }
  cost_ = fit_cost(projections, seconds);
  const auto milliseconds = [](const std::string& key, double value) {
    return fact(key, value, short_text(1e3 * value, 3));
  };
  report.line("cost", "a + b M = " + milliseconds("cost.fixed_seconds", cost_.fixed) + " + " +
                          milliseconds("cost.seconds_per_projection", cost_.per_projection) +
                          " M milliseconds per step of " + fact("cost.batch", options_.train.batch) + " samples");
}

void ProjectionScan::advise(Report& report) {
  const GradientParts parts = best_.parts();
  const double optimum = optimal_projections(parts, cost_);
  const auto most = static_cast<int>(std::max<std::int64_t>(best_.population(), subject_.net.dim));
  chosen_ = best_projections(parts, cost_, most);
  const double gain = gain_over_one(parts, cost_, chosen_);
  const auto batch =
      static_cast<std::int64_t>(std::max(1.0, std::round(options_.train.batch * cost_.at(1) / cost_.at(chosen_))));
  const Measured fixed = best_.fixed(), directions = best_.moments.directions;
  // Of sqrt(V_v/V_x), whose errors are those of its logarithm's halves. D is no estimate.
  const double error =
      optimum > 1 && (parts.population == 0 || optimum < parts.population)
          ? optimum / 2 * std::hypot(fixed.standard_error / fixed.value, directions.standard_error / directions.value)
          : NAN;
  report.line("choice", "M* = " + fact("choice.optimum.value", optimum, short_text(optimum, 3)) +
                            silent("choice.optimum.standard_error", error) +
                            (std::isfinite(error) ? " \u00b1 " + short_text(error, 2) : "") + ", where (" + formula() +
                            ")(a + b M) is least: " + fact("choice.projections", chosen_) +
                            (chosen_ == 1 ? " direction" : " directions") + " and a batch of " +
                            fact("choice.batch", batch) + " in the time of " + std::to_string(options_.train.batch) +
                            " samples with one");
  if (chosen_ == 1)
    report.line("", "more samples buy more than more directions" + silent("choice.gain", gain));
  else
    report.line("", "the variance that a given time buys is " + fact("choice.gain", gain, short_text(gain, 3)) +
                        " times smaller than with one direction" +
                        (chosen_ >= subject_.net.dim ? "; as many as columns: --objective ism is exact" : ""));
  report.line("train", fact("train", train_command(options_, {{"--objective", name_of(objective_)},
                                                              {"--projections", std::to_string(chosen_)},
                                                              {"--distribution", name_of(best_.used())},
                                                              {"--batch", std::to_string(batch)}})));
}

ScanTable ProjectionScan::table() const {
  ScanTable table{"distribution,projections,predicted,predicted_error,measured,measured_error", {}};
  const auto cell = [](double value) { return std::isfinite(value) ? number_text(value) : std::string(); };
  for (const Slicing& each : slicings_)
    table.lines.push_back(std::string(name_of(each.distribution)) + ",1,,," + cell(each.moments.trace.value) + "," +
                          cell(each.moments.trace.standard_error));
  for (const Check& each : checks_)
    table.lines.push_back(std::string(name_of(best_.used())) + "," + std::to_string(each.projections) + "," +
                          cell(each.predicted) + "," + cell(each.predicted_error) + "," + cell(each.measured.value) +
                          "," + cell(each.measured.standard_error));
  return table;
}

Canvas ProjectionScan::picture() const {
  const Color colors[] = {kMuted, kBlue, kOrange, kRed};
  std::vector<LogSeries> series;
  constexpr int kPoints = 60;
  const double most = std::max(2.0 * chosen_, 1.0 * kCheckedProjections.back());
  for (std::size_t i = 0; i < slicings_.size(); ++i) {
    const Slicing& each = slicings_[i];
    const auto population = static_cast<double>(each.population());
    LogSeries line{name_of(each.used()), colors[i % std::size(colors)], LogSeries::Style::line, {}};
    const double last = population > 0 ? std::min(most, population) : most;
    for (int k = 0; k <= kPoints; ++k) {
      const double m = std::pow(last, k / double{kPoints}), y = each.parts().at(m);
      line.points.push_back({m, y, y, y});
    }
    series.push_back(line);
  }
  const double floor = best_.parts().fixed;
  series.push_back(
      {"V_x: rows and noise", kAxis, LogSeries::Style::line, {{1, floor, floor, floor}, {most, floor, floor, floor}}});
  LogSeries dots{"measured \u00b1 2 standard errors", kInk, LogSeries::Style::dots, {}};
  const auto add = [&](double m, const Measured& value) {
    dots.points.push_back(
        {m, value.value, value.value - 2 * value.standard_error, value.value + 2 * value.standard_error});
  };
  add(1, best_.moments.trace);
  for (const Check& each : checks_) add(each.projections, each.measured);
  series.push_back(dots);
  return log_plot(series, {{double(chosen_), "choice: M = " + std::to_string(chosen_)}},
                  "Variance of one sample's gradient", "directions M", "tr Cov g");
}

std::vector<std::string> report_keys() {
  std::vector<std::string> keys = subject_keys();
  keys.insert(keys.end(),
              {"metric", "distributions[]", "jacobian.antisymmetric", "jacobian.diagonal", "jacobian.isotropic",
               "jacobian.rows", "checks[]", "cost.fixed_seconds", "cost.seconds_per_projection", "cost.batch",
               "choice.distribution", "choice.why", "choice.optimum.value", "choice.optimum.standard_error",
               "choice.projections", "choice.batch", "choice.gain", "train", "wrote[]"});
  return keys;
}

void run(ScanOptions& options) {
  TrainOptions& train = options.train;
  if (!train.is_sliced())
    refuse_option("--objective", "ssm or ssm_vr, which draw directions", name_of(train.objective));
  train.follow_objective();
  if (options.model.empty()) train.check();
  Report report(train.report, "scan projections", report_keys());
  check_scan_folder(report, train.directory);
  const InterruptGuard guard;
  const Subject subject = make_subject(options, {train.objective}, report);
  ProjectionScan scan(options, subject);
  scan.measure(report);
  end_if_interrupted();
  if (!train.directory.empty()) write_scan(report, train.directory, scan.table(), scan.picture());
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_scan_projections(CLI::App& scan) {
  auto options = std::make_shared<ScanOptions>();
  options->train.objective = ObjectiveKind::ssm_vr;
  auto table = std::make_unique<OptionTable>(
      scan, "projections", "How many directions to draw, and from which distribution, measured on your data");
  options->add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
