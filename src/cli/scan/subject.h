/// @file
/// What a scan measures: a network on data, trained here as `train` would, or read from a file.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/scan/data_facts.h"
#include "cli/training/train_options.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// The options that every scan has.
struct ScanOptions {
  TrainOptions train;  // also data, folder, engine, report, seed
  std::string model;
  double minutes = 3;

  /// Must not be moved afterward, like TrainOptions.
  void add_to(OptionTable& table);
  bool is_given(const std::string& option) const;
  /// Work in units of the default: 1 for 3 minutes.
  double work() const { return minutes / 3; }

 private:
  const OptionTable* table_ = nullptr;
};

struct Subject {
  Engine engine;
  MlpShape net;
  std::vector<float> params;
  NoiseSchedule schedule;
  Weighting weighting;
  Matrix rows;  // for training, model units, in random order; with the noise of dequantization
  Standardization units;
  Resolution resolution{};              // of the file; none if dequantized
  double sigma_min = 0, sigma_max = 0;  // of the training; 0: not known
  double deviation = 0;                 // of the rows, as `train` takes it
  std::int64_t run_steps = 0;           // that `train` would make; 0: not known

  /// Another network that was trained on the same rows with other noise and initial parameters, so that its errors are
  /// independent of the first one's. Nothing with --model.
  struct Twin {
    MlpShape net;
    std::vector<float> params;
  };
  std::optional<Twin> twin{};

  bool uses_sigma() const;
};

/// Changes the seed for what is measured: the network has seen the samples of the training.
constexpr std::uint64_t kMeasurementStream = 0x9e3779b97f4a7c15;

/// What a scan needs of its subject.
struct Needed {
  ObjectiveKind objective;  // whose weights are used, if the model was trained with another objective
  bool levels = false;      // a network that knows sigma, trained on a range of it
  bool twin = false;
};

/// Keys of the facts that make_subject() states.
std::vector<std::string> subject_keys();

/// Reads the data, prepares them as `train` does or in the model's units, and trains for a fraction of the steps of
/// `train`, or reads the model. Reports each.
/// @throws Error as `train`, and for a model that does not fit the data
/// @throws CLI::RuntimeError if it is interrupted
Subject make_subject(ScanOptions& options, const Needed& needed, Report& report);

/// Ends the command, with its exit code, if it was asked to stop.
void end_if_interrupted();

/// "scorematch train 'my data.npy' -o run": the given training options and these, of which each replaces a given one.
std::string train_command(const ScanOptions& options, const std::vector<std::pair<std::string, std::string>>& chosen);

}  // namespace scorematch::cli
