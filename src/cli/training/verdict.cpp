#include "cli/training/verdict.h"

#include <algorithm>
#include <cmath>

#include "cli/training/baseline.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kFewSteps = 2000, kUsualSteps = 6000;
constexpr std::int64_t kCanOverfit = 500;  // steps; before that a loss rises for other reasons
constexpr std::int64_t kManyRows = 100;
constexpr double kUncertain = 0.05;    // of the linear score's loss: a shape that is not Gaussian gains 0.1 and more
constexpr double kFarBelow = 30;       // times the linear score's loss
constexpr double kStillFalling = 1.4;  // the end over the middle of the run
constexpr double kSmall = 0.05;        // of the widest column's deviation
constexpr double kLeftBehind = 0.1;    // of the linear score's gain
constexpr double kLateFall = 0.05;     // of the whole fall, in the last quarter of the evaluations
constexpr double kGap = 0.1;           // of the gain over F = 0, between rows trained on and held out

/// Mean training loss of the rows whose steps are in (from, to] of the run.
double mean_between(const std::vector<LossRow>& rows, double from, double to) {
  const auto last = static_cast<double>(rows.back().step);
  Estimate sum;
  for (const LossRow& row : rows) {
    const double place = static_cast<double>(row.step) / last;
    if (place > from && place <= to && row.training.count > 0) sum = sum.merged(row.training);
  }
  return mean_of(sum);
}

bool is_still_falling(const std::vector<LossRow>& rows) {
  std::vector<double> losses;
  for (const LossRow& row : rows)
    if (row.held_out && std::isfinite(row.held_out->mean)) losses.push_back(row.held_out->mean);
  if (losses.size() < 4) return false;
  const double least = *std::min_element(losses.begin(), losses.end());
  const double fall = *std::max_element(losses.begin(), losses.end()) - losses.back();
  return losses.back() - least <= kLateFall * fall &&
         losses[losses.size() - 1 - losses.size() / 4] - losses.back() > kLateFall * fall && fall > 0;
}

/// Whether the network is clearly worse than the linear score, by a good part of what that gains over F = 0.
bool is_behind(const Evidence& evidence) {
  const Estimate &over_gaussian = *evidence.over_gaussian, &over_zero = *evidence.over_zero;
  const double gain = over_gaussian.mean - over_zero.mean;
  return over_gaussian.mean > 2 * over_gaussian.standard_error() && over_gaussian.mean > kLeftBehind * gain;
}

/// Whether the held-out rows cannot distinguish the network from the linear score: they are few, or their losses vary
/// too much, as those of sliced objectives do.
bool is_uncertain(const Evidence& evidence) {
  const Estimate& difference = *evidence.over_gaussian;
  return difference.count < static_cast<double>(kManyRows) ||
         (evidence.gaussian && difference.standard_error() > kUncertain * std::abs(evidence.gaussian->mean));
}

/// Whether a column that the samples have too wide or too narrow is small compared with the widest.
bool has_small_columns(const Comparison& comparison) {
  double widest = 0;
  for (const ColumnComparison& each : comparison.columns) widest = std::max(widest, each.data.deviation);
  return std::any_of(comparison.columns.begin(), comparison.columns.end(), [&](const ColumnComparison& each) {
    return each.spread_differs && each.data.deviation < kSmall * widest;
  });
}

/// Whether the loss is clearly lower on the rows that the network trains on than on others. Then its samples are
/// narrower than the data, and more steps make that worse.
bool has_a_gap(const Evidence& evidence) {
  if (!evidence.held_out || !evidence.over_zero || evidence.losses.empty()) return false;
  const Estimate &training = evidence.losses.back().training, &held_out = *evidence.held_out;
  const double gap = held_out.mean - training.mean;
  return gap > 3 * std::hypot(held_out.standard_error(), training.standard_error()) &&
         gap > kGap * -evidence.over_zero->mean;
}

std::string advice(const Evidence& evidence) {
  if (evidence.comparison != nullptr && evidence.has_common_scale && has_small_columns(*evidence.comparison))
    return "--standardize column: the columns that differ vary much less than others";
  if (evidence.overfits && evidence.steps >= kCanOverfit)
    return "more data, or fewer --steps: the held-out loss rose while the training went on";
  if (has_a_gap(evidence))
    return "more data: the loss is " + short_text(evidence.losses.back().training.mean, 4) +
           " on the rows that the network trains on, " + short_text(evidence.held_out->mean, 4) + " on others";
  const std::string steps = "--steps " + std::to_string(std::max(kUsualSteps, 4 * evidence.steps));
  if (is_still_falling(evidence.losses)) return "more steps (" + steps + "): the held-out loss was still falling";
  if (evidence.is_noiseless) return "noise: the same command without --schedule none, or more data";
  if (evidence.steps < kFewSteps) return "more steps (" + steps + "): " + std::to_string(evidence.steps) + " are few";
  if (evidence.over_zero && evidence.over_zero->mean > 2 * evidence.over_zero->standard_error())
    return "a smaller --learning-rate: the network is worse than with an output of zero (F = 0)";
  return "a wider network (--hidden) or more steps (" + steps + ")";
}

}  // namespace

bool loss_diverges(const Loss& loss, const LinearScore& score, const std::vector<LossRow>& losses) {
  if (loss.schedule.kind != NoiseSchedule::Kind::none || std::holds_alternative<Esm>(loss.objective) || losses.empty())
    return false;
  if (score.is_singular) return true;
  double trace = static_cast<double>(score.dim - score.rank) / (score.rank < score.dim ? score.rest : 1);
  for (const double each : score.variances) trace += 1 / each;
  const double middle = mean_between(losses, 0.4, 0.6), end = mean_between(losses, 0.9, 1);
  return end < kFarBelow * (-trace / 2) && end < kStillFalling * middle;
}

std::vector<Remark> verdict(const Evidence& evidence) {
  using Kind = Remark::Kind;
  std::vector<Remark> remarks;
  const auto say = [&](Kind kind, const std::string& text) { remarks.push_back({kind, text}); };
  if (evidence.diverges) {
    say(Kind::warning,
        "the loss falls without bound: the data are on a surface, a curve or a few points, where a score without noise "
        "is infinite");
    say(Kind::advice, "noise: the same command without --schedule none, or --objective dsm");
    return remarks;
  }
  const Comparison* comparison = evidence.comparison;
  const bool is_better = evidence.over_gaussian && is_clearly_negative(*evidence.over_gaussian);
  const bool differs = comparison != nullptr && !comparison->matches();
  if (evidence.over_gaussian && !is_better) {
    if (differs) {
      say(Kind::warning,
          "the model has not learned the data's shape: its held-out loss is no better than that of a Gaussian's score, "
          "and its samples are not like the data");
    } else if (comparison != nullptr && is_behind(evidence)) {
      say(Kind::note, "the loss is still worse than that of a Gaussian's score, which can be reached");
    } else if (comparison != nullptr) {
      const auto rows = static_cast<std::int64_t>(evidence.over_gaussian->count);
      const std::string few =
          "either the data look Gaussian or " + std::to_string(rows) + " held-out rows are too few to tell";
      say(Kind::note, "the samples are like the data, though the loss is no better than that of a Gaussian's score: " +
                          (is_uncertain(evidence) ? few : "the data look Gaussian"));
      return remarks;
    } else {
      say(Kind::note,
          "the loss is no better than that of a Gaussian's score: unless the data are Gaussian, the model has not "
          "learned their shape");
    }
  } else if (differs) {
    const auto all = comparison->columns.size(), differing = comparison->differing();
    const auto misplaced = std::count_if(comparison->columns.begin(), comparison->columns.end(),
                                         [](const auto& each) { return each.center_differs || each.spread_differs; });
    const bool is_serious = comparison->joint.shape_differs || comparison->not_finite > 0 ||
                            10 * misplaced >= static_cast<std::ptrdiff_t>(all);
    say(is_serious ? Kind::warning : Kind::note,
        "the samples are not like the data" +
            (differing > 0 ? " in " + std::to_string(differing) + " of " + std::to_string(all) + " columns" : ""));
  } else {
    return remarks;
  }
  if (differs)
    for (const std::string& line : describe_differences(*comparison)) say(Kind::note, line);
  say(Kind::advice, advice(evidence));
  return remarks;
}

}  // namespace scorematch::cli
