// A group is columns 4 g ... 4 g + 3 of a row: what one Philox counter yields and one vector access moves. Callers'
// arrays may be aligned only to their elements, so every access checks its address.
#pragma once
#include "device/element.cuh"
#include "device/launch.h"
#include "device/ptx.cuh"

namespace scorematch {
namespace kernels {

__host__ __device__ inline int group_count(int columns) { return (columns + 3) / 4; }

template <class T>
SCOREMATCH_DEVICE bool is_vector(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % (4 * sizeof(T)) == 0;
}

/// Columns at or past `columns` read as zero.
SCOREMATCH_DEVICE void read4(const float* row, int group, int columns, float (&values)[4]) {
  const float* p = row + 4 * group;
  if (4 * group + 4 <= columns && is_vector(p)) {
    load4(p, values);
    return;
  }
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) values[i] = 4 * group + i < columns ? p[i] : 0.0f;
}

/// Does not write columns at or past `columns`.
template <class T>
SCOREMATCH_DEVICE void write4(T* row, int group, int columns, const float (&values)[4]) {
  T* p = row + 4 * group;
  if (4 * group + 4 <= columns && is_vector(p)) {
    store4(p, values);
    return;
  }
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i)
    if (4 * group + i < columns) p[i] = from_float<T>(values[i]);
}

/// Sets columns at or past `columns` to zero.
SCOREMATCH_DEVICE void clear_from(int columns, int group, float (&values)[4]) {
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i)
    if (4 * group + i >= columns) values[i] = 0.0f;
}

/// How the threads are divided among rows: 2^k lanes per row, one per group of the row, up to 32 or about `most`.
struct RowLanes {
  int shift = 0;  // k

  __host__ __device__ explicit RowLanes(int groups, int most = 32) {
    while (shift < 5 && 1 << shift < groups && 1 << shift < most) ++shift;
  }
  __host__ __device__ int lanes() const { return 1 << shift; }
  __host__ __device__ int rows(int threads) const { return threads >> shift; }
  SCOREMATCH_DEVICE int row_of(int thread) const { return thread >> shift; }
  SCOREMATCH_DEVICE int lane_of(int thread) const { return thread & (lanes() - 1); }
  /// The sum over the lanes of a row, of float or double, in an order that depends only on the number of lanes; valid
  /// in every lane. All 32 lanes of the warp must call it.
  template <class T>
  SCOREMATCH_DEVICE T sum(T value) const {
    for (int offset = lanes() / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
    return value;
  }
};

/// The grid of `threads` per block for rows of `columns` divided this way.
inline Grid row_grid(std::int64_t rows, int columns, int threads, int blocks_y = 1) {
  const int rows_a_block = RowLanes(group_count(columns)).rows(threads);
  return {static_cast<unsigned>((rows + rows_a_block - 1) / rows_a_block), static_cast<unsigned>(blocks_y),
          static_cast<unsigned>(threads), 0};
}

}  // namespace kernels
}  // namespace scorematch
