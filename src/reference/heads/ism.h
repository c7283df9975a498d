// Implicit score matching: l = tr J + 1/2 |s|^2.
#pragma once
#include "reference/heads/head.h"

namespace scorematch::reference {

template <class T>
HeadOutput<T> head(const Ism&, const HeadInput<T>& in) {
  HeadOutput<T> out;
  out.loss = in.trace + half_square(in.score[0]);
  out.grad_score = {in.score[0]};
  out.grad_trace = T(1);
  return out;
}

}  // namespace scorematch::reference
