// From F and (dF/dz) v of a row to the score and its Jacobian products, four columns at a time.
#pragma once
#include "device/coefficients.cuh"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

template <Space kTile = Space::global>
SCOREMATCH_DEVICE void store_score(const ScoreParams& p, const Coefficients& k, std::int64_t row, int group) {
  float s[4], x[4];
  read4(ptx::in<kTile>(p.output) + row * p.output_stride, group, p.dim, s);
  read4(ptx::in_global(p.x.data) + (p.first + row) * p.x.stride, group, p.dim, x);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) s[i] = fmaf(k.a, x[i], k.b * s[i]);
  write4(ptx::in_global(p.score) + row * p.score_stride, group, p.dim, s);
}

/// Writes J v of four columns; this lane's part of v^T J v.
template <Space kTile = Space::global>
SCOREMATCH_DEVICE float store_jvp(const ScoreParams& p, const Coefficients& k, std::int64_t row, int slot, int group) {
  float v[4], tangent[4], jvp[4], along = 0.0f;
  SampleDirection direction(p.directions, p.noise, p.first_direction + slot, p.first + row, p.dim);
  if (p.direction_scale != nullptr) direction.scale = ptx::in<kTile>(p.direction_scale)[slot * p.rows + row];
  direction.get4(group, v);
  read4(ptx::in<kTile>(p.jvp) + slot * p.jvp_plane + row * p.jvp_stride, group, p.dim, tangent);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    jvp[i] = fmaf(k.a, v[i], k.b * k.c * tangent[i]);
    along = fmaf(v[i], jvp[i], along);
  }
  if (p.jvp_out != nullptr)
    write4(ptx::in_global(p.jvp_out) + slot * p.jvp_out_plane + row * p.jvp_out_stride, group, p.dim, jvp);
  return along;
}

}  // namespace kernels
}  // namespace scorematch
