// Denoising score matching, a term of it: with g = linear eps/sigma,
//
//   l = 1/2 |s + g|^2   or, without the constant |g|^2 / 2,   l = quadratic/2 |s|^2 + s.g
//
// Plain is (1, 1) complete; the control variate adds (1, 1) at x + sigma eps and (0, -1) at x; the antithetic pair is
// (1/2, +-1/2) at x +- sigma eps (docs/math.md).
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct DsmHead {
  static constexpr bool kScoreTerm = true, kDirections = false, kSlicedSquare = false;

  SCOREMATCH_DEVICE static void score_term(const HeadParams& p, const HeadRow& row, int group, const float (&s)[4],
                                           float& loss, float (&bar)[4]) {
    const float linear = p.term.linear * row.inverse_sigma;
    float eps[4];
    eps4(p.eps, p.noise, row.sample, group, p.dim, eps);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float g = linear * eps[i];
      bar[i] = fmaf(p.term.quadratic, s[i], g);
      loss = p.term.complete_square ? fmaf(0.5f * bar[i], bar[i], loss)
                                    : fmaf(fmaf(0.5f * p.term.quadratic, s[i], g), s[i], loss);
    }
  }
};

}  // namespace kernels
}  // namespace scorematch
