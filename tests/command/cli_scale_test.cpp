// The scale of data and the mixing of chains, on which the command bases its defaults and warnings.
#include <gtest/gtest.h>

#include <cmath>

#include "cli/data/data_scale.h"
#include "cli/sampling/chain_mixing.h"
#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

// Deviations 3 and 1 along axes rotated by 30 degrees, with mean (0, 4). The second moments about 0 along x and y and
// their largest eigenvalue are known.
TEST(DataScale, IsOfSecondMomentsAboutZero) {
  const double c = std::cos(0.5235987755982988), s = std::sin(0.5235987755982988);
  const std::vector<double> z = normal_values(2 * 20000, 3);
  cli::Matrix data{20000, 2, {}};
  for (std::size_t i = 0; i < z.size(); i += 2) {
    data.values.push_back(static_cast<float>(3 * c * z[i] - s * z[i + 1]));
    data.values.push_back(static_cast<float>(4 + 3 * s * z[i] + c * z[i + 1]));
  }
  const double xx = 9 * c * c + s * s, yy = 16 + 9 * s * s + c * c, xy = 8 * c * s;
  const double largest = (xx + yy) / 2 + std::hypot((xx - yy) / 2, xy);
  const cli::DataScale scale = cli::measure_scale(data);
  EXPECT_NEAR(scale.deviation, std::sqrt((xx + yy) / 2), 0.03);
  EXPECT_NEAR(scale.largest, std::sqrt(largest), 0.03);
}

TEST(DataScale, OfNothingIsNothing) {
  EXPECT_EQ(cli::measure_scale({}).largest, 0);
  EXPECT_EQ(cli::measure_scale({3, 2, std::vector<float>(6)}).largest, 0);
}

/// Chains whose coordinate 1 has correlation rho between halfway and the end, and coordinate 0 none.
cli::ChainMixing chains(std::int64_t count, double rho) {
  const std::vector<double> z = normal_values(4 * count, 5);
  std::vector<float> halfway, end;
  for (std::size_t i = 0; i < z.size(); i += 4) {
    halfway.insert(halfway.end(), {static_cast<float>(z[i]), static_cast<float>(1000 + z[i + 1])});
    end.insert(end.end(), {static_cast<float>(z[i + 2]),
                           static_cast<float>(-5 + 3 * (rho * z[i + 1] + std::sqrt(1 - rho * rho) * z[i + 3]))});
  }
  cli::ChainMixing mixing(2);
  const std::size_t part = halfway.size() / 4 * 2;  // in two batches
  mixing.add({halfway.begin(), halfway.begin() + static_cast<std::ptrdiff_t>(part)},
             {end.begin(), end.begin() + static_cast<std::ptrdiff_t>(part)});
  mixing.add({halfway.begin() + static_cast<std::ptrdiff_t>(part), halfway.end()},
             {end.begin() + static_cast<std::ptrdiff_t>(part), end.end()});
  return mixing;
}

TEST(ChainMixing, IsOfTheSlowestCoordinate) {
  for (const double rho : {0.3, 0.6, 0.95}) {
    const cli::ChainMixing mixing = chains(4000, rho);
    EXPECT_NEAR(mixing.correlation(), rho, 5 * (1 - rho * rho) / std::sqrt(4000.0)) << rho;
    EXPECT_NEAR(mixing.relaxation_times(), -2 * std::log(mixing.correlation()), 1e-12);
    EXPECT_EQ(mixing.is_stuck(), rho > 0.5) << rho;
  }
}

TEST(ChainMixing, OfFewChainsIsNotCalledStuckByChance) {
  EXPECT_FALSE(chains(20, 0.3).is_stuck());
  EXPECT_TRUE(chains(20, 0.999).is_stuck());
  EXPECT_FALSE(chains(4, 0.999).is_stuck());
  EXPECT_NE(chains(4, 0.999).describe().text().find("8 chains or more"), std::string::npos);
  EXPECT_FALSE(cli::ChainMixing(2).is_stuck());
  // Without any correlation, the correlation by chance limits the result.
  EXPECT_LE(chains(100, 0).relaxation_times(), -2 * std::log(0.2) + 1e-12);
}

TEST(ChainMixing, OfACoordinateThatStandsStillIsLeftOut) {
  cli::ChainMixing mixing(1);
  mixing.add(std::vector<float>(50, 1), std::vector<float>(50, 1));
  EXPECT_EQ(mixing.correlation(), 0);
}

}  // namespace
}  // namespace scorematch::testing_support
