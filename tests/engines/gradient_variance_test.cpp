// The variance of gradients and its parts, for linear networks whose values are known.
#include "scorematch/gradient_variance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "scorematch/distinct.h"
#include "support/engine_test.h"
#include "support/refusal.h"

namespace scorematch::testing_support {
namespace {

constexpr int kDim = 3;
constexpr std::int64_t kRows = 40, kBatch = 16;

/// What a loss's moments are, over the rows of a table.
struct Known {
  double trace = 0, data = 0, noise = 0, directions = 0, squared_mean = 0;
};

class GradientVariances : public EngineTest {
 protected:
  GradientVariances() : net(MlpShape::score(kDim, {})) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    for (std::int64_t i = 0; i < kRows * kDim; ++i) x.push_back(static_cast<float>(normal(random)));
    for (std::int64_t i = 0; i < net.param_count(); ++i) params.push_back(static_cast<float>(0.4 * normal(random)));
  }

  GradientMoments measure(const Loss& loss, const std::vector<float>& at, std::uint64_t seed, int probes = 200) {
    const GradientVariance variance(engine, net, loss, kBatch, probes);
    Queue queue(engine, variance.workspace_bytes());
    const auto table = engine.upload(x, {kRows, kDim}), weights = engine.upload(at);
    return variance.measure(queue, weights, table, seed);
  }

  /// The part of the rows of tr W + |W x + b|^2 / 2, whose gradients are I + s x^T and s.
  Known implicit() const {
    std::vector<double> sum(static_cast<std::size_t>(net.param_count()));
    double squares = 0;
    for (std::int64_t n = 0; n < kRows; ++n) {
      const float* row = x.data() + n * kDim;
      std::vector<double> g;
      for (int i = 0; i < kDim; ++i) {
        const double s = score(i, row);
        for (int j = 0; j < kDim; ++j) g.push_back((i == j ? 1 : 0) + s * double{row[j]});
      }
      for (int i = 0; i < kDim; ++i) g.push_back(score(i, row));
      for (std::size_t k = 0; k < g.size(); ++k) sum[k] += g[k] / kRows, squares += g[k] * g[k] / kRows;
    }
    Known known;
    for (const double each : sum) known.squared_mean += each * each;
    known.trace = known.data = squares - known.squared_mean;
    return known;
  }

  double score(int i, const float* row) const {
    double s = double{params[static_cast<std::size_t>(kDim * kDim + i)]};
    for (int j = 0; j < kDim; ++j) s += double{params[static_cast<std::size_t>(kDim * i + j)]} * double{row[j]};
    return s;
  }

  static void expect_near(const Measured& got, double want, const char* what) {
    EXPECT_NEAR(got.value, want, 4 * got.standard_error + 1e-5 * std::abs(want)) << what;
    EXPECT_LT(got.standard_error, 0.5 * std::abs(want) + 1) << what;  // so that the first line says something
  }
  static void expect_moments(const GradientMoments& got, const Known& want) {
    expect_near(got.trace, want.trace, "trace");
    expect_near(got.data, want.data, "data");
    expect_near(got.noise, want.noise, "noise");
    expect_near(got.directions, want.directions, "directions");
    expect_near(got.squared_mean, want.squared_mean, "squared_mean");
    expect_near(got.signal_to_noise, want.squared_mean / want.trace, "signal_to_noise");
    EXPECT_NEAR(got.data.value + got.noise.value + got.directions.value, got.trace.value, 1e-9 * got.trace.value);
  }

  MlpShape net;
  std::vector<float> x, params;
};

TEST_P(GradientVariances, OfTheImplicitObjectiveIsThatOfTheRows) {
  const GradientMoments got = measure({Ism{}}, params, 1);
  expect_moments(got, implicit());
  EXPECT_EQ(got.noise.value, 0);
  EXPECT_EQ(got.directions.value, 0);
}

TEST_P(GradientVariances, OfRademacherDirectionsIsThatOfTheirProducts) {
  for (const int m : {1, 4}) {  // the mean of v v^T over m: d (d - 1) elements of variance 1/m
    Known known = implicit();
    known.directions = kDim * (kDim - 1.0) / m;
    known.trace += known.directions;
    expect_moments(measure({SsmVr{m, Projection::rademacher}}, params, 2), known);
  }
}

TEST_P(GradientVariances, WithoutReplacementIsThatOfAFinitePopulation) {
  constexpr int kM = 3;
  const auto population = static_cast<double>(distinct::population(Projection::hadamard, kDim));
  Known known = implicit();
  known.directions = kDim * (kDim - 1.0) / kM * (population - kM) / (population - 1);
  known.trace += known.directions;
  expect_moments(measure({SsmVr{kM, Projection::hadamard}}, params, 2), known);
}

// At W = 0 and b = 0 the gradients are eps x^T / sigma + eps eps^T and eps / sigma, with mean I and 0.
TEST_P(GradientVariances, OfTheDenoisingObjectiveExplodesWithTheNoise) {
  const std::vector<float> zero(params.size());
  double square = 0;
  for (const float each : x) square += double{each} * double{each} / kRows;
  for (const double sigma : {1.0, 0.05}) {
    Known known;
    known.noise = kDim * square / (sigma * sigma) + kDim * (kDim + 1.0) + kDim / (sigma * sigma);
    known.trace = known.noise;
    known.squared_mean = kDim;
    const GradientMoments got = measure({Dsm{}, schedule::Single{sigma}}, zero, 3, 400);
    expect_near(got.trace, known.trace, "trace");
    expect_near(got.noise, known.noise, "noise");
    EXPECT_NEAR(got.data.value, 0, 4 * got.data.standard_error);
    EXPECT_EQ(got.directions.value, 0);
    EXPECT_NEAR(got.squared_mean.value, known.squared_mean, 4 * got.squared_mean.standard_error);
  }
}

TEST_P(GradientVariances, HasStandardErrorsOfTheRightSize) {
  if (GetParam() != "reference") GTEST_SKIP() << "the same on every engine";
  const Known known = implicit();
  constexpr int kSeeds = 60;
  double squares[3] = {};
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const GradientMoments got = measure({SsmVr{2, Projection::gaussian}}, params, 100 + seed, 24);
    const double off[] = {(got.data.value - known.data) / got.data.standard_error,
                          (got.directions.value - kDim * (kDim + 1.0) / 2) / got.directions.standard_error,
                          (got.squared_mean.value - known.squared_mean) / got.squared_mean.standard_error};
    for (int i = 0; i < 3; ++i) squares[i] += off[i] * off[i] / kSeeds;
  }
  for (const double each : squares) {  // the mean of 60 squares with mean about 1 has a deviation of about 0.2
    EXPECT_GT(each, 0.5);
    EXPECT_LT(each, 1.8);
  }
}

TEST_P(GradientVariances, RepeatsWithTheSeed) {
  const Loss loss{Ssm{2, Projection::sphere}, schedule::LogNormal{}};
  const GradientMoments first = measure(loss, params, 5, 8), again = measure(loss, params, 5, 8),
                        other = measure(loss, params, 6, 8);
  EXPECT_EQ(first.trace.value, again.trace.value);
  EXPECT_EQ(first.data.standard_error, again.data.standard_error);
  EXPECT_NE(first.trace.value, other.trace.value);
}

TEST_P(GradientVariances, RefusesWhatItCannotMeasure) {
  const auto make = [&](const Loss& loss, std::int64_t batch, int probes) {
    return [=] { GradientVariance(engine, net, loss, batch, probes); };
  };
  test::expect_refused({"probes", "between 3 and 65536", "2"}, make({Ism{}}, 4, 2));
  test::expect_refused({"loss.objective", "one that needs no true score", "Esm", ErrorCode::unsupported},
                       make({Esm{}}, 4, 8));
  test::expect_refused({"loss.schedule", "a distribution of sigma", "none"}, make({Dsm{}}, 4, 8));
  test::expect_refused({"batch", "at least 1", "0"}, make({Ism{}}, 0, 8));
}

INSTANTIATE_TEST_SUITE_P(Engines, GradientVariances, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace scorematch::testing_support
