// A Gaussian's log-density added to a value a sample: out = value + constant - precision/2 |x|^2. Elementwise in the
// rows, so out may be value.
//
// A warp does 32 / lanes rows, a lane a group of four columns at a time. Bytes per row: 4 (dim + 2). Sums are taken
// over a row by one warp, in an order of dim alone.
#include "device/group.cuh"
#include "device/launch.h"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // a multiprocessor: the register budget, 32 a thread

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
