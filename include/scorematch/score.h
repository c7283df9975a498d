/// @file
/// ScorePlan: the score of the library's network, its Jacobian-vector products, its divergence, and an energy net's
/// log-density.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

class SCOREMATCH_API ScorePlan {
 public:
  using In = ScoreIn;
  using Out = ScoreOut;

  /// @param projections M, the largest number of directions of a call; 0: none
  ScorePlan(const Engine& engine, const MlpShape& net, std::int64_t max_batch, int projections = 0,
            Projection distribution = Projection::rademacher, Compute compute = {});
  void run(Queue& queue, const In& in, const Out& out) const;
  std::size_t workspace_bytes() const;
  /// Which kernels a call with `batch` samples runs, and how many launches it makes.
  PlanReport report(std::int64_t batch) const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
