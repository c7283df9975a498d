/// @file
/// The head alone: from what the caller's own network gives, the loss, its standard error and the adjoints to send
/// back.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/plan_data.h"

namespace scorematch {

/// The network maps z = c x_tilde (and sigma) to F, and s = a x_tilde + b F. The head applies (a, b, c): scores and the
/// chain rule through them are not the caller's work. Under Plain, z is x_tilde and F is the score itself.
class SCOREMATCH_API HeadPlan {
 public:
  using In = HeadIn;
  using Out = HeadOut;

  /// @throws Error unsupported for Dsm's variance reductions, which evaluate the network twice.
  HeadPlan(const Engine& engine, int dim, const Loss& loss, std::int64_t max_batch,
           const Parameterization& parameterization = {});
  void run(Queue& queue, const In& in, const Out& out, const Reduction& reduction = {}) const;
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
