// A mergeable running mean and sum of squared deviations (include/scorematch/estimate.h). In double, because it is the
// last stage of the loss reduction. A division in double takes about forty dependent instructions, so summing values
// uses none and a merge uses one.
#pragma once
#include "device/ptx.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {

/// Sums of d = value - origin, where the origin is the first value. Because the origin is one of the n values, the sum
/// of d^2 is at most n + 1 times the sum of squared deviations, which bounds the cancellation.
struct ValueSums {
  double sum, square;  // of d
  float origin;
  int count;

  SCOREMATCH_DEVICE void add(float value) {
    if (count == 0) origin = value;
    const double distance = static_cast<double>(value) - static_cast<double>(origin);
    sum += distance;
    square += distance * distance;
    ++count;
  }
};

/// One operand of a merge: the number of values, and the sums of their distances d from an origin and of d^2.
struct MergePart {
  double count, origin, sum, square;
};
SCOREMATCH_DEVICE MergePart merge_part(const ValueSums& s) {
  return {static_cast<double>(s.count), static_cast<double>(s.origin), s.sum, s.square};
}
SCOREMATCH_DEVICE MergePart merge_part(const EstimateRecord& e) { return {e.count, e.mean, 0.0, e.m2}; }

/// The sum over a warp, always in the same tree order; valid in every lane.
SCOREMATCH_DEVICE double warp_sum(double value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, lanes);
  return value;
}

/// Merges all `count` parts at once. With n_i, o_i, s_i, q_i of each part, and everything measured from o_0,
///
///   mean = sum [ n_i o_i + s_i ] / n      m2 = sum [ q_i - 2 d_i s_i + n_i d_i^2 ],  d_i = mean - o_i
///
/// For parts with s_i = 0 this is the formula of Chan, Golub & LeVeque (1979). Parts without values come last. The
/// order of the sums depends on `count` only. Called by the whole block; the result is valid in the first warp.
/// Synchronizes.
template <class Part>
SCOREMATCH_DEVICE EstimateRecord merge_all(const Part* parts, int count) {
  __syncthreads();
  if (threadIdx.x >= 32) return {0.0, 0.0, 0.0};
  const int lane = static_cast<int>(threadIdx.x);
  const double origin = merge_part(parts[0]).origin;
  double n = 0.0, shift = 0.0, m2 = 0.0;
  SCOREMATCH_NO_UNROLL
  for (int i = lane; i < count; i += 32) {
    const MergePart part = merge_part(parts[i]);
    n += part.count;
    shift += part.count * (part.origin - origin) + part.sum;
  }
  n = warp_sum(n), shift = warp_sum(shift);
  if (n == 0.0) return {0.0, 0.0, 0.0};
  shift /= n;
  SCOREMATCH_NO_UNROLL
  for (int i = lane; i < count; i += 32) {
    const MergePart part = merge_part(parts[i]);
    const double distance = shift - (part.origin - origin);
    m2 += part.square + distance * (part.count * distance - 2.0 * part.sum);
  }
  m2 = warp_sum(m2);
  return {n, origin + shift, m2 < 0.0 ? 0.0 : m2};
}

/// Merges two estimates by the formula of Chan, Golub & LeVeque (1979).
SCOREMATCH_DEVICE EstimateRecord merged(const EstimateRecord& a, const EstimateRecord& b) {
  if (a.count == 0.0) return b;
  const double n = a.count + b.count, delta = b.mean - a.mean, fraction = b.count / n;
  return {n, a.mean + delta * fraction, a.m2 + b.m2 + delta * delta * a.count * fraction};
}

}  // namespace kernels
}  // namespace scorematch
