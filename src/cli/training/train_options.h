// The options of `scorematch train`, and what they mean for the library.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/dataset.h"
#include "cli/options/commands.h"
#include "model/names.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch::cli {

struct TrainOptions {
  std::string data, directory, missing = "refuse";
  EngineOptions engine;
  ReportOptions report;
  std::uint64_t seed = 0;

  // the network
  MlpShape::Kind net_kind = MlpShape::Kind::score;
  std::vector<int> hidden = {};  // empty: not chosen yet, by choose_training()
  Activation activation = Activation::silu;
  Parameterization::Kind parameterization = Parameterization::Kind::edm;
  Conditioning::Kind conditioning = Conditioning::Kind::fourier;
  int fourier = 8;
  double fourier_scale = 0.25, sigma_data = 0.5;
  bool residual = true;
  Initialization initialization = Initialization::variance_preserving;

  // the loss
  std::string noise = "auto";
  ObjectiveKind objective = ObjectiveKind::dsm;
  Dsm::Variance variance = Dsm::Variance::plain;
  Projection distribution = Projection::rademacher;
  NoiseSchedule::Kind schedule = NoiseSchedule::Kind::log_normal;
  Weighting::Kind weighting = Weighting::Kind::edm;
  int projections = 1;
  double sigma = 0.1, sigma_min = 0.01, sigma_max = 10, log_mean = -1.2, log_deviation = 1.2;
  int levels = 0;

  // the context
  std::string labels, context_columns;
  double context_dropout = 0.1;
  int context_count = 0;  // columns of the network's input, once the contexts are read

  // the run
  std::int64_t steps = 6000;
  int batch = 256;
  double learning_rate = 4e-3, weight_decay = 0.03, clip = 1.0, ema = 0.999, validation = 0.1;
  std::int64_t warmup = 100;
  std::string rate_schedule = "cosine", standardize = "auto", image;
  std::string select = "auto";
  std::int64_t patience = 0;
  std::string dequantize = "0";  // a flag with a value: CLI11 would read a number as a count; alone: "whole"

  // one call of the command
  std::string resume, gradients_by = "auto";
  bool overwrite = false;
  std::int64_t checkpoint_every = 0, stop_after = 0;
  std::int64_t samples = -1;  // at the end; -1: as many as the time allows

  /// Must not be moved afterward: `table` refers to it.
  void add_to(OptionTable& table);
  /// Those that determine a run's numbers alone, for other commands that train. The same holds.
  void add_recorded(OptionTable& table);
  /// The options that determine a run's numbers, by name: all except those that say where it computes, where it reads
  /// and writes, and when it stops.
  std::map<std::string, std::string> recorded() const;
  /// Takes over the options of a run from what recorded() gave. One that is given on the command line may repeat the
  /// run's; --steps and --patience may differ.
  /// @param path of the checkpoint, for messages
  /// @throws Error naming the option and both values, io if a value of the run is not valid for the option
  void take_over(const std::string& path, const std::map<std::string, std::string>& of_the_run);
  /// Refuses options that have no effect, and those that contradict each other.
  /// @param columns of the data, 0 as long as they are not known
  void check(int columns = 0);
  MlpShape net(int dim) const;
  Loss loss() const;
  /// Sets what is not given and follows from --objective and --schedule. For a new run, before check().
  void follow_objective();
  /// Sets what is not given and follows from the data, before they are prepared: --standardize and --sigma-data.
  void choose_units(const Table& data);
  /// The same afterward: noise levels, widths, steps and rates.
  void choose_training(const Dataset& data);
  /// After choose_training(): a smaller network and fewer steps if there is no noise.
  void choose_without_noise(const Dataset& data);
  bool is_sliced() const { return objective == ObjectiveKind::ssm || objective == ObjectiveKind::ssm_vr; }
  bool is_conditional() const { return !labels.empty() || !context_columns.empty(); }
  bool has_noise() const { return schedule != NoiseSchedule::Kind::none; }
  /// For the report.
  Phrase describe_units() const, describe_noise() const, describe_objective() const, describe_context() const;
  Preparation preparation() const;
  Dequantization dequantization() const;
  /// Whether to store the parameters of the best held-out loss.
  /// @throws Error if that is asked for and no rows are held out
  bool selects_best(std::int64_t held_out_rows) const;
  /// `ema`, at most 1 - 5 / steps, so that the initial parameters are e^-5 of the average or less.
  double ema_decay() const;
  /// Of step `step` in [0, steps): warm-up, then constant, linear or cosine decay to 0.
  double learning_rate_at(std::int64_t step) const;

 private:
  bool is_given(const std::string& name) const;
  // The first three are recorded: their options change the numbers.
  void add_network(OptionTable& table);
  void add_loss(OptionTable& table);
  void add_run(OptionTable& table);
  /// --labels and what else makes a model conditional. Only conditional runs record them.
  void add_context(OptionTable& table);

  const OptionTable* table_ = nullptr;
  std::size_t first_of_run_ = 0, end_of_run_ = 0;  // of the table's entries, those that are recorded
  std::size_t end_of_context_ = 0;                 // and those of conditional runs, which follow them
  int columns_ = 0;
};

}  // namespace scorematch::cli
