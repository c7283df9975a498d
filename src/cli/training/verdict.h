/// @file
/// What a run's losses and samples say about it, in words: whether it learned, and what to try if it did not.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/sampling/comparison.h"
#include "cli/training/linear_score.h"
#include "cli/training/loss_log.h"
#include "scorematch/objective.h"

namespace scorematch::cli {

struct Evidence {
  std::int64_t steps = 0;                  // done
  std::vector<LossRow> losses;             // LossLog::rows()
  std::optional<Estimate> held_out;        // loss of the parameters that are sampled with
  std::optional<Estimate> over_gaussian;   // held-out loss minus the linear score's, paired; none: no rows are held out
  std::optional<Estimate> over_zero;       // minus that of F = 0
  std::optional<Estimate> gaussian;        // held-out loss of the linear score
  const Comparison* comparison = nullptr;  // null: no samples were compared
  bool is_noiseless = false;               // of the schedule none
  bool has_common_scale = false;           // all columns are divided by the same number
  bool overfits = false;                   // the held-out loss was clearly better well before the end
  bool diverges = false;                   // loss_diverges()
};

/// Whether the loss of an objective without noise falls without bound, as it does if the data are on a surface, a curve
/// or a few points, because their score is infinite. It is then far below the linear score's, and continues to fall.
bool loss_diverges(const Loss& loss, const LinearScore& score, const std::vector<LossRow>& losses);

struct Remark {
  enum class Kind { note, warning, advice };
  Kind kind;
  std::string text;
};

/// None if there is nothing to say.
std::vector<Remark> verdict(const Evidence& evidence);

}  // namespace scorematch::cli
