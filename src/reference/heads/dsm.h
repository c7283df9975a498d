// Denoising score matching: l = 1/2 |s(x_tilde) + eps/sigma|^2, and its two variance reductions (see objective.h),
// which leave out |eps/sigma|^2 / 2.
#pragma once
#include "reference/heads/head.h"

namespace scorematch::reference {

inline std::vector<double> points(const Dsm& dsm) {
  switch (dsm.variance) {
    case Dsm::Variance::plain:
      return {1.0};
    case Dsm::Variance::control_variate:
      return {1.0, 0.0};
    case Dsm::Variance::antithetic:
      return {1.0, -1.0};
  }
  return {};
}

template <class T>
HeadOutput<T> head(const Dsm& dsm, const HeadInput<T>& in) {
  HeadOutput<T> out;
  out.grad_score = in.score;
  std::vector<T> target = in.eps;
  for (T& each : target) each = each / in.sigma;
  switch (dsm.variance) {
    case Dsm::Variance::plain:
      for (std::size_t i = 0; i < target.size(); ++i) out.grad_score[0][i] = in.score[0][i] + target[i];
      out.loss = half_square(out.grad_score[0]);
      break;
    case Dsm::Variance::control_variate:  // 1/2 |s(x_tilde)|^2 + eps/sigma (s(x_tilde) - s(x))
      out.loss = half_square(in.score[0]) + dot(target, in.score[0]) - dot(target, in.score[1]);
      for (std::size_t i = 0; i < target.size(); ++i) {
        out.grad_score[0][i] = in.score[0][i] + target[i];
        out.grad_score[1][i] = -target[i];
      }
      break;
    case Dsm::Variance::antithetic:  // 1/4 (|s+|^2 + |s-|^2) + eps/(2 sigma) (s+ - s-)
      out.loss = 0.5 * (half_square(in.score[0]) + half_square(in.score[1]) + dot(target, in.score[0]) -
                        dot(target, in.score[1]));
      for (std::size_t i = 0; i < target.size(); ++i) {
        out.grad_score[0][i] = 0.5 * (in.score[0][i] + target[i]);
        out.grad_score[1][i] = 0.5 * (in.score[1][i] - target[i]);
      }
      break;
  }
  return out;
}

}  // namespace scorematch::reference
