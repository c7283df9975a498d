/// @file
/// Batch: the samples of one call, and values that are given for them instead of drawn. Plain data for every plan.
#pragma once
#include <cstdint>

#include "scorematch/noise.h"
#include "scorematch/view.h"

namespace scorematch {

/// N samples of dimension d, with M directions. A plan draws from `noise` what it needs and is not given here, and
/// refuses fields that it does not use. The reference engine takes mixed element types, the others float32. New fields
/// are only appended.
///
/// | field | LossPlan | ScorePlan | PerturbPlan | HeadPlan | LikelihoodPlan |
/// |---|---|---|---|---|---|
/// | x | required | required | required | required if a != 0, else refused | required |
/// | noise | for what is drawn | for directions | for what is drawn | as given to PerturbPlan | for directions |
/// | sigma | if used | required if the network uses it, else refused | optional | if used | refused |
/// | eps | optional | refused | optional | optional | refused |
/// | directions | for sliced objectives | if an output needs them | refused | for sliced objectives | refused |
/// | true_score | for Esm | refused | refused | for Esm | refused |
/// | rows, draw_rows | optional | refused | optional | optional with x | refused |
/// | weight | optional | refused | refused | optional | refused |
/// | context or labels | as the network says | as the network says | as the plan says | refused | as the network says |
/// | present | with an optional context | the same | the same | refused | the same |
struct Batch {
  ConstView x;             ///< [N, d], 1 <= N <= max_batch
  NoiseRef noise{};        ///< draws what is needed but not given below
  ConstView sigma{};       ///< [N], or [1] for all; replaces the schedule's draw
  ConstView eps{};         ///< [N, d]; replaces the Gaussian draw
  ConstView directions{};  ///< [M, N, d], used as given; replaces the draw of directions
  ConstView true_score{};  ///< [N, d], grad log p where the score is evaluated
  /// Which rows of x are the samples; x is then the whole data set [R, d]. The plan reads the rows without a copy of
  /// the batch.
  ConstView rows{};            ///< [N] int64, each in [0, R)
  std::int64_t draw_rows = 0;  ///< N rows, drawn uniformly with replacement from `noise`; 0: x is the batch
  ConstView weight{};          ///< [N], multiplies the loss of each sample and its gradients; 1 if not given
  /// [N, c], c = net.context.columns, or [1, c] for all samples. It belongs to the rows of x: with rows or draw_rows,
  /// it is [R, c]. An optional one may be left out: no sample has a context.
  ConstView context{};
  ConstView present{};  ///< [N], of an optional context: 0 for samples without one; [R] with rows or draw_rows
  /// [N] int64, or [1], or [R]: classes in [0, c) in place of `context`. Class k is the context with 1 in column k and
  /// 0 in the others; no array of such rows is formed.
  ConstView labels{};
};

}  // namespace scorematch
