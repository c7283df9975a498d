/// @file
/// Langevin chains of `scorematch sample`, run in two halves: their positions in between show whether they mix.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cli/data/contexts.h"
#include "cli/report/report.h"
#include "cli/sampling/chain_mixing.h"
#include "scorematch/checkpoint.h"
#include "scorematch/engine.h"
#include "scorematch/sampler.h"

namespace scorematch::cli {

/// Of what describe() reports.
const std::vector<std::string> kChainKeys = {"chains.steps",
                                             "chains.step_size",
                                             "chains.sigma",
                                             "chains.start",
                                             "chains.sigma_start",
                                             "acceptance.mean",
                                             "acceptance.standard_error",
                                             "mixing.relaxation_times",
                                             "mixing.correlation",
                                             "mixing.is_stuck"};

class Chains {
 public:
  /// @param start draws their start, if options.sigma_start is 0
  Chains(const Engine& engine, const Checkpoint& model, const Langevin& options,
         const std::optional<ProbabilityFlow>& start, std::int64_t max_batch, std::uint64_t seed, double guidance = 1);

  /// Chains from `first` on, to the end.
  /// @param x [N, dim], written
  /// @param contexts of all chains
  /// @return its values
  std::vector<float> run(ConstView params, std::int64_t first, View x, const ContextArrays& contexts);
  /// With a warning if the chains did not move enough.
  void describe(Report& report) const;

 private:
  struct Half {  // or what draws the start, without steps
    SamplerPlan plan;
    int steps;
    NoiseState noise;
  };

  Engine engine_;
  Langevin options_;
  bool starts_from_flow_;
  std::vector<Half> halves_;  // one if there is a single step; preceded by what draws the start, if anything does
  std::optional<Queue> queue_;
  Buffer<float> accepted_;  // [max_batch], of a half
  ChainMixing mixing_;
  Estimate acceptance_;  // over chains
};

}  // namespace scorematch::cli
