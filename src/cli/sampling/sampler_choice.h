/// @file
/// Which sampler `scorematch sample` runs on a model, from its options and from the model's training.
#pragma once
#include <optional>
#include <string>

#include "cli/models/model_metadata.h"
#include "cli/options/option_table.h"
#include "cli/report/report.h"
#include "model/names.h"
#include "scorematch/sampler.h"

namespace scorematch::cli {

/// Steps of the flow if they are not given, two evaluations each.
constexpr int kFlowSteps = 40;

struct SamplerOptions {
  SamplerKind sampler = SamplerKind::flow;
  int steps = 0, steps_per_level = 5;
  NoiseRange noise;
  double step_size = 0, sigma_start = 0, prior_deviation = -1;  // not positive: not given
  bool metropolis = false;
  std::optional<bool> model_uses_sigma;  // once it is read

  void add_to(OptionTable& table);
  bool is_chain() const { return sampler == SamplerKind::langevin; }
  Condition network_uses_sigma() const;
};

struct SamplerChoice {
  Sampler sampler;
  /// What draws the start of chains, if the model knows more levels than that of the chains: at one level they would
  /// take sigma^-2 as many steps to spread over the data. Then sampler is a Langevin with sigma_start 0.
  std::optional<ProbabilityFlow> start;
};

/// The noise levels and the start: as asked for, else those of the model's training. Warns if the start
/// cannot stand for the data, or if a chain is too short.
/// @throws Error naming the option
SamplerChoice make_sampler(const SamplerOptions& options, const Checkpoint& model, Report& report);

}  // namespace scorematch::cli
