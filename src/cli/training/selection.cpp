#include "cli/training/selection.h"

#include <algorithm>
#include <cmath>

#include "cli/training/baseline.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

const std::string kBest = "train.best";  // step, count, mean, m2, evaluations since

[[noreturn]] void refuse_file(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::io, path, path + ": " + what);
}

bool is_count(double value) { return value >= 0 && value < 1e15 && value == std::floor(value); }

}  // namespace

bool Selection::improves(const Estimate& loss) const {
  return std::isfinite(loss.mean) && (loss_.count == 0 || loss.mean < loss_.mean);
}

bool Selection::prefers_best(HeldOut& held_out, Queue& queue, ConstView last) const {
  if (params_.empty() || since_ == 0) return false;  // the last ones are the best
  const auto best = held_out.engine().upload(params_);
  const std::vector<double> best_losses = held_out.losses(queue, best), last_losses = held_out.losses(queue, last);
  const Estimate difference = paired_difference(best_losses, last_losses);
  // If the last ones were as good, their losses would vary as those of the best do, and the difference by no more than
  // twice that. Where they overfit, a few rows with huge losses make the difference's own error huge as well.
  const double error = std::min(difference.standard_error(), 2 * estimate_of(best_losses).standard_error());
  return !std::isfinite(difference.mean) || difference.mean < -2 * error;
}

void Selection::save(Arrays& arrays) const {
  arrays[kBest] = {static_cast<double>(step_), loss_.count, loss_.mean, loss_.m2, static_cast<double>(since_)};
}

void Selection::restore(const std::string& path, const Checkpoint& run) {
  const auto found = run.arrays.find(kBest);
  if (found == run.arrays.end() || found->second.size() != 5)
    refuse_file(path, "array '" + kBest + "': expected 5 values, got " +
                          (found == run.arrays.end() ? "nothing" : std::to_string(found->second.size())));
  const std::vector<double>& values = found->second;
  for (const std::size_t i : {0, 4})
    if (!is_count(values[i]) || (i == 0 && values[i] > static_cast<double>(run.noise.step)))
      refuse_file(path, "array '" + kBest + "': expected whole numbers, the step at most the run's " +
                            std::to_string(run.noise.step) + ", got " + number_text(values[i]));
  step_ = static_cast<std::int64_t>(values[0]);
  loss_ = {values[1], values[2], values[3]};
  since_ = static_cast<std::int64_t>(values[4]);
  if (!keeps_ || loss_.count == 0) return;
  if (run.best.empty())
    refuse_file(path, "tensor 'best.layers.0.weight': expected the parameters of step " + std::to_string(step_) +
                          ", got nothing");
  params_ = run.best;
}

}  // namespace scorematch::cli
