// What a call gives, as every route's kernels take it: the parts that do not depend on how the batch is cut.
#pragma once
#include "cuda/translate.h"
#include "launchers.h"
#include "plans/batch.h"

namespace scorematch::cuda {

/// Where directions come from: the caller, a distribution, or, for the exact trace, the unit vectors.
template <class In>
kernels::DirectionSource directions_of(const Needs& needs, const In& in) {
  return needs.trace ? basis() : direction_source(in.directions, needs.law);
}

/// Of a call that has a loss, a LossPlan's or a HeadPlan's.
template <class In>
kernels::BatchParams batch_params(const In& in, const Loss& loss, int dim, const Parameterization& parameterization) {
  kernels::BatchParams p;
  p.dim = dim;
  p.data = data_rows(in);
  p.noise = translated(in.noise);
  p.sigma = sigma_source(in.sigma, loss.schedule);
  p.eps = {perturbs(loss, in.eps), table_of(in.eps)};
  p.directions = directions_of(needs_of(loss.objective), in);
  p.true_score = table_of(in.true_score);
  p.parameterization = translated(parameterization);
  return p;
}
/// Of a call that asks for scores: x is perturbed already.
kernels::BatchParams batch_params(const ScoreSpec& spec, const ScorePlan::In& in);

/// Dim, x, parameterization, noise.
kernels::ScoreParams score_params(const ScoreSpec& spec, const ScorePlan::In& in);

}  // namespace scorematch::cuda
