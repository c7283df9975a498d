/// @file
/// LossPlan: from a batch to the loss, its standard error and its gradients.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

/// Immutable and cheap to copy. The constructor validates, and picks kernels and algorithms, so even the first run may
/// be captured (with a driver for CUDA 12.3 or later; docs/cuda.md).
class SCOREMATCH_API LossPlan {
 public:
  using In = LossIn;
  using Out = LossOut;

  /// @throws Error invalid_argument naming the field at fault, or unsupported if `compute` is not available.
  LossPlan(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t max_batch, Compute compute = {});

  /// Enqueues. @throws Error, with nothing enqueued, for a view of the wrong shape or type, a missing or superfluous
  /// input, too small a workspace, or a queue of another engine.
  void run(Queue& queue, const In& in, const Out& out, const Reduction& reduction = {}) const;
  /// Scratch memory that run() needs; beyond one chunk, constant in max_batch (docs/architecture.md has the formula).
  std::size_t workspace_bytes() const;
  /// Which kernels a call with `batch` samples runs, and how many launches it makes.
  PlanReport report(std::int64_t batch) const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
