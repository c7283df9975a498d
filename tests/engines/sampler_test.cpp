// Samplers with exactly known scores: Gaussians, for which every step is a known map, and a mixture.
#include "scorematch/sampler.h"
#include "model/names.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "scorematch/score.h"
#include "support/engine_test.h"
#include "support/host_score.h"
#include "support/mixture.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

/// The normals that a sampler draws for sample n: at its start, or at `step` of Langevin.
Vector draws(std::int64_t n, int dim, std::int64_t step = -1) {
  NoiseState::Position at = kPosition;
  NoiseRef ref;
  ref.state = &at;
  const reference::SampleNoise noise(ref, n);
  return reference::normals(dim, [&](std::uint32_t group) {
    return step < 0 ? noise.block(philox::Purpose::sampler_init, group) : noise.sampler_block(step, group);
  });
}

class Samplers : public EngineTest {
 protected:
  double u = unit_roundoff(engine);
};
INSTANTIATE_TEST_SUITE_P(Engines, Samplers, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// ---- noise levels

// Karras et al. 2022, eq. 5 with sigma 0.002 ... 80, rho 7, N = 18, computed independently to six decimals.
const double kKarras[] = {80.0,    57.585985, 40.785574, 28.374585, 19.352453, 12.910082, 8.400935, 5.315195, 3.256822,
                          1.92334, 1.088171,  0.585348,  0.296442,  0.139516,  0.059947,  0.022935, 0.007528, 0.002};

TEST_P(Samplers, ProbabilityFlowEvaluatesAtTheStepsOfKarras) {
  Vector sigmas, want = {80};
  sample(engine, Gaussian{0, 1}.score(1), 1, ProbabilityFlow{}, 1, &sigmas);
  for (std::size_t i = 1; i < 18; ++i) want.insert(want.end(), 2, kKarras[i]);
  ASSERT_EQ(sigmas.size(), want.size());  // Heun evaluates at the end of a step and again at the start of the next one
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(sigmas[i], want[i], 1e-6 + 1e-7 * want[i]) << i;
}

TEST_P(Samplers, LangevinEvaluatesAtGeometricLevelsAndOnceMoreToDenoise) {
  Vector sigmas;
  sample(engine, Gaussian{0, 1}.score(1), 1, AnnealedLangevin{0.1, 10, 5, 3, 1e-3}, 1, &sigmas);
  ASSERT_EQ(sigmas.size(), 5u * 3 + 1);
  for (std::size_t i = 0; i < 15; ++i)
    EXPECT_NEAR(sigmas[i], 10 * std::pow(10, -0.5 * static_cast<double>(i / 3)), 2 * u * 10);
  EXPECT_EQ(sigmas[15], sigmas[14]);
}

// ---- Gaussians: each step multiplies x - mean by a factor, and Langevin adds noise

/// One coordinate, with a bound on the rounding error of an engine.
struct Tracked1 {
  double value, error;
};

/// Heun's step x + (next - sigma) (d + d') / 2 with d = -sigma s. x, s, d and d' each have a few roundings, at most 12
/// u together.
Tracked1 heun(const Gaussian& g, Tracked1 x, double sigma, double next, double u) {
  const double h = next - sigma, a = -sigma * g.slope(sigma), b = -next * g.slope(next);
  const double euler = 1 + h * a, factor = next > 0 ? 1 + h / 2 * (a + b * euler) : euler;
  const double moved = std::abs(h) * (std::abs(a) + std::abs(b)) * (std::abs(x.value - g.mean) + std::abs(g.mean));
  return {g.mean + factor * (x.value - g.mean),
          std::abs(factor) * x.error + 12 * u * (std::abs(x.value) + std::abs(g.mean) + moved)};
}

TEST_P(Samplers, ProbabilityFlowOfAGaussianIsHeunsMap) {
  constexpr int kDim = 3, kSamples = 70;
  const Gaussian g{1.5, 0.5};
  const ProbabilityFlow options{0.01, 20, 10, 5, 3};
  const double start = std::hypot(20, 3);  // from sigma_max and the prior deviation
  const Vector got = sample(engine, g.score(kDim), kDim, options, kSamples), sigmas = karras(options);
  for (std::int64_t n = 0; n < kSamples; ++n) {
    const Vector z = draws(n, kDim);
    for (std::size_t i = 0; i < kDim; ++i) {
      Tracked1 x{start * z[i], 8 * u * start * std::abs(z[i])};
      for (std::size_t k = 0; k + 1 < sigmas.size(); ++k) x = heun(g, x, sigmas[k], sigmas[k + 1], u);
      ASSERT_NEAR(got[static_cast<std::size_t>(n) * kDim + i], x.value, x.error);
    }
  }
}

// x + alpha_i/2 s + sqrt(alpha_i) z with alpha_i = step_size sigma_i^2 / sigma_min^2, and x + sigma_min^2 s at the end.
TEST_P(Samplers, LangevinOfAGaussianIsItsRecursion) {
  constexpr int kDim = 3, kSamples = 70;
  const Gaussian g{1.5, 0.5};
  const AnnealedLangevin options{0.1, 10, 6, 4, 2e-3, 3};
  const double start = std::hypot(10, 3);
  const Vector got = sample(engine, g.score(kDim), kDim, options, kSamples);
  for (std::int64_t n = 0; n < kSamples; ++n) {
    std::vector<Tracked1> x;
    for (const double z : draws(n, kDim)) x.push_back({start * z, 8 * u * start * std::abs(z)});
    const auto move = [&](double sigma, double factor, double noise, const Vector& z) {
      for (std::size_t i = 0; i < kDim; ++i) {
        const double step = factor * g.slope(sigma);
        x[i] = {x[i].value + step * (x[i].value - g.mean) + noise * z[i],
                std::abs(1 + step) * x[i].error +
                    12 * u * ((1 + std::abs(step)) * (std::abs(x[i].value) + g.mean) + noise * std::abs(z[i]))};
      }
    };
    for (int level = 0; level < 6; ++level)
      for (int step = 0; step < 4; ++step) {
        const double sigma = 10 * std::pow(0.01, level / 5.0), alpha = 2e-3 * sigma * sigma / 0.01;
        move(sigma, alpha / 2, std::sqrt(alpha), draws(n, kDim, 4 * level + step));
      }
    move(0.1, 0.01, 0, Vector(kDim, 0.0));
    for (std::size_t i = 0; i < kDim; ++i)
      ASSERT_NEAR(got[static_cast<std::size_t>(n) * kDim + i], x[i].value, x[i].error);
  }
}

// With v = sigma_i^2 - sigma_{i+1}^2, x + v s + sqrt(v) z, and x + sigma_min^2 s at the end.
TEST_P(Samplers, ReverseSdeOfAGaussianIsItsRecursion) {
  constexpr int kDim = 3, kSamples = 70;
  const Gaussian g{1.5, 0.5};
  const ReverseSde options{0.01, 20, 10, 5, 3};
  const double start = std::hypot(20, 3);
  const Vector got = sample(engine, g.score(kDim), kDim, options, kSamples);
  const Vector sigmas = karras({options.sigma_min, options.sigma_max, options.steps, options.rho});
  for (std::int64_t n = 0; n < kSamples; ++n) {
    std::vector<Tracked1> x;
    for (const double z : draws(n, kDim)) x.push_back({start * z, 8 * u * start * std::abs(z)});
    for (std::size_t k = 0; k + 1 < sigmas.size(); ++k) {
      const double variance = sigmas[k] * sigmas[k] - sigmas[k + 1] * sigmas[k + 1],
                   noise = k + 2 < sigmas.size() ? std::sqrt(variance) : 0, step = variance * g.slope(sigmas[k]);
      const Vector z = draws(n, kDim, static_cast<std::int64_t>(k));
      for (std::size_t i = 0; i < kDim; ++i)
        x[i] = {x[i].value + step * (x[i].value - g.mean) + noise * z[i],
                std::abs(1 + step) * x[i].error +
                    12 * u * ((1 + std::abs(step)) * (std::abs(x[i].value) + g.mean) + noise * std::abs(z[i]))};
    }
    for (std::size_t i = 0; i < kDim; ++i)
      ASSERT_NEAR(got[static_cast<std::size_t>(n) * kDim + i], x[i].value, x[i].error);
  }
}

// dx/dsigma = sigma (x - mean) / (s^2 + sigma^2) carries x - mean along sqrt(s^2 + sigma^2). Heun's error falls as the
// inverse square of the number of steps. The last step, from sigma_min to 0, is always an Euler step, which multiplies
// x - mean by s^2 / (s^2 + sigma_min^2).
TEST(ProbabilityFlowOnTheReference, ConvergesToTheFlowAtSecondOrder) {
  const Gaussian g{0.5, 1};
  const auto error = [&](int steps) {
    const ProbabilityFlow options{0.01, 10, steps, 3};
    const double got = sample(Engine::reference(), g.score(1), 1, options, 1)[0], start = 10 * draws(0, 1)[0];
    const double low = 1 + 1e-4, at_low = g.mean + (start - g.mean) * std::sqrt(low / (1 + 100));
    return std::abs(got - (g.mean + (at_low - g.mean) / low));
  };
  for (const int steps : {32, 64, 128}) {
    const double order = std::log2(error(steps) / error(2 * steps));
    EXPECT_NEAR(order, 2, 0.15) << steps;
  }
  EXPECT_LT(error(512), 1e-4);
}

/// The variance including the discretization error of the sampler, which for the flow at these steps is below 1e-3.
double expected_variance(const Sampler& sampler, const Gaussian& g) {
  const auto* langevin = std::get_if<AnnealedLangevin>(&sampler);
  const auto* reverse = std::get_if<ReverseSde>(&sampler);
  const double truth = g.deviation * g.deviation, variance = langevin != nullptr  ? langevin_variance(*langevin, g)
                                                             : reverse != nullptr ? reverse_variance(*reverse, g)
                                                                                  : truth;
  EXPECT_NEAR(variance, truth, 0.1 * truth);
  return variance;
}

const Sampler kFineSamplers[] = {ProbabilityFlow{0.002, 40, 40}, AnnealedLangevin{0.02, 20, 40, 20, 1e-4},
                                 AnnealedLangevin{0.02, 20, 184, 5, 2e-4},  // the default levels and step
                                 ReverseSde{0.002, 40, 400}};

TEST_P(Samplers, SamplesOfAGaussianHaveItsMoments) {
  constexpr std::int64_t kSamples = 2000;
  const Gaussian g{-2, 0.5};
  for (const Sampler& sampler : kFineSamplers) {
    const double want = expected_variance(sampler, g);
    const Vector x = sample(engine, g.score(2), 2, sampler, kSamples);
    for (std::size_t i = 0; i < 2; ++i) {
      Vector column;
      for (std::size_t n = 0; n < kSamples; ++n) column.push_back(x[2 * n + i]);
      const Moments m = moments(column);
      EXPECT_NEAR(m.mean, g.mean, kSigmas * m.mean_error());
      EXPECT_NEAR(m.variance, want, kSigmas * m.variance_error());
      EXPECT_LT(
          kolmogorov_distance(column, [&](double z) { return normal_distribution((z - g.mean) / std::sqrt(want)); }),
          kKolmogorov);
    }
  }
}

// ---- a mixture: at low noise each component has the score of a Gaussian, at high noise they compete

TEST_P(Samplers, SamplesOfAMixtureHaveItsWeightsAndMoments) {
  const Mixture mixture({{0.7, {-1.5, 0}, 0.3}, {0.3, {1.5, 1}, 0.5}});
  const PointScore score = [&](const double* x, double sigma) { return mixture.score(x, sigma); };
  const std::int64_t samples = engine.kind() == Engine::Kind::reference ? 1000 : 4000;
  for (const Sampler& sampler : kFineSamplers) {
    SCOPED_TRACE(name_of(sampler));
    const Vector x = sample(engine, score, 2, sampler, samples);
    Vector of_component[2][2];
    for (std::size_t at = 0; at < x.size(); at += 2)
      for (std::size_t i = 0; i < 2; ++i) of_component[mixture.nearest(&x[at])][i].push_back(x[at + i]);
    const auto n = static_cast<double>(samples), first = static_cast<double>(of_component[0][0].size());
    EXPECT_NEAR(first / n, 0.7, kSigmas * std::sqrt(0.7 * 0.3 / n));
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < 2; ++i) {
        const Mixture::Component& c = mixture.components()[k];
        const Moments m = moments(of_component[k][i]);
        EXPECT_NEAR(m.mean, c.mean[i], kSigmas * m.mean_error());
        EXPECT_NEAR(m.variance, expected_variance(sampler, {0, c.deviation}), kSigmas * m.variance_error());
      }
  }
}

// ---- batches and routes

MlpShape network() {
  MlpShape net = MlpShape::score(3, {16, 16});
  net.parameterization = parameterization::Edm{0.5};
  net.conditioning = conditioning::LogSigma{};
  return net;
}

/// Score nets and energy nets.
std::vector<MlpShape> networks() {
  std::vector<MlpShape> nets(2, network());
  nets.back().kind = MlpShape::Kind::energy;
  return nets;
}

const Sampler kSamplers[] = {ProbabilityFlow{0.01, 10, 6}, AnnealedLangevin{0.1, 10, 4, 3, 1e-3},
                             ReverseSde{0.01, 10, 12}, Langevin{0.2, 0.01, 12}};

TEST_P(Samplers, GiveTheSameSamplesHoweverTheBatchIsSplit) {
  constexpr std::int64_t kSamples = 150;
  const NoiseState noise(engine, kPosition);
  for (const MlpShape& net : networks())
    for (const Sampler& sampler : kSamplers) {
      const Array params(engine, uniform_values(net.param_count(), 5), net.param_count());
      const SamplerPlan plan(engine, net, sampler, kSamples);
      Queue queue(engine, plan.workspace_bytes());
      Array whole(engine, {kSamples, 3}), parts(engine, {kSamples, 3});
      plan.run(queue, params, noise, whole);
      for (const auto& [first, count] : {std::pair{0, 1}, std::pair{1, 66}, std::pair{67, 83}})
        plan.run(queue, params, noise.from(first), parts.view().samples(first, count));
      EXPECT_EQ(parts.read(queue), whole.read(queue));
      plan.run(queue, params, noise, parts);
      EXPECT_EQ(parts.read(queue), whole.read(queue));
    }
}

TEST_P(Samplers, TakeANetworkAsTheyTakeItsScoreFunction) {
  constexpr std::int64_t kSamples = 80;
  const NoiseState noise(engine, kPosition);
  for (const MlpShape& net : networks())
    for (const Sampler& sampler : kSamplers) {
      const Array params(engine, uniform_values(net.param_count(), 5), net.param_count());
      const ScorePlan score(engine, net, kSamples);
      const auto function = [&](Queue& queue, ConstView x, ConstView sigma, View out) {
        score.run(queue, {params, {x, {}, sigma}}, {out});
      };
      const SamplerPlan by_net(engine, net, sampler, kSamples), by_function(engine, 3, function, sampler, kSamples);
      Queue queue(engine, by_function.workspace_bytes() + score.workspace_bytes());
      Array a(engine, {kSamples, 3}), b(engine, {kSamples, 3});
      by_net.run(queue, params, noise, a);
      by_function.run(queue, {}, noise, b);
      EXPECT_EQ(a.read(queue), b.read(queue));
    }
}

}  // namespace
}  // namespace scorematch::testing_support
