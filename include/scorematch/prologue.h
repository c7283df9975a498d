/// @file
/// The prologue alone, for trainers with a network of their own: PerturbPlan (x_tilde, sigma, eps) and DirectionPlan
/// (v). They draw the same numbers as LossPlan for the same NoiseRef. Neither needs workspace.
#pragma once
#include <memory>

#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"

namespace scorematch {

class SCOREMATCH_API PerturbPlan {
 public:
  struct In {
    ConstView x;                 ///< [N, d]
    NoiseRef noise{};            ///< needed for what is not given below
    ConstView sigma{};           ///< [N] or [1]
    ConstView eps{};             ///< [N, d]
    ConstView rows{};            ///< [N] int64: which rows of x [R, d] the samples are
    std::int64_t draw_rows = 0;  ///< or N of them drawn from `noise`
  };
  /// Only what is given is written. eps is seldom wanted: HeadPlan draws it again.
  struct Out {
    View net_input{};  ///< [N, d + features]: c x_tilde, then e(sigma)
    View sigma{};      ///< [N]
    View x_tilde{};    ///< [N, d]
    View eps{};        ///< [N, d]
  };
  PerturbPlan(const Engine& engine, int dim, const NoiseSchedule& schedule, std::int64_t max_batch,
              const Parameterization& parameterization = {}, const Conditioning& conditioning = {});
  void run(Queue& queue, const In& in, const Out& out) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

class SCOREMATCH_API DirectionPlan {
 public:
  DirectionPlan(const Engine& engine, int dim, int projections, Projection distribution, std::int64_t max_batch);
  /// @param directions [M, N, d]
  void run(Queue& queue, NoiseRef noise, View directions) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
