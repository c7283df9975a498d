// Converts a term of an objective for the kernels. They compute in float, so the denoising residual takes its closed
// form (docs/math.md, "Residuals without cancellation"); the engines that compute a head in double need only the exact
// x_tilde.
#pragma once
#include "launchers.h"
#include "model/network.h"
#include "model/objective_terms.h"

namespace scorematch::cuda {

inline kernels::Term::Target kernel_target(Term::Target target) {
  switch (target) {
    case Term::Target::none:
      break;
    case Term::Target::noise:
      return kernels::Term::Target::noise;
    case Term::Target::true_score:
      return kernels::Term::Target::true_score;
  }
  return kernels::Term::Target::none;
}

/// @param parameterization of the score that the term takes
inline kernels::Term kernel_term(const Term& term, const Parameterization& parameterization) {
  kernels::Term to;
  to.point = to.score_point = static_cast<float>(term.point);
  to.quadratic = static_cast<float>(term.quadratic);
  to.target = kernel_target(term.target);
  to.linear = static_cast<float>(term.linear);
  to.complete_square = term.complete_square;
  to.has_directions = term.directions != Term::Directions::none;
  to.weight = static_cast<float>(term.weight);
  to.sliced_square = term.sliced_square;
  if (term.target == Term::Target::noise && term.complete_square && has_closed_residual(parameterization)) {
    to.target = kernels::Term::Target::residual;
    to.score_point = 0;
  }
  return to;
}

}  // namespace scorematch::cuda
