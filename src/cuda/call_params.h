// What a call gives, as every route's kernels take it: the parts that do not depend on how the batch is cut.
#pragma once
#include "cuda/translate.h"
#include "launchers.h"

namespace scorematch::cuda {

/// Where directions come from: the caller, a law, or, for the exact trace, the unit vectors.
inline kernels::DirectionSource directions_of(const Needs& needs, const LossIn& in) {
  return needs.trace ? basis() : direction_source(in.batch.directions, needs.law);
}

/// Data, noise, sigma, eps, parameterization, features, dim.
kernels::PerturbParams perturb_params(const LossSpec& spec, const Features& features, const LossIn& in);
/// Data, noise, sigma, parameterization, features, dim: x is perturbed already.
kernels::PerturbParams perturb_params(const ScoreSpec& spec, const Features& features, const ScoreIn& in);
/// Objective, data, noise, eps, true_score, directions, parameterization, weighting, grad_factor, dim.
kernels::HeadParams head_params(const LossSpec& spec, const LossIn& in, double grad_factor);
/// Dim, x, parameterization, noise.
kernels::ScoreParams score_params(const ScoreSpec& spec, const ScoreIn& in);

}  // namespace scorematch::cuda
