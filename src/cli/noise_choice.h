/// @file
/// Noise levels that fit the data (--noise auto).
#pragma once
#include <cstdint>

#include "cli/matrix.h"

namespace scorematch::cli {

/// All in the model's units.
struct NoiseChoice {
  double sigma_min = 0, sigma_max = 0;     // between which is sampled
  double log_mean = 0, log_deviation = 0;  // of ln sigma in training
  double nearest = 0, farthest = 0;        // what they are derived from: see choose_noise()
};

/// sigma_max is the largest distance between rows, so that the first level covers all of them (Song & Ermon 2020,
/// technique 1), and at least eight standard deviations, where N(0, sigma_max^2 + deviation^2) stands for smoothed data
/// of any shape. sigma_min is the median distance of a row to its nearest neighbor, below which there is nothing to see
/// but single rows, between 1/500 and 1/25 of the standard deviation: at 1/25 the noise takes 0.0008 nats per dimension
/// from a Gaussian's likelihood. ln sigma is drawn from a normal distribution about the middle between 5 sigma_min and
/// two standard deviations, which are at 1.3 of its standard deviations; but no narrower than Karras et al. 2022 have
/// it.
/// @param rows of the model, in random order @param deviation of the data in these units
NoiseChoice choose_noise(const Matrix& rows, double deviation);

}  // namespace scorematch::cli
