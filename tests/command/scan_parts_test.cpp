// The pure parts of `scorematch scan`, against closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cli/scan/allocation.h"
#include "cli/scan/jacobian.h"
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
  for (const Projection each : {Projection::gaussian, Projection::rademacher, Projection::sphere}) {
    const double drawn = drawn_variance(jacobian, kDim, each);
    EXPECT_NEAR(cli::product_variance(shape, each), drawn, 0.03 * drawn) << static_cast<int>(each);
  }
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

}  // namespace
}  // namespace scorematch::testing_support
