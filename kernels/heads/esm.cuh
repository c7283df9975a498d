// Explicit score matching: l = 1/2 |s - grad log p|^2.
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct EsmHead {
  static constexpr bool kScoreTerm = true, kDirections = false, kSlicedSquare = false;

  template <Space>
  struct ScoreTerm {
    const float* true_score;
    int dim;

    SCOREMATCH_DEVICE ScoreTerm(const HeadParams& p, const HeadRow& row)
        : true_score(p.true_score.data + row.sample * p.true_score.stride), dim(p.dim) {}

    SCOREMATCH_DEVICE void add4(int group, const float (&s)[4], float& loss, float (&grad)[4]) const {
      float target[4];
      read4(ptx::in_global(true_score), group, dim, target);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        grad[i] = s[i] - target[i];
        loss = fmaf(0.5f * grad[i], grad[i], loss);
      }
    }
  };
};

}  // namespace kernels
}  // namespace scorematch
