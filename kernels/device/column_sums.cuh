// One block's part of a sum over rows: 128 columns of 256 rows. Each warp takes every eighth row and each lane four
// columns; then the sums of the warps are added in order. A second stage adds the blocks in order (column_sums.cu).
#pragma once
#include "device/element.cuh"
#include "device/ptx.cuh"

namespace scorematch {
namespace kernels {

constexpr int kColumnBlockRows = 256;
constexpr int kColumnWarps = 8;
constexpr int kColumnThreads = 32 * kColumnWarps;
constexpr int kColumnsPerBlock = 128;

/// Writes the sums of the block to partial [width]. `sums` are those of this thread for columns column ... column + 3;
/// `warp_sums` is shared memory, [kColumnWarps, kColumnsPerBlock]. Called by the whole block. Synchronizes.
SCOREMATCH_DEVICE void store_column_sums(const float (&sums)[4], float* warp_sums, float* partial, int column,
                                         int width) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  store4(warp_sums + thread / 32 * kColumnsPerBlock + lane * 4, sums);
  __syncthreads();
  if (thread >= 32 || column >= width) return;
  float total[4] = {};
  for (int warp = 0; warp < kColumnWarps; ++warp) {
    float part[4];
    load4(warp_sums + warp * kColumnsPerBlock + lane * 4, part);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) total[i] += part[i];
  }
  store4(partial + column, total);
}

}  // namespace kernels
}  // namespace scorematch
