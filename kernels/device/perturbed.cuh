// x_tilde = x + point sigma eps of one sample.
#pragma once
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

/// Four columns at a time; zero from dim on. Saved eps is where the tile is.
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
  /// Also eps, which is zero where x is not perturbed.
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
