// Converts the arguments of a call for the kernels of every route: the parts that do not depend on the division of the
// batch.
#pragma once
#include "cuda/translate.h"
#include "launchers.h"
#include "model/network.h"

namespace scorematch::cuda {

/// The source of the directions: the caller, a distribution, or the unit vectors for the exact trace.
template <class In>
kernels::DirectionSource directions_of(const Needs& needs, const In& in) {
  return needs.trace ? basis() : direction_source(in.batch.directions, needs.distribution);
}

/// For a call with a loss, of a LossPlan or a HeadPlan. @param levels of the loss
template <class In>
kernels::BatchParams batch_params(const In& in, const Loss& loss, const NoiseLevels& levels, int dim,
                                  const Parameterization& parameterization) {
  kernels::BatchParams p;
  p.dim = dim;
  p.data = data_rows(in.batch);
  p.noise = translated(in.batch.noise);
  p.sigma = levels.source(in.batch.sigma);
  p.eps = {perturbs(loss, in.batch.eps), table_of(in.batch.eps)};
  p.directions = directions_of(needs_of(loss.objective), in);
  p.true_score = table_of(in.batch.true_score);
  p.weight = table_of(in.batch.weight);
  p.parameterization = parameterization;
  return p;
}
/// For a call of a ScorePlan, whose x is already perturbed.
kernels::BatchParams batch_params(const ScoreSpec& spec, const ScoreIn& in);

/// Sets dim, x, parameterization and noise.
kernels::ScoreParams score_params(const ScoreSpec& spec, const ScoreIn& in);

}  // namespace scorematch::cuda
