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

  template <Space kTile>
  struct ScoreTerm {
    SampleEps<kTile> eps;
    float quadratic, linear;
    bool complete_square;

    SCOREMATCH_DEVICE ScoreTerm(const HeadParams& p, const HeadRow& row)
        : eps(p.eps, p.noise, row.sample, p.dim),
          quadratic(p.term.quadratic),
          linear(p.term.linear * row.inverse_sigma),
          complete_square(p.term.complete_square) {}

    SCOREMATCH_DEVICE void add4(int group, const float (&s)[4], float& loss, float (&grad)[4]) const {
      float noise[4];
      eps.get4(group, noise);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        const float g = linear * noise[i];
        grad[i] = fmaf(quadratic, s[i], g);
        loss =
            complete_square ? fmaf(0.5f * grad[i], grad[i], loss) : fmaf(fmaf(0.5f * quadratic, s[i], g), s[i], loss);
      }
    }
  };
};

}  // namespace kernels
}  // namespace scorematch
