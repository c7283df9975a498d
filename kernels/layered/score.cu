// The score, Jacobian-vector products and divergence from F and (dF/dz) v:
//
//   s = a x + b F      J v = a v + b c (dF/dz) v      divergence = weight sum_m v_m^T J v_m
//
// Unit vectors with weight 1 give the exact divergence; random ones with weight 1/M give the estimate of Hutchinson
// (1990). F is [rows, output_stride], (dF/dz) v [count, rows, jvp_stride], s [batch, score_stride], the divergence
// [batch]. A warp processes 32 / lanes samples, and each lane four columns at a time; v is drawn again. No shared
// memory. Bytes per row: 4 dim (3 + 2 count). One warp sums over a row, in an order that depends only on dim.
#include "device/launch.h"
#include "device/score_row.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks) score_kernel(ScoreParams p) {
  const int groups = group_count(p.dim), thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(groups);
  const int lane = lanes.lane_of(thread);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const bool sample = row < p.batch;
  const Coefficients k = coefficients(p.parameterization, sample ? p.sigma[row] : 1.0f);
  for (int g = lane; sample && p.score != nullptr && g < groups; g += lanes.lanes())
    store_score(k, p.output + row * p.output_stride, p.x.data + (p.first + row) * p.x.stride, g, p.dim,
                p.score + row * p.score_stride);
  float along = 0.0f;
  for (int in_group = 0; sample && in_group < p.count; ++in_group) {
    const float* tangent = p.jvp + in_group * p.jvp_plane + row * p.jvp_stride;
    float* jvp = p.jvp_out == nullptr ? nullptr : p.jvp_out + in_group * p.jvp_out_plane + row * p.jvp_out_stride;
    for (int g = lane; g < groups; g += lanes.lanes()) {
      // Rebuilt for each group: most rows have one group per lane, and this takes fewer registers.
      SampleDirection direction(p.directions, p.noise, p.first_direction + in_group, p.first + row, p.dim);
      if (p.direction_values != nullptr) direction.row_value = p.direction_values[in_group * p.rows + row];
      along += store_jvp(k, direction, tangent, g, p.dim, jvp);
    }
  }
  if (p.divergence == nullptr) return;
  along = lanes.sum(along) * p.weight;
  if (sample && lane == 0) p.divergence[row] = p.add_divergence ? p.divergence[row] + along : along;
}

}  // namespace

int launch_score(const ScoreParams& params, CUstream_st* stream) {
  return launch(score_kernel, row_grid(params.batch, params.dim, kThreads), stream, params);
}

}  // namespace kernels
}  // namespace scorematch
