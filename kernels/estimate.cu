// Mean and squared deviations of the losses of a chunk, merged with what is there (include/scorematch/estimate.h). One
// block: thread t takes losses t, t + 256, ... in order (Welford 1962), then the threads are merged pairwise (Chan,
// Golub & LeVeque 1979), always in the same tree. In double, as it is the last stage of the reduction. Bytes: 4 batch.
#include "device/estimate.cuh"
#include "device/launch.h"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // a multiprocessor: the register budget, 48 a thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    estimate_kernel(const float* loss, std::int64_t batch, bool merge, EstimateRecord* estimate, float* copy) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  EstimateRecord* parts = carve.take<EstimateRecord>(kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  EstimateRecord mine{0.0, 0.0, 0.0};
  for (std::int64_t n = thread; n < batch; n += kThreads) {
    const float value = loss[n];
    if (copy != nullptr) copy[n] = value;
    add_value(mine, value);
  }
  merge_threads(mine, parts, kThreads);
  if (thread == 0 && estimate != nullptr) *estimate = merge ? merged(*estimate, parts[0]) : parts[0];
}

}  // namespace

int launch_estimate(const float* loss, std::int64_t batch, bool merge, EstimateRecord* estimate, float* copy,
                    CUstream_st* stream) {
  const Grid grid{1, 1, kThreads, shared_bytes<EstimateRecord>(kThreads)};
  return launch(estimate_kernel, grid, stream, loss, batch, merge, estimate, copy);
}

}  // namespace kernels
}  // namespace scorematch
