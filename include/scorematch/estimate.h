/// @file
/// Estimate: a mean with its standard error, which can be merged. Reduction: how the parts of a batch add up.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include "scorematch/buffer.h"

namespace scorematch {

/// Count, mean and sum of squared deviations (Chan, Golub & LeVeque 1979), always in double. Plans write it to engine
/// memory; Queue::read_one copies it to the host. All zero: no samples.
struct Estimate {
  double count = 0;  ///< of samples (over all ranks after a merge)
  double mean = 0;
  double m2 = 0;

  /// Sample standard deviation (N - 1) over sqrt(N); NaN for fewer than two samples.
  double standard_error() const {
    return count < 2 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(m2 / (count - 1) / count);
  }
  /// Both combined. The order affects rounding: merge in a fixed order for bit-identical results.
  Estimate merged(const Estimate& b) const {
    if (count == 0) return b;
    const double n = count + b.count, delta = b.mean - mean;
    return {n, mean + delta * b.count / n, m2 + b.m2 + delta * delta * count * b.count / n};
  }
};

/// How a call's batch is part of a larger one. By default it is the whole batch.
struct Reduction {
  /// Divisor of gradients: the sample count of the whole batch over all micro-batches and ranks. 0: this call's own
  /// count, which is refused together with `accumulate` if a gradient is wanted.
  std::int64_t normaliser = 0;
  /// Add to `grad` and merge into `loss` instead of overwriting them. `grad_x`, HeadPlan's gradients and per-sample
  /// values are always overwritten, as they belong to this call's samples.
  bool accumulate = false;
  /// Multiplies every gradient, but never the loss. Pass the same number to Adam::step. Rarely needed, as bf16 has the
  /// range of f32.
  double loss_scale = 1.0;
};

/// Where a plan writes an Estimate, in engine memory. A default-constructed one is empty: "not wanted".
struct EstimateRef {
  EstimateRef() = default;
  EstimateRef(Estimate* memory) : data(memory) {}
  EstimateRef(Buffer<Estimate>& memory) : data(memory.data()) {}

  operator Estimate*() const noexcept { return data; }

  Estimate* data = nullptr;
};

}  // namespace scorematch
