/// @file
/// LossPlan: batch in; loss with standard error, and gradients, out.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

/// Immutable and cheap to copy. Making one validates and picks kernels and algorithms, so the first run may already be
/// captured (on drivers from 12.3 on; docs/cuda.md).
class SCOREMATCH_API LossPlan {
 public:
  using In = LossIn;
  using Out = LossOut;

  /// @throws Error invalid_argument naming the field at fault, unsupported where `compute` cannot be had.
  LossPlan(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t max_batch, Compute compute = {});

  /// Enqueues. @throws Error, with nothing enqueued: shape or type of a view, a missing or superfluous input, too small
  /// a workspace, a queue of another engine.
  void run(Queue& queue, const In& in, const Out& out, const Reduction& reduction = {}) const;
  /// Scratch a queue needs for run(); constant in max_batch beyond one chunk (docs/architecture.md has the formula).
  std::size_t workspace_bytes() const;
  /// Which kernels a call with `batch` samples runs, and how many launches it makes.
  PlanReport report(std::int64_t batch) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
