/// @file
/// Batch: the samples of one call, and what is given for them instead of being drawn. Data alone; every plan takes it.
#pragma once
#include <cstdint>

#include "scorematch/noise.h"
#include "scorematch/view.h"

namespace scorematch {

/// N samples of dimension d, with M directions. What a plan needs and is not given here, it draws from `noise`. A plan
/// refuses a field that it has no use for. Element types may differ on the reference engine; the others take float32.
/// New fields are only ever appended.
///
/// | field | LossPlan | ScorePlan | PerturbPlan | HeadPlan | LikelihoodPlan |
/// |---|---|---|---|---|---|
/// | x | required | required | required | required if a != 0, else refused | required |
/// | noise | for what is drawn | for directions | for what is drawn | as given to PerturbPlan | for directions |
/// | sigma | if used | required if the network uses it, else refused | optional | if used | refused |
/// | eps | optional | refused | optional | optional | refused |
/// | directions | of sliced objectives | if an output needs them | refused | of sliced objectives | refused |
/// | true_score | of Esm | refused | refused | of Esm | refused |
/// | rows, draw_rows | optional | refused | optional | optional with x | refused |
struct Batch {
  ConstView x;             ///< [N, d], 1 <= N <= max_batch
  NoiseRef noise{};        ///< draws what is needed and not given below
  ConstView sigma{};       ///< [N], or [1] for all; replaces the schedule's draw
  ConstView eps{};         ///< [N, d]; replaces the Gaussian draw
  ConstView directions{};  ///< [M, N, d], used as given; replaces the projection's draw
  ConstView true_score{};  ///< [N, d], grad log p at the point of evaluation
  /// Which rows of x the samples are; x is then the whole data set [R, d]. The batch is gathered without a copy first.
  ConstView rows{};            ///< [N] int64, each in [0, R)
  std::int64_t draw_rows = 0;  ///< or N rows drawn uniformly with replacement from `noise`; 0: x is the batch
};

}  // namespace scorematch
