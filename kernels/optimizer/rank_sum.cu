// sum[i] = sum over r of parts[r, i], the parts of an array that several processes have sent. In double and in the
// order of r, because the sum is the same on every rank then, and the same as that of a host. parts is [ranks, count],
// sum [count]. One thread per element. No shared memory. Bytes per element: 4 ranks + 4.
#include "device/launch.h"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    rank_sum_kernel(const float* parts, int ranks, std::int64_t count, float* sum) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= count) return;
  double total = 0.0;
  for (int r = 0; r < ranks; ++r) total += static_cast<double>(parts[r * count + i]);
  sum[i] = static_cast<float>(total);
}

}  // namespace

int launch_rank_sum(const float* parts, int ranks, std::int64_t count, float* sum, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>((count + kThreads - 1) / kThreads), 1, kThreads, 0};
  return launch(rank_sum_kernel, grid, stream, parts, ranks, count, sum);
}

}  // namespace kernels
}  // namespace scorematch
