// What a call gives, as every route's kernels take it: the parts that do not depend on how the batch is cut.
#pragma once
#include "cuda/translate.h"
#include "launchers.h"
#include "model/network.h"

namespace scorematch::cuda {

/// Where directions come from: the caller, a distribution, or, for the exact trace, the unit vectors.
template <class In>
kernels::DirectionSource directions_of(const Needs& needs, const In& in) {
  return needs.trace ? basis() : direction_source(in.batch.directions, needs.distribution);
}

/// Of a call that has a loss, a LossPlan's or a HeadPlan's.
template <class In>
kernels::BatchParams batch_params(const In& in, const Loss& loss, int dim, const Parameterization& parameterization) {
  kernels::BatchParams p;
  p.dim = dim;
  p.data = data_rows(in.batch);
  p.noise = translated(in.batch.noise);
  p.sigma = sigma_source(in.batch.sigma, loss.schedule);
  p.eps = {perturbs(loss, in.batch.eps), table_of(in.batch.eps)};
  p.directions = directions_of(needs_of(loss.objective), in);
  p.true_score = table_of(in.batch.true_score);
  p.parameterization = parameterization;
  return p;
}
/// Of a call that asks for scores: x is perturbed already.
kernels::BatchParams batch_params(const ScoreSpec& spec, const ScoreIn& in);

/// Dim, x, parameterization, noise.
kernels::ScoreParams score_params(const ScoreSpec& spec, const ScoreIn& in);

}  // namespace scorematch::cuda
