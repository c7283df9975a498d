// Sliced score matching: l = mean_m [ v_m^T J v_m + 1/2 (v_m^T s)^2 ].
#pragma once
#include "reference/heads/head.h"

namespace scorematch::reference {

template <class T>
HeadOutput<T> head(const Ssm& ssm, const HeadInput<T>& in) {
  HeadOutput<T> out;
  const double weight = 1.0 / ssm.projections;
  out.jvp_weight = T(weight);
  out.grad_score = {std::vector<T>(in.score[0].size(), T(0))};
  for (std::size_t m = 0; m < in.directions.size(); ++m) {
    const std::vector<T>& v = in.directions[m];
    const T slice = dot(v, in.score[0]);
    out.direction_losses.push_back(dot(v, in.jvp[m]) + 0.5 * slice * slice);
    out.loss = out.loss + weight * out.direction_losses[m];
    for (std::size_t i = 0; i < v.size(); ++i) out.grad_score[0][i] = out.grad_score[0][i] + weight * slice * v[i];
  }
  return out;
}

}  // namespace scorematch::reference
