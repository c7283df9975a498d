// What `scorematch train` can be told, and what it means for the library.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/dataset.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch::cli {

struct TrainOptions {
  std::string data, directory;
  EngineOptions engine;
  std::uint64_t seed = 0;

  // the network
  std::string net_kind = "score";
  std::vector<int> hidden = {256, 256, 256};
  std::string activation = "silu", parameterization = "edm", conditioning = "fourier";
  int fourier = 8;
  double fourier_scale = 0.25, sigma_data = 0.5;
  bool residual = false;

  // the loss
  std::string objective = "dsm", variance = "plain", law = "rademacher", schedule = "lognormal", weighting = "edm";
  int projections = 1;
  double sigma = 0.1, sigma_min = 0.01, sigma_max = 10, log_mean = -1.2, log_deviation = 1.2;
  int levels = 0;

  // the run
  std::int64_t steps = 6000;
  int batch = 256;
  double learning_rate = 4e-3, weight_decay = 0, clip = 1.0, ema = 0.999, validation = 0.1;
  std::int64_t warmup = 100;
  std::string rate_schedule = "cosine", standardize = "scale";
  std::string select = "auto";
  std::int64_t patience = 0;
  std::string dequantize = "0";  // a flag with a value: CLI11 would read a number as a count

  // one call of the command
  std::string resume;
  std::int64_t checkpoint_every = 0, stop_after = 0;
  std::int64_t samples = -1;  // at the end; -1: as many as are affordable

  void add_to(CLI::App& command);
  /// The options that fix a run's numbers, by name: all but where it computes, from what and to where, and when it
  /// stops.
  std::map<std::string, std::string> recorded() const;
  /// Takes the options of a run over from what recorded() gave. One that is given on the command line may repeat the
  /// run's; --steps and --patience may differ. @param path of the checkpoint, for messages @throws Error naming the
  /// option and both values, io where a value of the run's cannot be an option's
  void take_over(const std::string& path, const std::map<std::string, std::string>& of_the_run);
  /// Refuses options that contradict each other.
  void check() const;
  MlpShape net(int dim) const;
  Loss loss() const;
  Standardize standardization() const;
  /// The data's step; 0: they are taken as they are.
  double dequantization() const;
  /// Whether the parameters of the best held-out loss are kept. @throws Error where none are held out, as it is asked
  bool selects_best(std::int64_t held_out_rows) const;
  /// `ema`, at most 1 - 5 / steps: so that the parameters that training began with are e^-5 of the average or less.
  double ema_decay() const;
  /// Of step `step` in [0, steps): warm-up, then constant, linear or cosine decay to 0.
  double learning_rate_at(std::int64_t step) const;

 private:
  struct Recorded {
    CLI::Option* option;
    std::function<std::string()> text;
  };
  CLI::Option* choice(CLI::App& command, const std::string& name, std::string& value, std::vector<std::string> names,
                      const std::string& help);
  template <class T>
  CLI::Option* number(CLI::App& command, const std::string& name, T& value, T low, T high, const std::string& help);
  template <class T>
  void record(const std::string& name, CLI::Option* option, const T& value);

  std::map<std::string, Recorded> recorded_;  // by name without dashes
};

}  // namespace scorematch::cli
