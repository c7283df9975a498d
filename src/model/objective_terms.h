// The heads. Every objective so far is a sum of terms, each at a point x + p sigma eps:
//
//   quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2]  +  mean or sum over directions of  v^T J v [+ (v^T s)^2 / 2]
//
// with g = linear eps/sigma or linear grad log p. A new objective is a new case in terms_of(), or, where it is no such
// sum, a new kind of term here.
#pragma once
#include <vector>

#include "model/network.h"
#include "scorematch/objective.h"

namespace scorematch {

struct Term {
  enum class Target { none, noise, true_score };
  enum class Directions { none, drawn, basis };

  double point = 1;              // p
  double quadratic = 0;          // of |s|^2 / 2; 0 with no target: s itself is not needed
  Target target = Target::none;  // what g is made of
  double linear = 0;             // g's factor
  bool complete_square = false;  // whether |g|^2 / 2 belongs to the loss
  Directions directions = Directions::none;
  double weight = 0;           // of each direction
  bool sliced_square = false;  // whether (v^T s)^2 / 2 belongs to each direction

  bool needs_score() const { return quadratic != 0 || target != Target::none; }
};

std::vector<Term> terms_of(const Objective& objective);

}  // namespace scorematch
