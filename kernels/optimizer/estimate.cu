// Mean and sum of squared deviations of the losses [batch] of a chunk, stored or merged into an estimate
// (include/scorematch/estimate.h). One block: thread t sums losses t, t + 256, ... in order, then the threads are
// merged (device/estimate.cuh), always in the same order. In double, because it is the last stage of the reduction.
// Shared memory: kThreads ValueSums. Bytes: 4 batch.
#include "device/estimate.cuh"
#include "device/launch.h"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread

__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    estimate_kernel(const float* loss, std::int64_t batch, bool merge, EstimateRecord* estimate, float* copy) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  ValueSums* parts = carve.take<ValueSums>(kThreads);
  const int thread = static_cast<int>(threadIdx.x);
  ValueSums mine{0.0, 0.0, 0.0f, 0};
  for (std::int64_t n = thread; n < batch; n += kThreads) {
    const float value = loss[n];
    if (copy != nullptr) copy[n] = value;
    mine.add(value);
  }
  parts[thread] = mine;
  const EstimateRecord all = merge_all(parts, kThreads);
  if (thread == 0 && estimate != nullptr) *estimate = merge ? merged(*estimate, all) : all;
}

}  // namespace

int launch_estimate(const float* loss, std::int64_t batch, bool merge, EstimateRecord* estimate, float* copy,
                    CUstream_st* stream) {
  const Grid grid{1, 1, kThreads, shared_bytes<ValueSums>(kThreads)};
  return launch(estimate_kernel, grid, stream, loss, batch, merge, estimate, copy);
}

}  // namespace kernels
}  // namespace scorematch
