/// @file
/// ScorePlan: the score of the library's network, products with its Jacobian, its divergence, an energy net's
/// log-density.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"

namespace scorematch {

class SCOREMATCH_API ScorePlan {
 public:
  struct In {
    ConstView params;        ///< [P]
    ConstView x;             ///< [N, d], evaluated here as it is
    ConstView sigma{};       ///< [N] or [1]; required unless the net ignores it
    ConstView directions{};  ///< [M, N, d]
    NoiseRef noise{};        ///< draws the directions where they are not given
  };
  /// Only what is given is computed.
  struct Out {
    View score{};                ///< [N, d]
    View jvp{};                  ///< [M, N, d], (ds/dx) v; for an energy net a Hessian-vector product
    View divergence{};           ///< [N], exact: dim tangents
    View divergence_estimate{};  ///< [N], mean over m of v_m^T (ds/dx) v_m (Hutchinson 1990)
    View log_density{};          ///< [N], f: up to a constant; energy nets only
  };

  /// @param projections M, the most directions a call may use; 0 if it uses none.
  ScorePlan(const Engine& engine, const MlpShape& net, std::int64_t max_batch, int projections = 0,
            Projection distribution = Projection::rademacher, Compute compute = {});
  void run(Queue& queue, const In& in, const Out& out) const;
  std::size_t workspace_bytes() const;
  /// Which kernels a call with `batch` samples runs, and how many launches it makes.
  PlanReport report(std::int64_t batch) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
