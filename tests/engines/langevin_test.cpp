// Langevin chains: unadjusted ones have their known bias, corrected ones have the distribution of the network.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "scorematch/sampler.h"
#include "scorematch/score.h"
#include "support/engine_test.h"
#include "support/mixture_energy.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

const NoiseState::Position kPosition{77, 3, 1000};
constexpr double kSigma = 0.6, kData = 0.8;  // sigma^2 + sigma_data^2 = 1

/// f = -|x|^2 / 2 at kSigma with all parameters zero.
MlpShape standard_normal(int dim, MlpShape::Kind kind) {
  MlpShape net = MlpShape::score(dim, {4});
  net.kind = kind;
  net.parameterization = parameterization::Edm{kData};
  return net;
}

struct Chains {
  Vector x, acceptance_per_sample;
  Estimate acceptance;
};

/// @param start where the chains start, if options.sigma_start is 0
Chains run(const Engine& engine, const MlpShape& net, const Vector& params, const Langevin& options, std::int64_t n,
           const Vector& start = {}, NoiseState::Position position = kPosition) {
  const SamplerPlan plan(engine, net, options, n);
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, position);
  const Array param_array(engine, params, net.param_count());
  Array x = start.empty() ? Array(engine, {n, net.dim}) : Array(engine, start, {n, net.dim}), each(engine, n);
  auto all = engine.allocate<Estimate>();
  SamplerPlan::Out out;
  out.x = x;
  if (options.metropolis) out.acceptance = all.data(), out.acceptance_per_sample = each;
  plan.run(queue, param_array, noise, out);
  return {x.read(queue), each.read(queue), queue.read_one(all)};
}

Vector zeros(const MlpShape& net) { return Vector(static_cast<std::size_t>(net.param_count()), 0.0); }

Vector column(const Vector& x, std::size_t dim, std::size_t i) {
  Vector values;
  for (std::size_t at = i; at < x.size(); at += dim) values.push_back(x[at]);
  return values;
}

class UnadjustedLangevin : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, UnadjustedLangevin, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// x <- (1 - h theta / 2) x + sqrt(h) z has the variance h / (1 - (1 - h theta / 2)^2) = 1 / (theta (1 - theta h / 4)).
// The weight of the initial variance is at most 0.8^60.
TEST_P(UnadjustedLangevin, HasTheBiasThatIsKnownOfIt) {
  const bool is_slow = engine.kind() == Engine::Kind::cuda;  // on the executor
  const std::int64_t samples = is_slow ? 200 : 4000;
  const MlpShape net = standard_normal(2, MlpShape::Kind::score);
  for (const double h : {0.4, 1.0}) {
    const double want = 1 / (1 - h / 4);
    const Vector x = run(engine, net, zeros(net), {kSigma, h, 30, 1}, samples).x;
    for (std::size_t i = 0; i < 2; ++i) {
      const Moments m = moments(column(x, 2, i));
      EXPECT_NEAR(m.mean, 0, kSigmas * m.mean_error());
      EXPECT_NEAR(m.variance, want, kSigmas * m.variance_error());
      if (h == 1.0 && !is_slow) {
        EXPECT_GT(m.variance, 1 + kSigmas * m.variance_error());  // otherwise the correction would have no effect
      }
    }
  }
}

// A chain in two halves, where the second starts at the end of the first, follows x <- x - h/2 x + sqrt(h) z.
TEST_P(UnadjustedLangevin, IsItsRecursionAndGoesOnFromWhereItStands) {
  constexpr std::int64_t kSamples = 70;
  constexpr int kDim = 3, kSteps = 5;
  constexpr double kStep = 0.3;
  const MlpShape net = standard_normal(kDim, MlpShape::Kind::score);
  NoiseState::Position position = kPosition;
  const Vector half = run(engine, net, zeros(net), {kSigma, kStep, kSteps, 2}, kSamples).x;
  ++position.step;
  const Vector got = run(engine, net, zeros(net), {kSigma, kStep, kSteps, 0}, kSamples, half, position).x;
  const double u = unit_roundoff(engine);
  for (std::int64_t n = 0; n < kSamples; ++n) {
    Vector x, error;
    for (std::int64_t part = 0; part < 2; ++part) {
      NoiseState::Position at = kPosition;
      at.step += part;
      NoiseRef ref;
      ref.state = &at;
      const reference::SampleNoise noise(ref, n);
      if (part == 0)
        for (const double z :
             reference::normals(kDim, [&](std::uint32_t g) { return noise.block(philox::Purpose::sampler_init, g); })) {
          x.push_back(2 * z);
          error.push_back(8 * u * std::abs(x.back()));
        }
      for (int k = 0; k < kSteps; ++k) {
        const Vector z = reference::normals(kDim, [&](std::uint32_t g) { return noise.sampler_block(k, g); });
        for (std::size_t i = 0; i < kDim; ++i) {
          error[i] = (1 - kStep / 2) * error[i] + 12 * u * (std::abs(x[i]) + std::sqrt(kStep) * std::abs(z[i]) + 1e-3);
          x[i] = (1 - kStep / 2) * x[i] + std::sqrt(kStep) * z[i];
        }
      }
    }
    for (std::size_t i = 0; i < kDim; ++i) ASSERT_NEAR(got[static_cast<std::size_t>(n) * kDim + i], x[i], error[i]);
  }
}

/// The score of N(0, C) with added noise sigma. C has two coordinates of deviation 0.5 that correlate by 0.8, so its
/// eigenvalues are 0.45 and 0.05.
SamplerPlan::ScoreFunction correlated_score(double sigma) {
  const double a = 0.25 + sigma * sigma, b = 0.2, determinant = a * a - b * b;
  return [=](Queue& queue, ConstView x, ConstView, View out) {
    const auto score = [&](auto points) {
      for (std::size_t at = 0; at < points.size(); at += 2) {
        const double p = static_cast<double>(points[at]), q = static_cast<double>(points[at + 1]);
        using Value = typename decltype(points)::value_type;
        points[at] = static_cast<Value>((b * q - a * p) / determinant);
        points[at + 1] = static_cast<Value>((b * p - a * q) / determinant);
      }
      queue.write(out, points.data());
    };
    if (x.dtype == DType::f64) return score(queue.read_f64(x));
    score(queue.read_f32(x));
  };
}

// By default the step is h = sigma^2 / 5, and there are 8 (sigma^2 + sigma_start^2) / h steps. The chain forgets that
// it started without a correlation. Because of its bias, the variance along each axis is v / (1 - h / (4 v)).
TEST_P(UnadjustedLangevin, ByItsDefaultsForgetsWhereItStarted) {
  if (engine.kind() == Engine::Kind::cuda) GTEST_SKIP() << "two thousand steps take too long on the executor";
  constexpr double kLow = 0.1;
  const std::int64_t samples = engine.kind() == Engine::Kind::reference ? 1000 : 2000;
  Langevin options;
  options.sigma = kLow;
  options.sigma_start = 0.7;
  int calls = 0;
  const auto score = [&, inner = correlated_score(kLow)](Queue& queue, ConstView x, ConstView sigma, View out) {
    ++calls;
    inner(queue, x, sigma, out);
  };
  const SamplerPlan plan(engine, 2, score, options, samples);
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, kPosition);
  Array x(engine, {samples, 2});
  plan.run(queue, {}, noise, x);
  EXPECT_EQ(calls, 2000);  // 8 (0.01 + 0.49) / 0.002
  const Vector values = x.read(queue);
  Vector along, across;
  for (std::size_t at = 0; at < values.size(); at += 2) {
    along.push_back((values[at] + values[at + 1]) / std::sqrt(2.0));
    across.push_back((values[at] - values[at + 1]) / std::sqrt(2.0));
  }
  for (const auto& [axis, v] : {std::pair{along, 0.45 + kLow * kLow}, std::pair{across, 0.05 + kLow * kLow}}) {
    const Moments m = moments(axis);
    EXPECT_NEAR(m.mean, 0, kSigmas * m.mean_error());
    EXPECT_NEAR(m.variance, v / (1 - 0.002 / (4 * v)), kSigmas * m.variance_error());
  }
  EXPECT_NEAR(correlation(column(values, 2, 0), column(values, 2, 1)), 0.2 / 0.26, 0.05);
}

TEST_P(UnadjustedLangevin, TakesAScoreFunctionWithoutALevel) {
  const MlpShape net = MlpShape::score(3, {8});  // ignores sigma
  const Array params(engine, uniform_values(net.param_count(), 4), net.param_count());
  const ScorePlan score(engine, net, 20);
  int calls = 0;
  const auto function = [&](Queue& queue, ConstView x, ConstView sigma, View out) {
    ++calls;
    EXPECT_TRUE(sigma.empty());
    score.run(queue, {params, {x}}, {out});
  };
  const Langevin options{0, 0.1, 7};
  const SamplerPlan by_net(engine, net, options, 20), by_function(engine, 3, function, options, 20);
  Queue queue(engine, by_function.workspace_bytes() + score.workspace_bytes());
  const NoiseState noise(engine, kPosition);
  Array a(engine, {20, 3}), b(engine, {20, 3});
  by_net.run(queue, params, noise, a);
  by_function.run(queue, {}, noise, b);
  EXPECT_EQ(a.read(queue), b.read(queue));
  EXPECT_EQ(calls, 7);
}

// ---- with Metropolis' correction

class CorrectedLangevin : public EngineTest {
 protected:
  /// Fewer on the executor, where each takes thousands of times as long. Tolerances depend on the count.
  std::int64_t samples(std::int64_t many) const { return engine.kind() == Engine::Kind::cuda ? many / 40 : many; }
};
INSTANTIATE_TEST_SUITE_P(Engines, CorrectedLangevin, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

double normal_density(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0)); }

/// E min(1, e^L) with L = -h/8 (x'^2 - x^2) for the standard normal in one dimension, by the trapezoidal rule. Its
/// error at a kink is of the order of the squared spacing.
double normal_acceptance(double h) {
  constexpr double kEnd = 8, kSpacing = 0.01;
  double sum = 0;
  for (double x = -kEnd; x <= kEnd; x += kSpacing)
    for (double z = -kEnd; z <= kEnd; z += kSpacing) {
      const double next = (1 - h / 2) * x + std::sqrt(h) * z;
      sum += normal_density(x) * normal_density(z) * std::min(1.0, std::exp(-h / 8 * (next * next - x * x)));
    }
  return sum * kSpacing * kSpacing;
}

// The unadjusted chain has 4/3 of the variance here, and the start has four times the variance.
TEST_P(CorrectedLangevin, HasTheMomentsAndTheAcceptanceOfAGaussian) {
  const std::int64_t count = samples(4000);
  const MlpShape net = standard_normal(1, MlpShape::Kind::energy);
  const Vector params = zeros(net);
  const Vector settled = run(engine, net, params, {kSigma, 1.0, 60, 2, true}, count).x;
  NoiseState::Position later = kPosition;
  ++later.step;
  const Chains got = run(engine, net, params, {kSigma, 1.0, 20, 0, true}, count, settled, later);
  for (const Vector& x : {settled, got.x}) {
    const Moments m = moments(x);
    EXPECT_NEAR(m.mean, 0, kSigmas * m.mean_error());
    EXPECT_NEAR(m.variance, 1, kSigmas * m.variance_error());
    EXPECT_NEAR(m.fourth, 3, kSigmas * std::sqrt(96 / m.count));  // var z^4 = 105 - 9
    EXPECT_LT(kolmogorov_distance(x, normal_distribution), kKolmogorov);
  }
  EXPECT_EQ(got.acceptance.count, count);
  EXPECT_NEAR(got.acceptance.mean, normal_acceptance(1.0), kSigmas * got.acceptance.standard_error());
  EXPECT_LT(got.acceptance.mean + kSigmas * got.acceptance.standard_error(), 1);
  const Moments share = moments(got.acceptance_per_sample);
  EXPECT_NEAR(got.acceptance.mean, share.mean, 1e-12);
  for (const double each : got.acceptance_per_sample) EXPECT_NEAR(each * 20, std::round(each * 20), 1e-5);
}

// In one dimension, 1 - acceptance is E|L| / 2 = h^(3/2) / (4 pi) to first order, so a quarter of h gives an eighth.
TEST_P(CorrectedLangevin, AcceptsAllAsTheStepGoesToZero) {
  const MlpShape net = standard_normal(1, MlpShape::Kind::energy);
  const std::int64_t count = samples(4000);
  const Vector start = normal_values(static_cast<std::size_t>(count), 12);
  double rejected[2];
  for (int i = 0; i < 2; ++i) {
    const double h = i == 0 ? 0.4 : 0.1;
    const Estimate acceptance = run(engine, net, zeros(net), {kSigma, h, 60, 0, true}, count, start).acceptance;
    rejected[i] = 1 - acceptance.mean;
    EXPECT_NEAR(acceptance.mean, normal_acceptance(h), kSigmas * acceptance.standard_error());
    EXPECT_NEAR(rejected[i], std::pow(h, 1.5) / (4 * std::acos(-1.0)),
                0.5 * h * rejected[i] + kSigmas * acceptance.standard_error());
  }
  EXPECT_GT(rejected[0], 5 * rejected[1]);
}

// Two modes of unequal weight in two dimensions: E x = (2w - 1) mu, var x_i = tau^2 + 4 w (1 - w) mu_i^2.
TEST_P(CorrectedLangevin, HasTheDistributionOfAMixture) {
  const std::int64_t count = engine.kind() == Engine::Kind::reference ? 1000 : samples(4000);
  const Vector mu = {0.8, -0.5};
  const MixtureEnergy mixture(mu, 0.9, kSigma, 0.4);
  const double weight = mixture.density.components()[0].weight, tau2 = kSigma * kSigma + 0.16;
  const Chains got = run(engine, mixture.net, mixture.params, {mixture.sigma, 0.7, 250, 2, true}, count);
  for (std::size_t i = 0; i < 2; ++i) {
    const Moments m = moments(column(got.x, 2, i));
    EXPECT_NEAR(m.mean, (2 * weight - 1) * mu[i], kSigmas * m.mean_error());
    EXPECT_NEAR(m.variance, tau2 + 4 * weight * (1 - weight) * mu[i] * mu[i], kSigmas * m.variance_error());
  }
  // Along mu the distribution is a mixture of two normals at +-|mu|.
  Vector along;
  const double length = std::hypot(mu[0], mu[1]), tau = std::sqrt(tau2);
  for (std::size_t n = 0; n < got.x.size(); n += 2) along.push_back((got.x[n] * mu[0] + got.x[n + 1] * mu[1]) / length);
  EXPECT_LT(kolmogorov_distance(along,
                                [&](double z) {
                                  return weight * normal_distribution((z - length) / tau) +
                                         (1 - weight) * normal_distribution((z + length) / tau);
                                }),
            kKolmogorov);
  EXPECT_LT(got.acceptance.mean, 0.97);
}

TEST_P(CorrectedLangevin, IsTheSameHoweverTheBatchIsCut) {
  constexpr std::int64_t kSamples = 150;
  const MixtureEnergy mixture({0.8, -0.5, 0.2}, 0.9, kSigma, 0.4);
  const Langevin options{mixture.sigma, 0.5, 12, 2, true};
  const SamplerPlan plan(engine, mixture.net, options, kSamples);
  Queue queue(engine, plan.workspace_bytes());
  const Array params(engine, mixture.params, mixture.net.param_count());
  const NoiseState noise(engine, kPosition);
  Array whole(engine, {kSamples, 3}), parts(engine, {kSamples, 3}), share(engine, kSamples), shares(engine, kSamples);
  SamplerPlan::Out out;
  out.x = whole, out.acceptance_per_sample = share;
  plan.run(queue, params, noise, out);
  for (const auto& [first, count] : {std::pair{0, 1}, std::pair{1, 66}, std::pair{67, 83}}) {
    out.x = parts.view().samples(first, count), out.acceptance_per_sample = shares.view().samples(first, count);
    plan.run(queue, params, noise.from(first), out);
  }
  EXPECT_EQ(parts.read(queue), whole.read(queue));
  EXPECT_EQ(shares.read(queue), share.read(queue));
  plan.run(queue, params, noise, parts);
  EXPECT_EQ(parts.read(queue), whole.read(queue));
}

TEST_P(CorrectedLangevin, RejectsWhatIsNotFinite) {
  const MlpShape net = standard_normal(2, MlpShape::Kind::energy);
  const Vector start = normal_values(200, 5);
  const Chains got = run(engine, net, zeros(net), {kSigma, 3e38, 4, 0, true}, 100, start);
  EXPECT_EQ(got.x, start);
  EXPECT_EQ(got.acceptance.mean, 0);
}

// ---- engines: the same decisions, except where the rounding of an engine decides

TEST_P(CorrectedLangevin, DecidesAsTheReference) {
  const std::int64_t count = samples(2000);
  constexpr int kDim = 2, kSteps = 20;
  const MixtureEnergy mixture({0.8, -0.5}, 0.9, kSigma, 0.4);
  const Langevin options{mixture.sigma, 0.5, kSteps, 2, true};
  const Chains want = run(Engine::reference(), mixture.net, mixture.params, options, count),
               got = run(engine, mixture.net, mixture.params, options, count);
  std::int64_t different = 0;
  for (std::size_t n = 0; n < got.acceptance_per_sample.size(); ++n) {
    // Rounding moves the threshold by some 1e-6, so about one in 1e5 values of ln u crosses it.
    bool differs = std::abs(got.acceptance_per_sample[n] - want.acceptance_per_sample[n]) > 1e-6;
    for (std::size_t i = 0; i < kDim; ++i)
      differs = differs || std::abs(got.x[n * kDim + i] - want.x[n * kDim + i]) > 1e-4;
    different += differs;
  }
  EXPECT_LE(different, count / 400);
}

}  // namespace
}  // namespace scorematch::testing_support
