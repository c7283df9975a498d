/// @file
/// A mean with its standard error, in a form that merges; and how a part of a batch adds up with the others.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

namespace scorematch {

/// Count, mean and sum of squared deviations (Chan, Golub, LeVeque 1979), always in double. Plans write one where the
/// engine computes; Queue::read_one brings it to the host. All zero: nothing yet.
struct Estimate {
  double count = 0;  ///< samples (over all ranks once merged)
  double mean = 0;
  double m2 = 0;

  /// Sample standard deviation (N - 1) over sqrt(N); NaN for fewer than two samples.
  double standard_error() const {
    return count < 2 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(m2 / (count - 1) / count);
  }
  /// Both together. Merge in a fixed order for the same bits.
  Estimate merged(const Estimate& b) const {
    if (count == 0) return b;
    const double n = count + b.count, delta = b.mean - mean;
    return {n, mean + delta * b.count / n, m2 + b.m2 + delta * delta * count * b.count / n};
  }
};

/// How one call is a part of a larger batch. The defaults mean: it is the whole batch.
struct Reduction {
  /// What gradients are divided by: the sample count of the whole batch over all micro-batches and ranks. 0: this
  /// call's own, which is refused together with `accumulate` where a gradient is wanted.
  std::int64_t normaliser = 0;
  /// Add to `grad` and merge into `loss` instead of overwriting them. `grad_x`, adjoints and per-sample values are
  /// overwritten always: they belong to this call's samples.
  bool accumulate = false;
  /// Multiplies every gradient and adjoint, never the loss. Give Adam::step the same number. Rarely needed: bf16 has
  /// f32's range.
  double loss_scale = 1.0;
};

}  // namespace scorematch
