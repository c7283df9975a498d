/// @file
/// GradientVariance: how noisy a loss's gradient is, and whether data, noise or directions make it so.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "scorematch/engine.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/queue.h"
#include "scorematch/view.h"

namespace scorematch {

/// An unbiased estimate and its standard error (jackknife over the probes).
struct Measured {
  double value = 0;
  double standard_error = 0;
};

/// Of g, the gradient of one sample's loss with respect to the parameters, over rows of the data, the noise (sigma and
/// eps) and the directions v. The gradient of a batch of n independent samples has the variance trace / n.
/// By the law of total variance, trace = data + noise + directions, with
///   data = tr Cov E[g | x]      noise = E tr Cov(E[g | x, sigma, eps] | x)      directions = E tr Cov(g | x, sigma,
///   eps)
/// A part that the loss does not draw is exactly 0. Estimates of small parts may be negative.
struct GradientMoments {
  Measured trace;            ///< tr Cov g
  Measured data;             ///< the part of the rows
  Measured noise;            ///< the part of sigma, eps and dropped contexts
  Measured directions;       ///< the part of the directions, falls as 1/M
  Measured squared_mean;     ///< |E g|^2
  Measured signal_to_noise;  ///< |E g|^2 / tr Cov g, of one sample; nearly unbiased
};

/// Measures GradientMoments by independent batches, the probes. A second gradient of each probe shares its rows and
/// noise, but not its directions; a third shares the rows only. Their products with the first are unbiased estimates of
/// the covariance that they share (docs/math.md, "The variance of a gradient").
///
/// Costs two or three gradients per probe, fewer if the loss draws no noise or no directions. The host holds one
/// gradient per probe, whatever the batch.
class SCOREMATCH_API GradientVariance {
 public:
  struct Contexts {
    ConstView context{};  ///< [R, c] or [1, c]
    ConstView present{};  ///< [R]
    ConstView labels{};   ///< [R] or [1] int64, in place of `context`
  };

  /// @param batch samples per probe
  /// @param probes at least 3; standard errors fall as 1/sqrt(probes)
  /// @throws Error invalid_argument naming the field at fault, and unsupported for Esm, whose true scores belong to
  ///   rows that are drawn here
  GradientVariance(const Engine& engine, const MlpShape& net, const Loss& loss, std::int64_t batch, int probes = 32,
                   Compute compute = {});

  /// Draws rows of `x` [R, d] with replacement. Waits for the queue.
  /// @param params [P]
  /// @param seed of rows, noise and directions: the same seed repeats a measurement, also at other parameters
  /// @param contexts of a network that has them
  GradientMoments measure(Queue& queue, ConstView params, ConstView x, std::uint64_t seed,
                          const Contexts& contexts) const;
  GradientMoments measure(Queue& queue, ConstView params, ConstView x, std::uint64_t seed) const {
    return measure(queue, params, x, seed, Contexts());
  }
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
