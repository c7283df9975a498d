// The log-density of an energy net up to a constant, f = a/2 |x|^2 + (b/c) F. x is [batch, dim], F [rows,
// output_stride] in column 0, f [batch]. A warp processes 32 / lanes samples, and each lane four columns at a time. No
// shared memory. Bytes per row: 4 dim + 12. One warp sums over a row, in an order that depends only on dim.
#include "device/coefficients.cuh"
#include "device/group.cuh"
#include "device/launch.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks) log_density_kernel(LogDensityParams p) {
  const int groups = group_count(p.dim), thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(groups);
  const int lane = lanes.lane_of(thread);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const bool sample = row < p.batch;
  const Coefficients k = coefficients(p.parameterization, sample ? p.sigma[row] : 1.0f);
  float square = 0.0f;
  for (int g = lane; sample && k.a != 0.0f && g < groups; g += lanes.lanes()) {
    float x[4];
    read4(p.x.data + (p.first + row) * p.x.stride, g, p.dim, x);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) square = fmaf(x[i], x[i], square);
  }
  square = lanes.sum(square);
  if (sample && lane == 0) p.log_density[row] = fmaf(0.5f * k.a, square, k.b / k.c * p.output[row * p.output_stride]);
}

}  // namespace

int launch_log_density(const LogDensityParams& params, CUstream_st* stream) {
  return launch(log_density_kernel, row_grid(params.batch, params.dim, kThreads), stream, params);
}

}  // namespace kernels
}  // namespace scorematch
