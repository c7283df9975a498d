// The score of a row and its Jacobian-vector products, from F and (dF/dz) v, four columns at a time.
#pragma once
#include "device/coefficients.cuh"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

/// s = a x + b F
template <Space kTile = Space::global>
SCOREMATCH_DEVICE void store_score(const Coefficients& k, const float* output, const float* x_row, int group, int dim,
                                   float* score) {
  float s[4], x[4];
  read4(ptx::in<kTile>(output), group, dim, s);
  read4(ptx::in_global(x_row), group, dim, x);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) s[i] = fmaf(k.a, x[i], k.b * s[i]);
  write4(ptx::in_global(score), group, dim, s);
}

/// J v = a v + b c (dF/dz) v, stored if jvp_row is not null. Returns this lane's part of v^T J v.
template <Space kTile = Space::global>
SCOREMATCH_DEVICE float store_jvp(const Coefficients& k, const SampleDirection& direction, const float* tangent_row,
                                  int group, int dim, float* jvp_row) {
  float v[4], tangent[4], jvp[4], along = 0.0f;
  direction.get4(group, v);
  read4(ptx::in<kTile>(tangent_row), group, dim, tangent);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    jvp[i] = fmaf(k.a, v[i], k.b * k.c * tangent[i]);
    along = fmaf(v[i], jvp[i], along);
  }
  if (jvp_row != nullptr) write4(ptx::in_global(jvp_row), group, dim, jvp);
  return along;
}

}  // namespace kernels
}  // namespace scorematch
