// The objectives as data. Each objective is a sum of terms, each at a point x + p sigma eps:
//
//   quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2]  +  weight (sum over directions of  v^T J v [+ (v^T s)^2 / 2])
//
// with g = linear eps/sigma, linear grad log p or 0. This is all that the cpu and cuda engines know of an objective. A
// new objective is a new row in terms_of() or, if it is not such a sum, a new member of Term.
#pragma once
#include <vector>

#include "model/network.h"
#include "scorematch/objective.h"

namespace scorematch {

struct Term {
  enum class Target { none, noise, true_score };
  enum class Directions { none, drawn, basis };

  double point = 1;                          // p
  double quadratic = 0;                      // of |s|^2 / 2; 1 if the square is complete
  Target target = Target::none;              // the vector in g
  double linear = 0;                         // the target's factor in g
  bool complete_square = false;              // |g|^2 / 2 is part of the loss
  Directions directions = Directions::none;  // the same for all terms of an objective
  double weight = 0;                         // of each direction
  bool sliced_square = false;                // (v^T s)^2 / 2 is part of each direction

  /// Whether s itself is needed; sliced squares need only v^T s.
  bool needs_score() const { return quadratic != 0 || target != Target::none; }
};

std::vector<Term> terms_of(const Objective& objective);

}  // namespace scorematch
