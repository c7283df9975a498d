/// @file
/// The perturbation alone, for trainers with their own network: PerturbPlan (x_tilde, sigma, eps), DirectionPlan (v).
/// They draw the same numbers as LossPlan for the same NoiseRef. Neither needs workspace.
#pragma once
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

class SCOREMATCH_API PerturbPlan {
 public:
  using Out = PerturbOut;

  PerturbPlan(const Engine& engine, int dim, const NoiseSchedule& schedule, std::int64_t max_batch,
              const Parameterization& parameterization = {}, const Conditioning& conditioning = {},
              const Context& context = {}, double context_dropout = 0);
  /// @param batch sigma and eps are drawn unless they are given
  void run(Queue& queue, const Batch& batch, const Out& out) const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

class SCOREMATCH_API DirectionPlan {
 public:
  DirectionPlan(const Engine& engine, int dim, int projections, Projection distribution, std::int64_t max_batch);
  /// @param directions [M, N, d]
  void run(Queue& queue, NoiseRef noise, View directions) const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
