// Noise levels that are chosen from the data.
#include "cli/training/noise_choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

using cli::choose_noise;
using cli::Matrix;
using cli::NoiseChoice;

constexpr double kDeviation = 0.5;

Matrix gaussian(std::int64_t rows, std::int64_t cols) {
  Matrix data{rows, cols, {}};
  for (const double z : normal_values(rows * cols, 5)) data.values.push_back(static_cast<float>(kDeviation * z));
  return data;
}

TEST(NoiseChoice, StaysBetweenItsBounds) {
  for (const std::int64_t cols : {1, 2, 16, 64}) {
    const NoiseChoice noise = choose_noise(gaussian(2000, cols), kDeviation);
    EXPECT_GE(noise.sigma_min, kDeviation / 500) << cols;
    EXPECT_LE(noise.sigma_min, kDeviation / 25) << cols;
    EXPECT_GE(noise.sigma_max, 8 * kDeviation) << cols;
    EXPECT_GE(noise.log_deviation, 1.2) << cols;
    // Most of the training noise is in the range where there is something to learn.
    EXPECT_LT(std::exp(noise.log_mean - 2 * noise.log_deviation), 5 * noise.sigma_min) << cols;
    EXPECT_GT(std::exp(noise.log_mean + 2 * noise.log_deviation), 2 * kDeviation) << cols;
  }
}

// In many dimensions all rows are far apart, which does not require more noise.
TEST(NoiseChoice, DoesNotGrowWithTheDimensionOfAGaussian) {
  const NoiseChoice noise = choose_noise(gaussian(2000, 300), kDeviation);
  EXPECT_GT(noise.farthest, 11);
  EXPECT_LT(noise.sigma_max, 9);
}

TEST(NoiseChoice, CoversARareClusterFarAway) {
  Matrix data = gaussian(2000, 16);
  for (std::size_t i = 0; i < 16 * 20; ++i) data.values[i] += 10;  // 40 away
  const NoiseChoice noise = choose_noise(data, kDeviation);
  EXPECT_GT(noise.sigma_max, 38);
  EXPECT_LT(noise.sigma_max, 46);
}

// With modes of deviation 0.01, the smallest noise is well below it.
TEST(NoiseChoice, ReachesBelowNarrowModes) {
  Matrix data{4000, 2, {}};
  const std::vector<double> z = normal_values(8000, 7);
  for (std::size_t i = 0; i < z.size(); ++i)
    data.values.push_back(
        static_cast<float>(0.01 * z[i] + 0.35 * static_cast<double>((i / 2 * 7 + i % 2 * 3) % 5) - 0.7));
  const NoiseChoice noise = choose_noise(data, kDeviation);
  EXPECT_LT(noise.sigma_min, 0.003);
  EXPECT_LT(std::exp(noise.log_mean - noise.log_deviation), 0.03);
}

TEST(NoiseChoice, TakesDataOfOneValueAndOfOneRow) {
  for (const Matrix& data : {Matrix{3, 1, {2, 2, 2}}, Matrix{1, 2, {1, 3}}, Matrix{4, 1, {0, 1, 0, 1}}}) {
    const NoiseChoice noise = choose_noise(data, kDeviation);
    EXPECT_GT(noise.sigma_min, 0);
    EXPECT_LT(noise.sigma_min, noise.sigma_max);
    EXPECT_TRUE(std::isfinite(noise.log_mean) && std::isfinite(noise.log_deviation));
  }
}

}  // namespace
}  // namespace scorematch::testing_support
