// The head of one sample, in double, as in every plan of this engine: the factors that depend on sigma, and the loss of
// a term with its gradients, for s alone and along one direction.
#pragma once
#include <cstdint>

#include "cpu/coefficients.h"
#include "cpu/simd/score_term.h"
#include "engine/backend.h"
#include "engine/host_engine.h"
#include "model/objective_terms.h"
#include "model/weighting.h"

namespace scorematch::cpu {

struct HeadRow {
  double a, b, c;
  double sigma;
  double lambda;  // times the sample's weight
  double factor;  // lambda grad_factor
};

/// Of sample n of the call.
inline HeadRow head_row(const Parameterization& parameterization, const Weighting& weighting, const Batch& batch,
                        std::int64_t n, double sigma, double grad_factor) {
  const Coefficients k = coefficients(parameterization, sigma);
  const double lambda = weight_at(weighting, sigma) * (batch.weight.empty() ? 1 : element(batch.weight, n));
  return {k.a, k.b, k.c, sigma, lambda, lambda * grad_factor};
}

/// The target of sample n, from which g is computed; null if the term has none. @param eps of this sample
inline const float* target_of(const Term& term, const float* eps, const ConstView& true_score, std::int64_t n) {
  switch (term.target) {
    case Term::Target::none:
      return nullptr;
    case Term::Target::noise:
      return eps;
    case Term::Target::true_score:
      break;
  }
  return static_cast<const float*>(true_score.data) + n * true_score.stride[0];
}

/// The arrays of a row for score_term_row(), [dim].
struct ScoreArrays {
  const float *x, *eps, *f, *bias, *target;
  float *grad_output, *grad_x;
};

/// The part of a term that depends on s alone: returns the loss, and computes its gradients. @param output_factor from
/// the gradient of s to grad_output
inline double score_loss(const Term& term, const HeadRow& k, double output_factor, int dim, const ScoreArrays& arrays) {
  const double scale = term.target == Term::Target::noise ? term.linear / k.sigma : term.linear;
  const ScoreTerm parts{
      k.a,           k.b, term.point * k.sigma, term.quadratic, scale, term.complete_square, k.factor * output_factor,
      k.factor * k.a};
  return k.lambda * score_term_row(parts, dim, arrays.x, arrays.eps, arrays.f, arrays.bias, arrays.target,
                                   arrays.grad_output, arrays.grad_x);
}

/// The part of the loss along one direction, as if it were the only one. @param jvp v^T J v  @param slice v^T s
inline double lone_direction_loss(const Term& term, const HeadRow& k, double jvp, double slice) {
  return k.lambda * (term.sliced_square ? jvp + 0.5 * slice * slice : jvp);
}

/// The loss of one direction of several. @param jvp v^T J v  @param slice v^T s
inline double direction_loss(const Term& term, const HeadRow& k, double jvp, double slice) {
  return k.lambda * term.weight * (term.sliced_square ? jvp + 0.5 * slice * slice : jvp);
}

}  // namespace scorematch::cpu
