// Mean and squared deviations of the losses of a chunk, merged with what is there (include/scorematch/estimate.h). One
// block: thread t takes losses t, t + 256, ... in order (Welford 1962), then the threads are merged pairwise (Chan,
// Golub & LeVeque 1979), always in the same tree. In double, as it is the last stage of the reduction. Bytes: 4 batch.
#include "device/launch.h"
#include "device/smem.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // a multiprocessor: the register budget, 48 a thread

SCOREMATCH_DEVICE EstimateRecord merged(const EstimateRecord& a, const EstimateRecord& b) {
  if (a.count + b.count == 0.0) return {0.0, 0.0, 0.0};
  const double n = a.count + b.count, delta = b.mean - a.mean;
  return {n, a.mean + delta * b.count / n, a.m2 + b.m2 + delta * delta * a.count * b.count / n};
}

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
    const double delta = static_cast<double>(value) - mine.mean;
    mine.count += 1.0;
    mine.mean += delta / mine.count;
    mine.m2 += delta * (static_cast<double>(value) - mine.mean);
  }
  parts[thread] = mine;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) parts[thread] = merged(parts[thread], parts[thread + half]);
  }
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
