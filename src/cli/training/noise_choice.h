/// @file
/// Noise levels that fit the data (--noise auto).
#pragma once
#include <cstdint>

#include "cli/data/matrix.h"

namespace scorematch::cli {

/// All in the model's units.
struct NoiseChoice {
  double sigma_min = 0, sigma_max = 0;           // the range that samplers pass through
  double log_mean = 0, log_deviation = 0;        // of ln sigma in training
  double nearest = 0, median = 0, farthest = 0;  // distances between rows
};

/// sigma_max is the largest distance between rows beyond typical distances in this many dimensions, sqrt(largest^2 -
/// median^2): how far apart the data are along any one direction. The noise has to cover that for N(0, sigma_max^2 +
/// deviation^2) to stand for smoothed data of any shape. It is at least eight standard deviations. (Song & Ermon 2020,
/// technique 1, take the largest distance itself, because their samplers have to walk from mode to mode. In 300
/// dimensions of a Gaussian that would be 13 where 4 suffices, and every further level adds the network's error there
/// to the mean of the samples.)
///
/// sigma_min is the median distance of a row to its nearest neighbor, below which only single rows are visible, between
/// 1/500 and 1/25 of the standard deviation: at 1/25 the noise takes 0.0008 nats per dimension from a Gaussian's
/// likelihood.
///
/// ln sigma is drawn from a normal distribution centered between 5 sigma_min and 1.2 standard deviations of the data,
/// which are at 1.3 of its standard deviations; but no narrower than in Karras et al. 2022. With 2 in place of 1.2 a
/// checkerboard's edges come out wider.
/// @param rows of the model, in random order
/// @param deviation of the data in these units
NoiseChoice choose_noise(const Matrix& rows, double deviation);

}  // namespace scorematch::cli
