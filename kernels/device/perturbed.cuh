// x_tilde = x + point sigma eps of one sample.
#pragma once
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

/// x_tilde, four columns at a time; zero at columns dim and beyond. Saved eps is in the memory of the tile, kTile.
template <Space kTile = Space::global>
struct PerturbedSample {
  const float* x;
  SampleEps<kTile> eps;
  float step;  // point sigma
  int dim;

  SCOREMATCH_DEVICE void get4(int group, float (&x_tilde)[4]) const {
    float noise[4];
    get4(group, x_tilde, noise);
  }
  /// Returns eps too, which is zero if x is not perturbed.
  SCOREMATCH_DEVICE void get4(int group, float (&x_tilde)[4], float (&noise)[4]) const {
    read4(ptx::in_global(x), group, dim, x_tilde);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) noise[i] = 0.0f;
    if (!eps.is_perturbed) return;
    eps.get4(group, noise);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) x_tilde[i] = fmaf(step, noise[i], x_tilde[i]);
  }
};

}  // namespace kernels
}  // namespace scorematch
