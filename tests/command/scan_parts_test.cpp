// The pure parts of `scorematch scan`, against closed forms.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/scan/data_facts.h"
#include "cli/scan/noise/bias.h"
#include "cli/scan/noise/fit_variance.h"
#include "cli/scan/noise/noise_levels.h"
#include "cli/scan/projections/allocation.h"
#include "cli/scan/projections/jacobian.h"
#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

using cli::GradientParts;
using cli::StepCost;

TEST(StepCosts, OfALineAreThatLine) {
  const StepCost cost = cli::fit_cost({1, 2, 4, 8}, {5, 7, 11, 19});
  EXPECT_NEAR(cost.fixed, 3, 1e-12);
  EXPECT_NEAR(cost.per_projection, 2, 1e-12);
}

TEST(StepCosts, AreNeverNegative) {
  const StepCost falls = cli::fit_cost({1, 2, 4}, {3, 2, 1});
  EXPECT_EQ(falls.per_projection, 0);
  EXPECT_GT(falls.fixed, 0);
  const StepCost steep = cli::fit_cost({1, 2, 4}, {1, 3, 7});
  EXPECT_EQ(steep.fixed, 0);
  EXPECT_GT(steep.per_projection, 0);
}

TEST(Allocation, HasTheLeastVarianceInTheSameTime) {
  const GradientParts parts{2, 9};
  const StepCost cost{8, 1};
  EXPECT_NEAR(cli::optimal_projections(parts, cost), 6, 1e-12);
  EXPECT_EQ(cli::best_projections(parts, cost, 100), 6);
  EXPECT_EQ(cli::best_projections(parts, cost, 4), 4);
  for (const double other : {1.0, 5.0, 7.0, 30.0})
    EXPECT_GT(cli::gain_over_one(parts, cost, 6), cli::gain_over_one(parts, cost, other)) << other;
  EXPECT_NEAR(cli::gain_over_one(parts, cost, 6), 11 * 9 / (3.5 * 14), 1e-12);
  // Between two whole numbers it is the better one: 3.4 lies nearer to 3, and 4 is worse.
  const GradientParts between{1, 3.4 * 3.4};
  const StepCost equal{1, 1};
  const int best = cli::best_projections(between, equal, 100);
  for (int each = 1; each < 9; ++each)
    EXPECT_LE(between.at(best) * equal.at(best), between.at(each) * equal.at(each)) << each;
}

TEST(Allocation, WithoutReplacementIsTheBestOfAllNumbers) {
  const StepCost cost{8, 1};
  for (const double directions : {1.0, 9.0, 40.0, 200.0}) {
    const GradientParts parts{2, directions, 16};
    EXPECT_NEAR(parts.at(4), 2 + directions / 4 * 12 / 15, 1e-12);
    EXPECT_NEAR(parts.at(16), 2, 1e-12);
    const int best = cli::best_projections(parts, cost, 16);
    for (int each = 1; each <= 16; ++each)
      EXPECT_LE(parts.at(best) * cost.at(best), parts.at(each) * cost.at(each)) << directions << " " << each;
  }
  EXPECT_EQ(cli::optimal_projections({2, 30, 16}, cost), 16);  // V_x - V_v/(D - 1) is 0
  EXPECT_EQ(cli::optimal_projections({2, 40, 16}, cost), 16);
  EXPECT_NEAR(cli::optimal_projections({2, 9, 16}, cost), std::sqrt(9.6 * 8 / 1.4), 1e-12);
  EXPECT_EQ(cli::best_projections({2, 0, 1}, cost, 1), 1);  // one column
}

TEST(Allocation, IsOneDirectionWhereThereIsNothingToGain) {
  EXPECT_EQ(cli::optimal_projections({1, 0}, {1, 1}), 1);    // the products do not vary
  EXPECT_EQ(cli::optimal_projections({1, 100}, {0, 1}), 1);  // directions cost as much as samples
  EXPECT_EQ(cli::optimal_projections({100, 1}, {1, 1}), 1);
  EXPECT_EQ(cli::best_projections({1, 0}, {1, 1}, 9), 1);
}

/// The variance of v^T J v over many directions drawn here.
double drawn_variance(const std::vector<double>& jacobian, int d, Projection distribution) {
  constexpr int kCount = 200'000;
  const std::vector<double> z = normal_values(std::int64_t{kCount} * d, 5);
  double sum = 0, squares = 0;
  for (int n = 0; n < kCount; ++n) {
    std::vector<double> v(z.begin() + n * d, z.begin() + (n + 1) * d);
    double length = 0;
    for (const double each : v) length += each * each;
    if (distribution == Projection::coordinates) {  // the largest of independent numbers is any of them
      const auto largest = std::max_element(v.begin(), v.end());
      std::fill(v.begin(), largest, 0.0), std::fill(largest + 1, v.end(), 0.0);
      *largest = std::sqrt(d);
    }
    for (double& each : v) {
      if (distribution == Projection::rademacher) each = each < 0 ? -1 : 1;
      if (distribution == Projection::sphere) each *= std::sqrt(d / length);
    }
    double product = 0;
    for (int i = 0; i < d; ++i)
      for (int j = 0; j < d; ++j)
        product += v[static_cast<std::size_t>(i)] * jacobian[static_cast<std::size_t>(i * d + j)] *
                   v[static_cast<std::size_t>(j)];
    sum += product, squares += product * product;
  }
  return squares / kCount - sum / kCount * sum / kCount;
}

TEST(JacobianShapes, GiveTheVarianceOfProducts) {
  constexpr int kDim = 4;
  std::vector<double> jacobian = normal_values(kDim * kDim, 3);
  cli::JacobianShape shape;
  shape.dim = kDim;
  shape.add(jacobian.data(), 1);
  for (const Projection each :
       {Projection::gaussian, Projection::rademacher, Projection::sphere, Projection::coordinates}) {
    const double drawn = drawn_variance(jacobian, kDim, each);
    EXPECT_NEAR(cli::product_variance(shape, each), drawn, 0.03 * drawn) << static_cast<int>(each);
  }
  EXPECT_EQ(cli::product_variance(shape, Projection::hadamard), cli::product_variance(shape, Projection::rademacher));
  EXPECT_EQ(cli::product_variance(shape, Projection::orthogonal), cli::product_variance(shape, Projection::sphere));
}

TEST(JacobianShapes, OfAMultipleOfTheIdentityAndOfARotation) {
  cli::JacobianShape shape;
  shape.dim = 2;
  const double identity[] = {-3, 0, 0, -3}, rotation[] = {0, 1, -1, 0};
  shape.add(identity, 1);
  EXPECT_EQ(shape.isotropic_fraction(), 1);
  EXPECT_EQ(shape.diagonal_fraction(), 1);
  EXPECT_EQ(shape.antisymmetric_fraction(), 0);
  EXPECT_EQ(cli::product_variance(shape, Projection::rademacher), 0);
  EXPECT_EQ(cli::product_variance(shape, Projection::sphere), 0);
  EXPECT_EQ(cli::product_variance(shape, Projection::gaussian), 36);
  shape.add(rotation, 3);  // weights are squared, and means are taken over both
  EXPECT_EQ(shape.rows, 2);
  EXPECT_EQ(shape.symmetric, 9);
  EXPECT_EQ(shape.antisymmetric, 9);
  EXPECT_EQ(shape.antisymmetric_fraction(), 0.5);
}

// For s = -theta x on N(0, I_d), V = 1 and B = d.
TEST(NoiseLevels, OfOneLevelIsWhereTheErrorIsLeast) {
  EXPECT_NEAR(cli::optimal_sigma(1, 4, 4096), std::pow(2.0 * 4096 * 4, -1.0 / 6), 1e-12);
  EXPECT_NEAR(cli::optimal_sigma(1, 4, 4096), 0.177, 5e-4);
  const auto error = [](double sigma) { return 3 * std::pow(sigma, 4) + 7 / (1000 * sigma * sigma); };
  const double best = cli::optimal_sigma(7, 3, 1000);
  EXPECT_LT(error(best), error(1.02 * best));
  EXPECT_LT(error(best), error(best / 1.02));
}

// Song & Ermon 2020, technique 2, for CIFAR-10: 232 levels from 50 to 0.01.
TEST(NoiseLevels, OverlapAsPublished) {
  constexpr double kCifar = 32 * 32 * 3;
  EXPECT_NEAR(cli::level_overlap(std::pow(5000, 1 / 231.0), kCifar), 0.567, 5e-4);
  const cli::LevelRatio ratio = cli::level_ratio(kCifar);
  EXPECT_NEAR(ratio.ratio, 1.0398, 5e-5);
  EXPECT_FALSE(ratio.is_fallback);
  EXPECT_EQ(cli::level_count(0.01, 50, 1.0376), 232);
  EXPECT_EQ(cli::level_count(0.01, 50, ratio.ratio), 220);  // 219 ratios
  EXPECT_EQ(cli::level_count(1, 8, 2), 4);
}

TEST(NoiseLevels, HaveAFallbackInFewDimensions) {
  for (const double dim : {1.0, 2.0, 4.0, 5.0, 8.0, 17.0}) {
    const cli::LevelRatio ratio = cli::level_ratio(dim);
    EXPECT_TRUE(ratio.is_fallback) << dim;
    EXPECT_EQ(ratio.ratio, 2) << dim;
    EXPECT_GT(cli::level_overlap(ratio.ratio, dim), 0.5) << dim;
  }
  for (const double dim : {5.0, 8.0, 18.0}) {  // 19, 4 and 2: where sqrt(2 dim)(ratio - 1) = 3 ratio
    const double root = std::sqrt(2 * dim);
    EXPECT_NEAR(cli::level_overlap(root / (root - 3), dim), 0.5, 1e-9);
  }
  EXPECT_NEAR(cli::level_ratio(18).ratio, 2, 0.05);
  EXPECT_GT(cli::level_overlap(1e6, 4), 0.99);  // no ratio has less
}

// Technique 4, for the same levels: 6.2e-6 with 5 steps, whose variance is 1.055.
TEST(NoiseLevels, HaveThePublishedLangevinStep) {
  const cli::LangevinStep step = cli::langevin_step(0.01, 1.0376, 5);
  EXPECT_NEAR(step.step, 6.2e-6, 0.05e-6);
  EXPECT_NEAR(step.variance, 1.055, 1e-3);
}

TEST(Biases, OfAGaussianAreSumsOverItsEigenvalues) {
  const std::vector<double> eigenvalues = {0.25, 2};
  EXPECT_NEAR(cli::gaussian_bias(eigenvalues, 0, 0), 64 + 1 / 8.0, 1e-12);
  constexpr double kHigh = 0.4, kLow = 0.2;
  double square = 0;  // of s = -x/(l + sigma^2), with E x^2 = l + b^2
  for (const double each : eigenvalues)
    square += (each + kLow * kLow) * std::pow(1 / (each + kHigh * kHigh) - 1 / (each + kLow * kLow), 2);
  EXPECT_NEAR(cli::gaussian_bias(eigenvalues, kHigh, kLow), square / std::pow(kHigh * kHigh - kLow * kLow, 2), 1e-9);
}

TEST(Biases, SettleWherePairsAgree) {
  const auto with_limits = [](const std::vector<double>& limits) {
    cli::Bias bias;
    for (const double each : limits) bias.pairs.push_back({0, 0, 0, 0, each, 0.01 * each});
    cli::settle(bias);
    return bias;
  };
  const cli::Bias settled = with_limits({9, 4, 5, 500, 600});  // not where errors happen to agree
  EXPECT_EQ(settled.missing, "");
  EXPECT_NEAR(settled.value, std::sqrt(20.0), 1e-12);
  EXPECT_NEAR(settled.low, 2.92, 1e-12);
  EXPECT_NEAR(settled.high, 6.1, 1e-12);
  for (const auto& limits : {std::vector<double>{1, 3, 9, 27}, {5, -5, 5}, {5}, {}})
    EXPECT_NE(with_limits(limits).missing, "");
}

cli::Subject gaussian_subject(const MlpShape& net, std::vector<float> params) {
  const std::vector<double> z = normal_values(4000, 9);
  cli::Subject subject{Engine::cpu(1), net, std::move(params), {}, {}, {2000, 2, {z.begin(), z.end()}}, {}};
  subject.sigma_min = 0.05, subject.sigma_max = 10;
  return subject;
}

// An EDM network with F = 0 has the score -x/(1 + sigma^2), the exact one for N(0, I).
TEST(Biases, AreMeasuredForAKnownScore) {
  MlpShape net = MlpShape::score(2, {4});
  net.parameterization = parameterization::Edm{1};
  const cli::Subject subject =
      gaussian_subject(net, std::vector<float>(static_cast<std::size_t>(net.param_count()), 0.0f));
  const cli::DataFacts facts = cli::measure_data(subject.rows);
  const cli::Bias bias = cli::measure_bias(subject, facts, 3);
  ASSERT_EQ(bias.missing, "");
  ASSERT_GE(bias.pairs.size(), 4u);
  EXPECT_NEAR(bias.value, 2, 0.2);
  EXPECT_LT(bias.low, 2.05);
  EXPECT_GT(bias.high, 1.95);
}

TEST(Biases, AreNotMeasuredWhereThereAreNone) {
  MlpShape net = MlpShape::score(2, {4});
  net.parameterization = parameterization::Edm{1};
  const std::vector<float> zero(static_cast<std::size_t>(net.param_count()), 0.0f);
  cli::Subject flat = gaussian_subject(net, zero);
  for (std::size_t i = 1; i < flat.rows.values.size(); i += 2) flat.rows.values[i] = flat.rows.values[i - 1];
  const cli::DataFacts facts = cli::measure_data(flat.rows);
  EXPECT_TRUE(facts.is_singular());
  EXPECT_NE(cli::measure_bias(flat, facts, 3).missing.find("singular"), std::string::npos);

  cli::Subject stepped = gaussian_subject(net, zero);
  stepped.resolution.model_step = 0.9;
  EXPECT_NE(cli::measure_bias(stepped, cli::measure_data(stepped.rows), 3).missing.find("step"), std::string::npos);
  cli::Subject repeated = gaussian_subject(net, zero);
  repeated.resolution.duplicates = 1000;
  EXPECT_NE(cli::measure_bias(repeated, cli::measure_data(repeated.rows), 3).missing.find("equal"), std::string::npos);
}

// s = W x + b, fitted to -eps/sigma: each of the d coordinates has d + 1 parameters, so V = d (d + 1).
TEST(FitVariances, OfALinearScoreIsTheNumberOfItsParameters) {
  const cli::Subject subject = gaussian_subject(MlpShape::score(2, {}), {-1, 0, 0, -1, 0, 0});
  cli::FitOptions options;
  options.steps = 6000, options.batch = 64, options.learning_rate = 0.02, options.average = 0.999, options.fits = 12;
  const cli::FitVariance got = cli::measure_fit_variance(subject, 0.05, options, 11);
  EXPECT_NEAR(got.value, 6, 4 * got.standard_error);
  EXPECT_LT(got.standard_error, 1.5);
}

TEST(DataFacts, OfKnownPoints) {
  const cli::DataFacts facts = cli::measure_data({4, 2, {0, 0, 3, 4, 0, 0, 0, 1}});
  EXPECT_EQ(facts.rows, 4);
  EXPECT_EQ(facts.nearest, 1);
  EXPECT_EQ(facts.largest, 5);
  EXPECT_EQ(facts.median_nearest, 1);  // 1, 1, 1 and sqrt(18)
  // Means 3/4 and 5/4; sums of squares 27/4 and 43/4, of products 33/4.
  ASSERT_EQ(facts.eigenvalues.size(), 2u);
  EXPECT_NEAR(facts.eigenvalues[0] + facts.eigenvalues[1], (27 + 43) / 12.0, 1e-6);
  EXPECT_NEAR(facts.eigenvalues[0] * facts.eigenvalues[1], (27 * 43 - 33 * 33) / 144.0, 1e-6);
}

TEST(DataFacts, HaveStepsAndDuplicates) {
  cli::Table table;
  table.rows = 40, table.cols = 2;
  const std::vector<double> z = normal_values(40, 1);
  for (std::size_t i = 0; i < 40; ++i) table.values.insert(table.values.end(), {0.5 * double(i % 5), z[i / 2 * 2]});
  const Standardization units{{1, 0}, {2, 1}, {}, {}};
  const cli::Resolution got = cli::measure_resolution(table, units, 2);
  EXPECT_EQ(got.discrete_columns, 1);
  EXPECT_EQ(got.data_step, 0.5);
  EXPECT_NEAR(got.model_step, 0.25, 1e-12);
  EXPECT_EQ(got.duplicates, 0);
  table.values.insert(table.values.end(), table.values.begin(), table.values.begin() + 6);
  table.rows += 3;
  EXPECT_EQ(cli::measure_resolution(table, units, 2).duplicates, 3);
}

}  // namespace
}  // namespace scorematch::testing_support
