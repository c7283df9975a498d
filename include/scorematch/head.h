/// @file
/// The head alone: from what the caller's own network gives, the loss, its standard error and the adjoints to send
/// back.
#pragma once
#include <cstddef>
#include <memory>

#include "scorematch/estimate.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"

namespace scorematch {

/// The network maps z = c x_tilde (and sigma) to F, and s = a x_tilde + b F. The head applies (a, b, c): scores and the
/// chain rule through them are not the caller's work. Under Plain, z is x_tilde and F is the score itself.
class SCOREMATCH_API HeadPlan {
 public:
  struct In {
    ConstView output;        ///< [N, d], F
    ConstView x;             ///< [N, d], the clean samples PerturbPlan was given; needed if a != 0
    NoiseRef noise{};        ///< as given to PerturbPlan: sigma, eps (and v) are drawn again instead of being stored
    ConstView sigma{};       ///< [N] or [1]; replaces the draw
    ConstView eps{};         ///< [N, d]; replaces the draw
    ConstView directions{};  ///< [M, N, d]; replaces the draw
    ConstView jvp{};         ///< [M, N, d], (dF/dz) v; required by Ssm, SsmVr
    ConstView trace{};       ///< [N], tr dF/dz; required by Ism
    ConstView true_score{};  ///< [N, d]; required by Esm
    ConstView rows{};        ///< [N] int64, as given to PerturbPlan
    std::int64_t draw_rows = 0;  ///< likewise
  };
  struct Out {
    Estimate* loss = nullptr;
    View grad_output{};      ///< [N, d], adjoint of `output`, over normaliser, times loss_scale
    View grad_jvp{};         ///< [M, N, d], adjoint of `jvp`
    View grad_trace{};       ///< [N], adjoint of `trace`
    View loss_per_sample{};  ///< [N]
  };

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
