// Converts a term of an objective for the kernels.
#pragma once
#include "launchers.h"
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

inline kernels::Term kernel_term(const Term& term) {
  kernels::Term to;
  to.point = static_cast<float>(term.point);
  to.quadratic = static_cast<float>(term.quadratic);
  to.target = kernel_target(term.target);
  to.linear = static_cast<float>(term.linear);
  to.complete_square = term.complete_square;
  to.has_directions = term.directions != Term::Directions::none;
  to.weight = static_cast<float>(term.weight);
  to.sliced_square = term.sliced_square;
  return to;
}

}  // namespace scorematch::cuda
