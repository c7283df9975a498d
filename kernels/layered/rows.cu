// Which row of the data each sample is, for callers whose labels follow the samples: out[n] = n, rows[n], or the row
// that is drawn.
//
// One thread per sample. No shared memory. Bytes per sample: 8, and 8 more if the rows are given.
#include "device/launch.h"
#include "device/noise.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks) rows_kernel(RowsParams p) {
  const std::int64_t n = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (n < p.batch) p.out[n] = row_of(p.data, p.noise, n);
}

}  // namespace

int launch_rows(const RowsParams& params, CUstream_st* stream) {
  const std::int64_t blocks = (params.batch + kThreads - 1) / kThreads;
  return launch(rows_kernel, {static_cast<unsigned>(blocks), 1, kThreads, 0}, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
