// Explicit score matching: l = 1/2 |s - grad log p|^2.
#pragma once
#include "reference/heads/head.h"

namespace scorematch::reference {

template <class T>
HeadOutput<T> head(const Esm&, const HeadInput<T>& in) {
  HeadOutput<T> out;
  std::vector<T> difference = in.score[0];
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] = difference[i] - in.true_score[i];
  out.loss = half_square(difference);
  out.grad_score = {difference};
  return out;
}

}  // namespace scorematch::reference
