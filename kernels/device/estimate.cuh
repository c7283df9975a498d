// A running mean and sum of squared deviations, mergeable (include/scorematch/estimate.h). In double, as it is the last
// stage of the reduction of losses.
#pragma once
#include "device/ptx.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {

/// Welford (1962).
SCOREMATCH_DEVICE void add_value(EstimateRecord& estimate, float value) {
  const double delta = static_cast<double>(value) - estimate.mean;
  estimate.count += 1.0;
  estimate.mean += delta / estimate.count;
  estimate.m2 += delta * (static_cast<double>(value) - estimate.mean);
}

/// Chan, Golub & LeVeque (1979).
SCOREMATCH_DEVICE EstimateRecord merged(const EstimateRecord& a, const EstimateRecord& b) {
  if (a.count + b.count == 0.0) return {0.0, 0.0, 0.0};
  const double n = a.count + b.count, delta = b.mean - a.mean;
  return {n, a.mean + delta * b.count / n, a.m2 + b.m2 + delta * delta * a.count * b.count / n};
}

/// Estimates merged pairwise, always in the same tree, into estimates[0], which the first thread may read. Called by
/// the whole block, of at least count / 2 threads; `count` is a power of two. Synchronises.
SCOREMATCH_DEVICE void merge_all(EstimateRecord* estimates, int count) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int half = count / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) estimates[thread] = merged(estimates[thread], estimates[thread + half]);
  }
}

/// The threads' own, likewise; estimates [threads] is shared memory.
SCOREMATCH_DEVICE void merge_threads(const EstimateRecord& mine, EstimateRecord* estimates, int threads) {
  estimates[threadIdx.x] = mine;
  merge_all(estimates, threads);
}

}  // namespace kernels
}  // namespace scorematch
