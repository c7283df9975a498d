// Converts bf16 [count] to float [count], four per thread. No shared memory. Bytes: 6 per element. Elementwise.
#include "device/element.cuh"
#include "device/launch.h"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 8;  // per multiprocessor: the register budget, 32 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    widen_kernel(const bf16* from, std::int64_t count, float* to) {
  const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) * 4;
  if (at >= count) return;
  float values[4];
  load4(from + at, values);
  store4(to + at, values);
}

}  // namespace

int launch_widen(const void* from, std::int64_t count, float* to, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>((count / 4 + kThreads - 1) / kThreads), 1, kThreads, 0};
  return launch(widen_kernel, grid, stream, static_cast<const bf16*>(from), count, to);
}

}  // namespace kernels
}  // namespace scorematch
