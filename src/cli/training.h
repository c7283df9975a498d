/// @file
/// A run of `scorematch train`: its state on the engine, and what it leaves in its folder.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "cli/dequantize.h"
#include "cli/loss_log.h"
#include "cli/train_options.h"
#include "scorematch/adam.h"
#include "scorematch/checkpoint.h"
#include "scorematch/loss.h"

namespace scorematch::cli {

class Training {
 public:
  /// @param data_identity what identify() says of the data @param run to go on with, whose options `options` has; null:
  /// a new one. All of these must outlive it.
  Training(const TrainOptions& options, const Dataset& data, const std::string& data_identity, const Checkpoint* run);

  /// Until it is done, is to stop or is interrupted, saving by the way as the options say.
  void run();
  /// model.safetensors, loss.csv and loss.png.
  void save();
  void report();

 private:
  bool is_over() const;
  Estimate train_step(double rate);
  LossPlan::In next_batch();
  std::optional<Estimate> validation_loss();
  void restore(const Checkpoint& run);
  void write_metadata(std::map<std::string, std::string>& metadata) const;
  std::string path(const char* name) const;
  double seconds() const;

  const TrainOptions& options_;
  const Dataset& data_;
  const std::string& data_identity_;
  int dim_;
  MlpShape net_;
  Engine engine_;
  LossPlan plan_, validation_plan_;
  Queue queue_;
  std::optional<Dequantizer> dequantizer_;
  std::vector<float> noisy_rows_;  // [batch, d], where there is a dequantizer
  Buffer<float> x_;                // all training rows, or those of a step where there is a dequantizer
  Buffer<float> held_out_, params_, grad_;
  Buffer<Estimate> loss_, held_out_loss_;
  NoiseState noise_, validation_noise_;
  Adam::Options adam_options_;
  Adam adam_;
  LossLog log_;
  std::int64_t step_ = 0, first_step_ = 0;  // of the run; those of this call begin at first_step_
  std::int64_t skipped_in_a_row_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double seconds_before_ = 0, seconds_here_ = 0;  // of earlier calls; of this one, once it is over
};

}  // namespace scorematch::cli
