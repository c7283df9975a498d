// The best linear score: its fit, and its losses against closed forms and against those of the same affine net.
#include "cli/training/linear_score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/training/baseline.h"
#include "model/names.h"
#include "scorematch/loss.h"
#include "support/arrays.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using cli::fit_linear_score;
using cli::linear_losses;
using cli::LinearScore;
using cli::LossBatch;
using cli::Matrix;

std::vector<float> normal_floats(std::int64_t count, unsigned seed, double scale = 1) {
  std::vector<float> values;
  for (const double each : normal_values(count, seed)) values.push_back(static_cast<float>(scale * each));
  return values;
}

/// Variances 4, 0.25 and 0.01 along a rotated basis, about (1, -2, 3).
Matrix three_dimensional(std::int64_t rows, unsigned seed) {
  const double deviation[] = {2, 0.5, 0.1}, mean[] = {1, -2, 3};
  const double basis[3][3] = {{2.0 / 3, 2.0 / 3, 1.0 / 3}, {-2.0 / 3, 1.0 / 3, 2.0 / 3}, {1.0 / 3, -2.0 / 3, 2.0 / 3}};
  const std::vector<double> z = normal_values(3 * rows, seed);
  Matrix data{rows, 3, {}};
  for (std::size_t i = 0; i < z.size(); i += 3)
    for (std::size_t j = 0; j < 3; ++j) {
      double value = mean[j];
      for (std::size_t k = 0; k < 3; ++k) value += basis[k][j] * deviation[k] * z[i + k];
      data.values.push_back(static_cast<float>(value));
    }
  return data;
}

/// (S + square I)^-1, row by row.
std::vector<double> inverse_of(const LinearScore& score, double square) {
  const auto d = static_cast<std::size_t>(score.dim), rank = static_cast<std::size_t>(score.rank);
  const double outside = rank < d ? 1 / (score.rest + square) : 0;
  std::vector<double> inverse(d * d);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      inverse[i * d + j] = i == j ? outside : 0;
      for (std::size_t k = 0; k < rank; ++k)
        inverse[i * d + j] +=
            score.basis[k * d + i] * score.basis[k * d + j] * (1 / (score.variances[k] + square) - outside);
    }
  return inverse;
}

/// The same score as a network without hidden layers, at one sigma.
std::vector<double> affine_params(const LinearScore& score, double sigma) {
  const auto d = static_cast<std::size_t>(score.dim);
  std::vector<double> params = inverse_of(score, sigma * sigma), bias(d);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) bias[i] += params[i * d + j] * score.mean[j];
  for (double& each : params) each = -each;
  params.insert(params.end(), bias.begin(), bias.end());
  return params;
}

TEST(LinearScore, HasTheMomentsOfTheRows) {
  const Matrix rows = three_dimensional(20000, 1);
  const LinearScore score = fit_linear_score(rows);
  EXPECT_EQ(score.rank, 3);
  EXPECT_EQ(score.rows, 20000);
  EXPECT_LT(score.shrinkage, 1e-3);
  EXPECT_FALSE(score.is_singular);
  const double mean[] = {1, -2, 3}, variances[] = {0.01, 0.25, 4};
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(score.mean[j], mean[j], kSigmas * 2 / std::sqrt(20000.0));
    EXPECT_NEAR(score.variances[j], variances[j] + score.shrinkage * 1.42,
                kSigmas * variances[j] * std::sqrt(2 / 20000.0));
  }
}

// On a Gaussian, no score has a lower expected loss over x and eps at any sigma.
TEST(LinearScore, ReachesTheOptimumOfAGaussian) {
  const std::int64_t rows = 20000;
  const Matrix data = three_dimensional(rows, 2);
  const LinearScore score = fit_linear_score(data);
  for (const double sigma : {0.05, 0.5, 5.0}) {
    SCOPED_TRACE(sigma);
    LossBatch batch{rows, three_dimensional(rows, 3).values, {}, normal_floats(3 * rows, 4), {}};
    batch.sigma.assign(static_cast<std::size_t>(rows), static_cast<float>(sigma));
    double dsm = 0, ism = 0;
    for (const double variance : {4.0, 0.25, 0.01}) {
      dsm += variance / (sigma * sigma * (variance + sigma * sigma)) / 2;
      ism -= 1 / (variance + sigma * sigma) / 2;
    }
    for (const auto& [objective, optimum] : {std::pair<Objective, double>{Dsm{}, dsm}, {Ism{}, ism}}) {
      const Estimate got = cli::estimate_of(linear_losses(score, {objective, schedule::Single{sigma}, {}}, batch));
      EXPECT_NEAR(got.mean, optimum, kSigmas * got.standard_error() + 0.003 * std::abs(optimum));
    }
  }
}

// Every objective and weighting in double, with all random inputs given.
TEST(LinearScore, LossesAreThoseOfTheSameAffineNetwork) {
  const std::int64_t rows = 40;
  const int directions = 3;
  const double sigma = 0.25;
  const LinearScore score = fit_linear_score(three_dimensional(500, 5));
  LossBatch batch{
      rows, three_dimensional(rows, 6).values, {}, normal_floats(3 * rows, 7), normal_floats(3 * rows * directions, 8)};
  batch.sigma.assign(static_cast<std::size_t>(rows), static_cast<float>(sigma));
  const std::vector<Objective> objectives = {Dsm{},
                                             Dsm{Dsm::Variance::control_variate},
                                             Dsm{Dsm::Variance::antithetic},
                                             Ism{},
                                             Ssm{directions},
                                             SsmVr{directions}};
  const Engine engine = Engine::reference();
  const MlpShape net = MlpShape::score(3, {});
  const auto params = engine.upload(affine_params(score, sigma)), clean = engine.upload(affine_params(score, 0));
  const std::vector<Weighting> weightings = {
      weighting::None{},           weighting::Sigma2{},   weighting::Edm{0.7},
      weighting::VPrediction{},    weighting::Velocity{}, weighting::MinSnr{20},
      weighting::DataPrediction{}, weighting::MinSnr{2},  weighting::TruncatedSnr{}};
  for (const bool has_noise : {true, false})
    for (const Objective& objective : objectives)
      for (const Weighting& weighting : weightings) {
        SCOPED_TRACE(std::string(name_of(objective)) + " " + name_of(weighting.kind));
        if (!has_noise && (std::holds_alternative<Dsm>(objective) || weighting.kind != Weighting::Kind::none)) continue;
        Loss loss{objective, schedule::Single{sigma}, weighting};
        if (!has_noise) loss.schedule = schedule::None{};
        const LossPlan plan(engine, net, loss, rows);
        Queue queue(engine, plan.workspace_bytes());
        const auto x = engine.upload(batch.x, {rows, 3}), eps = engine.upload(batch.eps, {rows, 3}),
                   v = engine.upload(batch.directions, {directions, rows, 3}), level = engine.upload(batch.sigma);
        LossPlan::In in{has_noise ? params : clean, {x}};
        if (has_noise) in.batch.sigma = level, in.batch.eps = eps;
        if (std::holds_alternative<Ssm>(objective) || std::holds_alternative<SsmVr>(objective)) in.batch.directions = v;
        auto each = engine.allocate<double>(rows);
        LossPlan::Out out;
        out.loss_per_sample = each;
        plan.run(queue, in, out);
        const std::vector<double> wanted = queue.read(each);
        LossBatch given = batch;
        if (!has_noise) given.sigma.clear(), given.eps.clear();
        const std::vector<double> got = linear_losses(score, loss, given);
        ASSERT_EQ(got.size(), wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i)
          EXPECT_NEAR(got[i], wanted[i], 1e-9 * (1 + std::abs(wanted[i]))) << i;
      }
}

// More rows than one batch, each with its own sigma.
TEST(LinearScore, LossesDoNotDependOnTheirNeighbors) {
  const std::int64_t rows = 1500;
  const LinearScore score = fit_linear_score(three_dimensional(500, 5));
  LossBatch all{rows, three_dimensional(rows, 6).values, {}, normal_floats(3 * rows, 7), {}};
  for (std::int64_t i = 0; i < rows; ++i)
    all.sigma.push_back(static_cast<float>(0.01 + 0.001 * static_cast<double>(i)));
  const Loss loss{Dsm{}, schedule::LogNormal{}, weighting::Edm{}};
  const std::vector<double> whole = linear_losses(score, loss, all);
  ASSERT_EQ(whole.size(), 1500u);
  for (const std::size_t i : {0, 1023, 1024, 1499}) {
    const LossBatch one{
        1,
        {all.x.begin() + static_cast<std::int64_t>(3 * i), all.x.begin() + static_cast<std::int64_t>(3 * i + 3)},
        {all.sigma[i]},
        {all.eps.begin() + static_cast<std::int64_t>(3 * i), all.eps.begin() + static_cast<std::int64_t>(3 * i + 3)},
        {}};
    EXPECT_NEAR(linear_losses(score, loss, one)[0], whole[i], 1e-12 * std::abs(whole[i]));
  }
}

// With as many rows as dimensions, the covariance without shrinkage is singular and useless for other rows.
TEST(LinearScore, FewRowsAreShrunkTowardsOneVariance) {
  const Matrix few{20, 20, normal_floats(400, 9)};
  const LinearScore score = fit_linear_score(few);
  EXPECT_TRUE(score.is_singular);
  EXPECT_GT(score.shrinkage, 0.5);
  LossBatch batch{2000, normal_floats(40000, 10), std::vector<float>(2000, 0.1f), normal_floats(40000, 11), {}};
  const Loss loss{Dsm{}, schedule::Single{0.1}, weighting::Sigma2{}};
  const double optimum = 20 * 1 / 1.01 / 2;  // of N(0, I)
  const Estimate got = cli::estimate_of(linear_losses(score, loss, batch));
  EXPECT_NEAR(got.mean, optimum, 0.05 * optimum);
}

TEST(LinearScore, APlaneIsSingular) {
  Matrix plane = three_dimensional(1000, 12);
  for (std::size_t i = 0; i < plane.values.size(); i += 3) plane.values[i + 2] = plane.values[i] - plane.values[i + 1];
  EXPECT_TRUE(fit_linear_score(plane).is_singular);
}

// With more than 1024 dimensions: 5 strong directions and one variance for the rest.
TEST(LinearScore, ManyDimensionsHaveTheirLeadingDirections) {
  const std::int64_t dim = 1100, rows = 3000;
  Matrix data{rows, dim, normal_floats(rows * dim, 13, 0.1)};
  for (std::int64_t i = 0; i < rows * dim; ++i)
    if (i % dim % 220 == 7) data.values[static_cast<std::size_t>(i)] *= 100;
  const LinearScore score = fit_linear_score(data);
  EXPECT_EQ(score.rank, cli::kLowRank);
  ASSERT_LE(score.rows, rows);
  for (std::size_t k = 0; k < 5; ++k)
    EXPECT_NEAR((score.variances[score.variances.size() - 1 - k] - score.shrinkage * 0.4645) / (1 - score.shrinkage),
                100, 100 * kSigmas * std::sqrt(2 / static_cast<double>(score.rows)));
  const double largest_rest = score.variances[score.variances.size() - 6];
  EXPECT_LT(largest_rest, 0.2);
  EXPECT_NEAR(score.rest, 0.01, 0.005);
  // With far more rows, the optimum would be that of the true variances.
  const std::int64_t held_out = 200;
  LossBatch batch{held_out,
                  normal_floats(held_out * dim, 14, 0.1),
                  std::vector<float>(200, 0.5f),
                  normal_floats(held_out * dim, 15),
                  {}};
  for (std::int64_t i = 0; i < held_out * dim; ++i)
    if (i % dim % 220 == 7) batch.x[static_cast<std::size_t>(i)] *= 100;
  const double optimum = (5 * 100 / 100.25 + 1095 * 0.01 / 0.26) / 2;  // times sigma^2
  const Loss loss{Dsm{}, schedule::Single{0.5}, weighting::Sigma2{}};
  const Estimate got = cli::estimate_of(linear_losses(score, loss, batch));
  EXPECT_NEAR(got.mean, optimum, kSigmas * got.standard_error() + 0.06 * optimum);
}

TEST(LinearScore, WhitenedDistancesAreMahalanobis) {
  const Matrix rows = three_dimensional(50, 16);
  const LinearScore score = fit_linear_score(rows);
  const std::vector<double> inverse = inverse_of(score, 0.3), got = cli::whitened_distances(score, rows, 0.3);
  for (std::size_t i = 0; i < 50; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        sum += inverse[3 * j + k] * (static_cast<double>(rows.values[3 * i + j]) - score.mean[j]) *
               (static_cast<double>(rows.values[3 * i + k]) - score.mean[k]);
    EXPECT_NEAR(got[i], std::sqrt(sum), 1e-10);
  }
}

TEST(Baseline, ZeroOutputLeavesTheParameterizationsTerm) {
  MlpShape net = MlpShape::score(2, {4});
  net.parameterization = parameterization::Edm{0.5};
  const std::vector<float> params = net.initial_params(1), silent = cli::zero_output_params(net, params);
  const MlpShape::Layer last = net.layers().back();
  for (std::int64_t i = 0; i < net.param_count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(silent[at], i < last.weight ? params[at] : 0.0f) << i;
  }
}

TEST(Baseline, DifferencesArePaired) {
  const Estimate difference = cli::paired_difference({1, 2, 4}, {0, 2, 5, 100});
  EXPECT_EQ(difference.count, 3);
  EXPECT_DOUBLE_EQ(difference.mean, 0);
  EXPECT_DOUBLE_EQ(difference.m2, 2);
  EXPECT_FALSE(cli::is_clearly_negative(difference));
  EXPECT_TRUE(cli::is_clearly_negative({100, -0.21, 99.0}));  // a standard error of 0.1
  EXPECT_FALSE(cli::is_clearly_negative({100, -0.19, 99.0}));
  EXPECT_FALSE(cli::is_clearly_negative({1, -5, 0}));  // one row is not significant
}

}  // namespace
}  // namespace scorematch::testing_support
