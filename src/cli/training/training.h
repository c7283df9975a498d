/// @file
/// A run of `scorematch train`: its state on the engine, and what it leaves in its folder.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "cli/data/dequantize.h"
#include "cli/options/progress.h"
#include "cli/ranks/gradient_sum.h"
#include "cli/ranks/ranks.h"
#include "cli/sampling/sample_check.h"
#include "cli/training/baseline.h"
#include "cli/training/loss_log.h"
#include "cli/training/selection.h"
#include "cli/training/train_options.h"
#include "cli/training/verdict.h"
#include "scorematch/adam.h"
#include "scorematch/checkpoint.h"
#include "scorematch/loss.h"

namespace scorematch::cli {

/// The keys of the report of `scorematch train`.
std::vector<std::string> train_report_keys();

class Training {
 public:
  /// @param data_identity what identify() returns for the data
  /// @param run to continue, whose options `options` has; null: a new one
  /// @param ranks that train together, all of them with the same options and data. All of these must outlive it.
  Training(const TrainOptions& options, const Dataset& data, const std::string& data_identity, const Checkpoint* run,
           Ranks& ranks);

  /// Until it is done, is to stop or is interrupted; saves in between as the options say. On every rank; what follows,
  /// on the first rank.
  void run();
  /// model.safetensors, loss.csv and loss.png.
  void save();
  /// Measures what was learned against the baselines, draws samples and compares them with the data: comparison.csv,
  /// and comparison.png in one or two dimensions. After save().
  void check();
  void describe(Report& report);
  const Engine& engine() const { return engine_; }
  /// Whether there is more to save than at the beginning.
  bool has_changed() const { return has_changed_; }
  /// What save() writes as model.safetensors.
  Checkpoint checkpoint();

 private:
  bool is_over() const;
  Estimate train_step(double rate);
  /// @throws Error unless all ranks have bit-identical parameters
  void check_in_step();
  /// The held-out loss and the row of the log that are due after `step_` steps; whether the run ends here.
  bool complete_step(Progress& progress);
  /// On the first rank. Nothing if there are no rows, or if it was interrupted.
  std::optional<Estimate> held_out_loss();
  bool evaluation_is_short() const;
  bool baseline_is_quick() const;
  LossPlan::In next_batch();
  [[noreturn]] void refuse_loss() const;
  ConstView last_params();
  bool samples_best();
  const Baseline& baseline();
  std::string held_out_note(const Estimate& loss);
  void restore(const Checkpoint& run);
  Matrix rows_to_compare() const;
  Contexts contexts_to_compare(std::int64_t count) const;
  void judge();
  void describe_ranks(Report& report) const;
  void describe_steps(Report& report) const;
  void describe_losses(Report& report);
  void describe_baseline(Report& report) const;
  void describe_comparison(Report& report) const;
  void write_metadata(std::map<std::string, std::string>& metadata) const;
  std::string path(const char* name) const;
  double seconds() const;

  const TrainOptions& options_;
  const Dataset& data_;
  const std::string& data_identity_;
  Ranks& ranks_;
  BatchPart part_;  // of this rank
  int dim_;
  MlpShape net_;
  Engine engine_;
  LossPlan plan_;
  std::optional<Dequantizer> dequantizer_;
  HeldOut held_out_;
  GradientSum gradient_sum_;
  Queue queue_;
  std::vector<float> noisy_rows_;  // [part_.count, d], if there is a dequantizer
  Buffer<float> x_;                // all training rows, or those of a step if there is a dequantizer
  ContextArrays contexts_;         // of the same rows
  Buffer<float> params_, grad_;
  Buffer<Estimate> loss_;
  NoiseState noise_;
  Adam::Options adam_options_;
  Adam adam_;
  LossLog log_;
  Selection selection_;
  std::optional<Baseline> baseline_;
  std::optional<Comparison> comparison_;
  std::string not_compared_;  // why there is no comparison
  std::vector<const char*> written_ = {"model.safetensors", "loss.csv", "loss.png"};
  Evidence evidence_;
  std::optional<Estimate> sampled_loss_;             // held out, of the parameters to sample with
  std::int64_t step_ = 0, first_step_ = 0;           // of the run; those of this call begin at first_step_
  std::int64_t skipped_ = 0, skipped_in_a_row_ = 0;  // steps whose gradient was not finite
  bool evaluation_is_pending_ = false;               // due after `step_` steps, but interrupted: --resume makes it
  bool is_cut_short_ = false;                        // an evaluation was interrupted, so that there is no verdict
  bool has_changed_ = false;
  bool patience_ended_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double seconds_before_ = 0, seconds_here_ = 0;  // of earlier calls; includes this one once it is over
};

}  // namespace scorematch::cli
