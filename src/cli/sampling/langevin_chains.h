/// @file
/// Langevin chains of `scorematch sample`, run in two halves: where they stand in between shows whether they mix.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cli/sampling/chain_mixing.h"
#include "scorematch/checkpoint.h"
#include "scorematch/engine.h"
#include "scorematch/sampler.h"

namespace scorematch::cli {

class Chains {
 public:
  /// @param start draws where they start, if options.sigma_start is 0
  Chains(const Engine& engine, const Checkpoint& model, const Langevin& options,
         const std::optional<ProbabilityFlow>& start, std::int64_t max_batch, std::uint64_t seed);

  /// Chains `first` and on, to the end. @param x [N, dim], written @return its values
  std::vector<float> run(ConstView params, std::int64_t first, View x);
  /// Lines on stdout, and a warning on stderr where the chains did not move enough.
  void report() const;

 private:
  struct Half {  // or what draws the start, with no steps
    SamplerPlan plan;
    int steps;
    NoiseState noise;
  };

  Engine engine_;
  Langevin options_;
  bool starts_from_flow_;
  std::vector<Half> halves_;  // one where there is a single step; before them what draws the start, if something does
  std::optional<Queue> queue_;
  Buffer<float> accepted_;  // [max_batch], of a half
  ChainMixing mixing_;
  Estimate acceptance_;  // over chains
};

}  // namespace scorematch::cli
