// Adds the log-density of a Gaussian to a value per sample: out = value + constant - precision/2 |x|^2. x is [batch,
// dim], value and out [batch]. Elementwise in the rows, so out may be value.
//
// A warp processes 32 / lanes rows, and each lane a group of four columns at a time. No shared memory. Bytes per row: 4
// (dim + 2). One warp sums over a row, in an order that depends only on dim.
#include "device/group.cuh"
#include "device/launch.h"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks) add_gaussian_kernel(GaussianParams p) {
  const RowLanes lanes(group_count(p.dim));
  const int thread = static_cast<int>(threadIdx.x), lane = lanes.lane_of(thread);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  float square = 0.0f;
  for (int g = lane; row < p.batch && g < group_count(p.dim); g += lanes.lanes()) {
    float x[4];
    read4(p.x + row * p.dim, g, p.dim, x);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) square = fmaf(x[i], x[i], square);
  }
  square = lanes.sum(square);
  if (row < p.batch && lane == 0) p.out[row] = fmaf(-0.5f * p.precision, square, p.value[row] + p.constant);
}

}  // namespace

int launch_add_gaussian(const GaussianParams& params, CUstream_st* stream) {
  return launch(add_gaussian_kernel, row_grid(params.batch, params.dim, kThreads), stream, params);
}

}  // namespace kernels
}  // namespace scorematch
