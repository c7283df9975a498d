/// @file
/// Which parameters of a run are used: the last ones, or those of its best held-out loss.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/held_out.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// Follows a run's held-out losses. All losses have the same noise and the same rows, so a difference between two of
/// them varies much less than each; even so, the lowest of many is low partly by chance. So the best parameters replace
/// the last ones only if these are worse by more than two standard errors of the paired difference, or by more than
/// four of the best loss.
class Selection {
 public:
  using Arrays = std::map<std::string, std::vector<double>>;

  /// @param keeps whether to store parameters, or only to follow the losses
  explicit Selection(bool keeps) : keeps_(keeps) {}

  /// A held-out loss.
  /// @param read gives the parameters, if they are wanted
  template <class Read>
  void consider(std::int64_t step, const Estimate& loss, const Read& read) {
    if (!improves(loss)) {
      ++since_;
      return;
    }
    step_ = step;
    loss_ = loss;
    since_ = 0;
    if (keeps_) params_ = read();
  }
  /// Held-out losses since the best.
  std::int64_t since_best() const { return since_; }
  std::int64_t best_step() const { return step_; }  // 0: the initial parameters, or none yet
  /// Empty: nothing is stored.
  const std::vector<float>& best_params() const { return params_; }
  /// Whether to sample with the best parameters, not these last ones.
  bool prefers_best(HeldOut& held_out, Queue& queue, ConstView last) const;

  void save(Arrays& arrays) const;
  /// What save() wrote, and the checkpoint's best parameters.
  /// @throws Error io naming `path` and what is wrong
  void restore(const std::string& path, const Checkpoint& run);

 private:
  bool improves(const Estimate& loss) const;

  bool keeps_;
  std::int64_t step_ = 0, since_ = 0;
  Estimate loss_;
  std::vector<float> params_;
};

}  // namespace scorematch::cli
