// Sliced score matching with reduced variance: l = mean_m [ v_m^T J v_m ] + 1/2 |s|^2.
#pragma once
#include "reference/heads/head.h"

namespace scorematch::reference {

template <class T>
HeadOutput<T> head(const SsmVr& ssm, const HeadInput<T>& in) {
  HeadOutput<T> out;
  const double weight = 1.0 / ssm.projections;
  out.loss = half_square(in.score[0]);
  out.grad_score = {in.score[0]};
  out.jvp_weight = T(weight);
  const T score_loss = out.loss;
  for (std::size_t m = 0; m < in.directions.size(); ++m) {
    const T along = dot(in.directions[m], in.jvp[m]);
    out.direction_losses.push_back(score_loss + along);
    out.loss = out.loss + weight * along;
  }
  return out;
}

}  // namespace scorematch::reference
