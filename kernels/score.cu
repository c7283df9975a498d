// From F and (dF/dz) v to what a caller asks of the score:
//
//   s = a x + b F      J v = a v + b c (dF/dz) v      divergence = share sum_m v_m^T J v_m
//
// Unit vectors with share 1 give the exact divergence, random ones with share 1/M Hutchinson's estimate (1990). A warp
// does 32 / lanes samples, a lane four columns at a time; v is drawn again. Bytes a row: 4 dim (2 + 2 count). Sums over
// a row are one warp's, in an order of dim alone.
#include "device/coefficients.cuh"
#include "device/launch.h"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // a multiprocessor: the register budget, 48 a thread

SCOREMATCH_DEVICE void store_score(const ScoreParams& p, const Coefficients& k, std::int64_t row, int group) {
  float s[4], x[4];
  read4(p.output + row * p.output_stride, group, p.dim, s);
  read4(p.x.data + (p.first + row) * p.x.stride, group, p.dim, x);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) s[i] = fmaf(k.a, x[i], k.b * s[i]);
  write4(p.score + row * p.score_stride, group, p.dim, s);
}

/// Writes J v of four columns; this lane's part of v^T J v.
SCOREMATCH_DEVICE float store_jvp(const ScoreParams& p, const Coefficients& k, std::int64_t row, int slot, int group) {
  float v[4], tangent[4], jvp[4], along = 0.0f;
  direction4(p.directions, p.noise, p.first_direction + slot, p.first + row, group, p.dim, v);
  read4(p.jvp + slot * p.jvp_plane + row * p.jvp_stride, group, p.dim, tangent);
  const float scale = p.direction_scale == nullptr ? 1.0f : p.direction_scale[slot * p.rows + row];
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const float direction = scale * v[i];
    jvp[i] = fmaf(k.a, direction, k.b * k.c * tangent[i]);
    along = fmaf(direction, jvp[i], along);
  }
  if (p.jvp_out != nullptr) write4(p.jvp_out + slot * p.jvp_out_plane + row * p.jvp_out_stride, group, p.dim, jvp);
  return along;
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks) score_kernel(ScoreParams p) {
  const int groups = group_count(p.dim), thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(groups);
  const int lane = thread % lanes.lanes;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (kThreads / lanes.lanes) + thread / lanes.lanes;
  const bool sample = row < p.batch;
  const Coefficients k = coefficients(p.parameterization, sample ? p.sigma[row] : 1.0f);
  for (int g = lane; sample && p.score != nullptr && g < groups; g += lanes.lanes) store_score(p, k, row, g);
  float along = 0.0f;
  for (int slot = 0; slot < p.count; ++slot)
    for (int g = lane; sample && g < groups; g += lanes.lanes) along += store_jvp(p, k, row, slot, g);
  if (p.divergence == nullptr) return;
  along = lanes.sum(along) * static_cast<float>(p.share);
  if (sample && lane == 0) p.divergence[row] = p.add_divergence ? p.divergence[row] + along : along;
}

}  // namespace

int launch_score(const ScoreParams& params, CUstream_st* stream) {
  int lanes = 1;
  while (lanes < (params.dim + 3) / 4 && lanes < 32) lanes *= 2;
  const int rows_a_block = kThreads / lanes;
  const Grid grid{static_cast<unsigned>((params.batch + rows_a_block - 1) / rows_a_block), 1, kThreads, 0};
  return launch(score_kernel, grid, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
