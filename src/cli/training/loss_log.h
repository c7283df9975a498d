/// @file
/// The losses of a run: loss.csv, the curves of loss.png, and what a checkpoint stores of them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/plots/loss_plot.h"
#include "scorematch/estimate.h"

namespace scorematch::cli {

/// The mean, or NaN if no loss was finite.
double mean_of(const Estimate& loss);

struct LossRow {
  std::int64_t step = 0;             // done so far
  Estimate training;                 // of the steps since the last row whose loss was finite
  std::optional<Estimate> held_out;  // at this step
  double learning_rate = 0;
  double seconds = 0;  // of training so far; NaN: not known
};

/// At most 400 rows at equal distances, and one wherever held-out rows were evaluated. A run that ends between two rows
/// shows one more, which is not stored: a resumed run continues as if it had not ended there.
class LossLog {
 public:
  using Arrays = std::map<std::string, std::vector<double>>;

  explicit LossLog(std::int64_t steps);

  /// Whether held-out rows are to be evaluated after `step` steps: 20 times per run.
  bool validation_is_due(std::int64_t step) const { return step % validate_every_ == 0; }
  /// The loss of one step.
  void add(const Estimate& loss);
  /// After each step and its add(): a row if one is due. `held_out` is given if validation_is_due().
  void after_step(std::int64_t step, double rate, double seconds, const std::optional<Estimate>& held_out);
  /// At the end of the run, in place of a row of the same step.
  void end(std::int64_t step, double rate, double seconds, const std::optional<Estimate>& held_out);

  /// Everything that is shown, including the row of the end.
  std::vector<LossRow> rows() const;
  std::string csv() const;
  std::vector<LossPoint> training_curve() const;
  std::vector<LossPoint> held_out_curve() const;

  /// Everything except the seconds, so that equal runs leave equal checkpoints.
  void save(Arrays& arrays) const;
  /// What save() wrote, of a run that was at `step`.
  /// @throws Error io naming `path` and the array
  void restore(const std::string& path, const Arrays& arrays, std::int64_t step);
  /// The seconds of rows whose steps are in a loss.csv; those of other rows are not known. Returns the last up to
  /// `step`, or 0.
  double restore_seconds(const std::string& csv, std::int64_t step);

 private:
  std::int64_t row_every_, validate_every_;
  std::vector<LossRow> rows_;
  std::optional<LossRow> end_;
  Estimate since_row_;
};

}  // namespace scorematch::cli
