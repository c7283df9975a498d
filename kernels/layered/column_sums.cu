// sum[j] = sum over rows of a[row, j]; a is [rows, width] of T, sum [width].
//
// Two stages: each block sums 128 columns of 256 rows (device/column_sums.cuh), then one thread per column adds the
// partial sums [blocks, width] in order. The order depends only on the shape. Shared memory of the first stage:
// kColumnWarps times kColumnsPerBlock floats. Bytes: rows width sizeof(T), read once.
#include "device/column_sums.cuh"

#include "device/launch.h"
#include "device/smem.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 128;       // second stage
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread

template <class T>
__global__ void __launch_bounds__(kColumnThreads, kResidentBlocks) column_sums_kernel(ColumnSumParams p) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* warp_sums = carve.take<float>(kColumnWarps * kColumnsPerBlock);
  const int thread = static_cast<int>(threadIdx.x);
  const int column = static_cast<int>(blockIdx.y) * kColumnsPerBlock + thread % 32 * 4;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kColumnBlockRows;
  const std::int64_t end = first_row + kColumnBlockRows < p.rows ? first_row + kColumnBlockRows : p.rows;
  float sums[4] = {};
  if (column < p.width)
    for (std::int64_t row = first_row + thread / 32; row < end; row += kColumnWarps) {
      float values[4];
      load4(static_cast<const T*>(p.a) + row * p.width + column, values);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) sums[i] += values[i];
    }
  store_column_sums(sums, warp_sums, p.partial + static_cast<std::int64_t>(blockIdx.x) * p.width, column, p.width);
}

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    add_column_sums_kernel(const float* partial, int blocks, int width, bool add, float* sum) {
  const int column = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (column >= width) return;
  float total = 0.0f;
  for (int b = 0; b < blocks; ++b) total += partial[static_cast<std::int64_t>(b) * width + column];
  sum[column] = add ? sum[column] + total : total;
}

}  // namespace

int column_sum_blocks(std::int64_t rows) { return static_cast<int>((rows + kColumnBlockRows - 1) / kColumnBlockRows); }

int launch_column_sums(const ColumnSumParams& params, Element element, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>(column_sum_blocks(params.rows)),
                  static_cast<unsigned>((params.width + kColumnsPerBlock - 1) / kColumnsPerBlock), kColumnThreads,
                  shared_bytes<float>(kColumnWarps * kColumnsPerBlock)};
  return element == Element::bf16 ? launch(column_sums_kernel<bf16>, grid, stream, params)
                                  : launch(column_sums_kernel<float>, grid, stream, params);
}

int launch_add_column_sums(const float* partial, int blocks, int width, bool add, float* sum, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>((width + kThreads - 1) / kThreads), 1, kThreads, 0};
  return launch(add_column_sums_kernel, grid, stream, partial, blocks, width, add, sum);
}

}  // namespace kernels
}  // namespace scorematch
