/// @file
/// HeadPlan: from the outputs of the caller's own network to the loss, its standard error, and the gradients with
/// respect to these outputs.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

/// The network maps z = c x_tilde (and sigma) to F, and s = a x_tilde + b F. The plan applies (a, b, c) and their chain
/// rule, so the caller needs neither. With Plain, z is x_tilde and F is the score itself.
class SCOREMATCH_API HeadPlan {
 public:
  using In = HeadIn;
  using Out = HeadOut;

  /// @throws Error unsupported for the variance reductions of Dsm, which evaluate the network twice.
  HeadPlan(const Engine& engine, int dim, const Loss& loss, std::int64_t max_batch,
           const Parameterization& parameterization = {});
  void run(Queue& queue, const In& in, const Out& out, const Reduction& reduction = {}) const;
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
