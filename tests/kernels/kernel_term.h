// An objective's term as the kernels take it.
#pragma once
#include "launchers.h"
#include "model/objective_terms.h"

namespace scorematch {
namespace kernels {

inline Term kernel_term(const scorematch::Term& term) {
  Term to;
  to.point = static_cast<float>(term.point);
  to.quadratic = static_cast<float>(term.quadratic);
  to.target = static_cast<Term::Target>(term.target);
  to.linear = static_cast<float>(term.linear);
  to.complete_square = term.complete_square;
  to.has_directions = term.directions != scorematch::Term::Directions::none;
  to.weight = static_cast<float>(term.weight);
  to.sliced_square = term.sliced_square;
  return to;
}

}  // namespace kernels
}  // namespace scorematch
