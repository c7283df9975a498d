// The defaults of samplers: levels, steps, and the variance of the start.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "scorematch/sampler.h"
#include "support/engine_test.h"
#include "support/host_score.h"
#include "support/mixture.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

class SamplerDefaults : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, SamplerDefaults, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// With the default levels and steps, every Gaussian of deviation 10 sigma_min or more is at most 2 percent too wide for
// any range of noise. The calls of the score give their number.
TEST_P(SamplerDefaults, AnnealedLangevinsDefaultsHaveTheRightSpread) {
  constexpr std::int64_t kSamples = 1000;
  constexpr int kDim = 4;
  for (const auto& [low, high, deviation] :
       {std::array{0.01, 20.0, 0.5}, std::array{0.01, 20.0, 0.1}, std::array{0.1, 8.0, 1.0}}) {
    const Gaussian g{0.5, deviation};
    AnnealedLangevin options{low, high};
    options.prior_deviation = deviation;
    Vector sigmas;
    const Vector x = sample(engine, g.score(kDim), kDim, options, kSamples, &sigmas);
    ASSERT_EQ(sigmas.size() % 5, 1u);
    options.levels = static_cast<int>(sigmas.size() / 5);
    options.step_size = low * low / 2;
    EXPECT_EQ(options.levels, static_cast<int>(std::ceil(2 / (0.03 * 0.5) * std::log(high / low) / 5)));
    const double want = langevin_variance(options, g);
    EXPECT_NEAR(std::sqrt(want) / deviation, 1, 0.02) << low << " to " << high << ", " << deviation;
    const Moments m = moments(x);
    EXPECT_NEAR(m.mean, g.mean, kSigmas * m.mean_error());
    EXPECT_NEAR(m.variance, want, kSigmas * m.variance_error());
  }
}

// With fewer levels than the smallest noise requires, the chain lags behind, hence the default.
TEST_P(SamplerDefaults, AnnealedLangevinChoosesLevelsByItsSteps) {
  const auto evaluations = [&](int steps_per_level, double step_size) {
    Vector sigmas;
    sample(engine, Gaussian{0, 1}.score(1), 1, AnnealedLangevin{0.1, 10, 0, steps_per_level, step_size}, 1, &sigmas);
    return static_cast<double>(sigmas.size()) - 1;
  };
  const double whole = evaluations(1, 0);  // 2 / (0.03 a) steps per factor e
  EXPECT_NEAR(whole, 4 / 0.03 * std::log(100), 1);
  EXPECT_NEAR(evaluations(7, 0), whole, 7);
  EXPECT_NEAR(evaluations(1, 0.0025), 2 * whole, 2);
  EXPECT_EQ(evaluations(1000, 0), 2000);  // at least two levels
}

// N(0, 1) from a largest noise of 1: without a prior the start, and so the samples, are too narrow by sqrt(1 / 2).
TEST_P(SamplerDefaults, ThePriorStandsForTheDataAtASmallSigmaMax) {
  constexpr std::int64_t kSamples = 1000;
  const Gaussian g{0, 1};
  for (const double prior : {1.0, 0.0}) {
    ProbabilityFlow flow{0.02, 1, 40};
    ReverseSde reverse{0.02, 1, 100};
    AnnealedLangevin annealed{0.02, 1};
    flow.prior_deviation = reverse.prior_deviation = annealed.prior_deviation = prior;
    const Moments of_flow = moments(sample(engine, g.score(4), 4, flow, kSamples)),
                  of_reverse = moments(sample(engine, g.score(4), 4, reverse, kSamples)),
                  of_annealed = moments(sample(engine, g.score(4), 4, annealed, kSamples));
    EXPECT_NEAR(of_flow.variance, (1 + prior * prior) / 2, kSigmas * of_flow.variance_error() + 0.01);
    EXPECT_NEAR(of_reverse.variance, reverse_variance(reverse, g), kSigmas * of_reverse.variance_error());
    annealed.levels = static_cast<int>(std::ceil(2 / (0.03 * 0.5) * std::log(50) / 5));
    annealed.step_size = 0.02 * 0.02 / 2;
    EXPECT_NEAR(of_annealed.variance, langevin_variance(annealed, g), kSigmas * of_annealed.variance_error());
  }
}

// Two separate modes of weights 0.05 and 0.95. How many samples each gets depends on how close the data with noise
// sigma_max are to a Gaussian. The flow preserves the order of points, so docs/math.md has the weights in closed form:
// 0.0486 at 4 deviations of the data, where the command stops warning, and 0.024 at half a deviation.
TEST_P(SamplerDefaults, ModesHaveTheirWeightsFromFourDeviationsOn) {
  const Mixture mixture({{0.05, {-1.9}, 0.05}, {0.95, {0.1}, 0.05}});
  const PointScore score = [&](const double* x, double sigma) { return mixture.score(x, sigma); };
  constexpr std::int64_t kSamples = 2000;
  const double deviation = std::sqrt(0.05 * 1.9 * 1.9 + 0.95 * 0.1 * 0.1 + 0.0025);
  const auto weight = [&](double sigma_max) {
    ProbabilityFlow flow{0.02, sigma_max, 40};
    flow.prior_deviation = deviation;
    double left = 0;
    for (const double x : sample(engine, score, 1, flow, kSamples)) left += x < -0.9;
    return left / kSamples;
  };
  const double error = std::sqrt(0.05 * 0.95 / kSamples);
  EXPECT_NEAR(weight(4 * deviation), 0.0486, 2 * error);
  EXPECT_NEAR(weight(0.5 * deviation), 0.024, 2 * error);
}

}  // namespace
}  // namespace scorematch::testing_support
