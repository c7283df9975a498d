// Log-likelihoods by the probability flow ODE against densities that are known at every noise level.
#include "scorematch/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorematch/perturbation.h"
#include "support/engine_test.h"
#include "support/mixture.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr double kTwoPi = 6.283185307179586476925286766559;
const NoiseState::Position kPosition{77, 3, 1000};
constexpr MlpShape::Kind kKinds[] = {MlpShape::Kind::score, MlpShape::Kind::energy};

/// ln N(x; 0, variance I) @param x [dim]
double log_normal(const double* x, std::size_t dim, double variance) {
  double square = 0;
  for (std::size_t i = 0; i < dim; ++i) square += x[i] * x[i];
  return -0.5 * square / variance - 0.5 * static_cast<double>(dim) * std::log(kTwoPi * variance);
}

struct Result {
  Vector log_likelihood, latent;
  Estimate mean;
};

Result run(const LikelihoodPlan& plan, const Engine& engine, const Vector& params, const Vector& x, std::int64_t dim,
           std::size_t more_bytes = 0, NoiseState::Position position = kPosition) {
  const std::int64_t n = static_cast<std::int64_t>(x.size()) / dim;
  Queue queue(engine, plan.workspace_bytes() + more_bytes);
  const Array param_array(engine, params, static_cast<std::int64_t>(params.size())), x_array(engine, x, {n, dim});
  const NoiseState noise(engine, position);
  Array values(engine, n), latent(engine, {n, dim});
  auto mean = engine.allocate<Estimate>();
  plan.run(queue, {param_array, {x_array, noise}}, {values, latent, mean.data()});
  return {values.read(queue), latent.read(queue), queue.read_one(mean)};
}

class Likelihoods : public EngineTest {
 protected:
  /// Fewer on the executor.
  std::int64_t samples(std::int64_t many, std::int64_t few) const {
    return engine.kind() == Engine::Kind::cuda ? few : many;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Likelihoods, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// If all parameters of an EDM network are zero, p_sigma = N(0, (sigma^2 + sigma_data^2) I) at every level, and the flow
// carries x along sqrt(sigma^2 + sigma_data^2). The error of the integrator falls as the fourth power of the step, so
// doubling the steps estimates it. Each evaluation has a few roundings in proportion to the terms of the sum.
TEST_P(Likelihoods, OfAGaussianAreItsDensity) {
  constexpr int kDim = 3;
  constexpr double kData = 0.7;
  const Vector x = normal_values(samples(100, 20) * kDim, 1);
  Likelihood options;
  options.sigma_min = 0.01, options.sigma_max = 20;
  options.steps = engine.kind() == Engine::Kind::cuda ? 24 : 48;
  options.prior_deviation = kData;
  const double low = 0.01 * 0.01 + kData * kData, high = 20 * 20 + kData * kData, u = unit_roundoff(engine);
  for (const MlpShape::Kind kind : kKinds)
    for (const int projections : {0, 2}) {  // Rademacher directions give the trace of a multiple of I exactly
      MlpShape net = MlpShape::score(kDim, {4});
      net.kind = kind;
      net.parameterization = parameterization::Edm{kData};
      net.conditioning = conditioning::LogSigma{};
      options.projections = projections;
      const Vector params(static_cast<std::size_t>(net.param_count()), 0.0);
      const Result got = run(LikelihoodPlan(engine, net, options, 100), engine, params, x, kDim);
      Vector all;
      for (std::size_t n = 0; n < got.log_likelihood.size(); ++n) {
        const double want = log_normal(&x[n * kDim], kDim, low), gained = 0.5 * kDim * std::log(high / low);
        const double method = 3e-3 * std::pow(24.0 / options.steps, 4),
                     rounding = 16 * options.steps * u * (gained + std::abs(want) + kDim * std::log(kTwoPi * high));
        ASSERT_NEAR(got.log_likelihood[n], want, method + rounding);
        for (std::size_t i = n * kDim; i < (n + 1) * kDim; ++i) {
          const double latent = x[i] * std::sqrt(high / low);
          ASSERT_NEAR(got.latent[i], latent, (1e-3 + 16 * options.steps * u) * std::abs(latent));
        }
        all.push_back(got.log_likelihood[n]);
      }
      const Moments m = moments(all);
      EXPECT_EQ(got.mean.count, static_cast<double>(all.size()));
      EXPECT_NEAR(got.mean.mean, m.mean, 1e-12 * std::abs(m.mean));
      EXPECT_NEAR(got.mean.standard_error(), std::sqrt(m.variance / (m.count - 1)), 1e-9);
    }
}

// Gaussian directions v are drawn once per sample, so the estimate of div s = a d is a |v|^2 along the whole flow,
// averaged over the M directions.
TEST_P(Likelihoods, HoldADirectionFixedAlongTheFlow) {
  constexpr int kDim = 3, kProjections = 2;
  constexpr double kData = 0.7;
  const std::int64_t batch = samples(80, 20);
  MlpShape net = MlpShape::score(kDim, {4});
  net.parameterization = parameterization::Edm{kData};
  const Vector params(static_cast<std::size_t>(net.param_count()), 0.0), x = normal_values(batch * kDim, 2);
  Likelihood options;
  options.sigma_min = 0.1, options.sigma_max = 5, options.steps = 12;
  const Vector exact = run(LikelihoodPlan(engine, net, options, batch), engine, params, x, kDim).log_likelihood;
  options.projections = kProjections, options.distribution = Projection::gaussian;
  const Vector got = run(LikelihoodPlan(engine, net, options, batch), engine, params, x, kDim).log_likelihood;
  Array directions(engine, {kProjections, batch, kDim});
  Queue queue(engine, 0);
  const NoiseState noise(engine, kPosition);
  DirectionPlan(engine, kDim, kProjections, Projection::gaussian, batch).run(queue, noise, directions);
  const Vector v = directions.read(queue);
  const double gained = 0.5 * kDim * std::log((25 + kData * kData) / (0.01 + kData * kData));
  for (std::size_t n = 0; n < exact.size(); ++n) {
    double square = 0;
    for (std::size_t m = 0; m < kProjections; ++m)
      for (std::size_t i = 0; i < kDim; ++i)
        square += std::pow(v[(m * exact.size() + n) * kDim + i], 2) / (kProjections * kDim);
    // Both have the error of the integral; in one it is multiplied by `square`.
    const double step_error = 2e-3 * std::abs(square - 1), rounding = 1000 * unit_roundoff(engine) * (1 + square);
    EXPECT_NEAR(got[n] - exact[n], (square - 1) * gained, step_error + rounding * 10) << n;
  }
}

MlpShape random_net(MlpShape::Kind kind) {
  MlpShape net = MlpShape::score(3, {8});
  net.kind = kind;
  net.parameterization = parameterization::Edm{0.5};
  net.conditioning = conditioning::LogSigma{};
  return net;
}

TEST_P(Likelihoods, AreTheSameHoweverTheBatchIsCut) {
  constexpr std::int64_t kSamples = 150;
  Likelihood options;
  options.sigma_min = 0.1, options.sigma_max = 5, options.steps = 3;
  for (const MlpShape::Kind kind : kKinds)
    for (const int projections : {0, 2}) {
      options.projections = projections;
      const MlpShape net = random_net(kind);
      const LikelihoodPlan plan(engine, net, options, kSamples);
      Queue queue(engine, plan.workspace_bytes());
      const Array params(engine, uniform_values(net.param_count(), 5), net.param_count()),
          x(engine, normal_values(3 * kSamples, 6), {kSamples, 3});
      const NoiseState noise(engine, kPosition);
      Array whole(engine, kSamples), parts(engine, kSamples), latent(engine, {kSamples, 3}),
          latents(engine, {kSamples, 3});
      plan.run(queue, {params, {x, noise}}, {whole, latent});
      for (const auto& [first, count] : {std::pair{0, 1}, std::pair{1, 66}, std::pair{67, 83}})
        plan.run(queue, {params, {x.view().samples(first, count), noise.from(first)}},
                 {parts.view().samples(first, count), latents.view().samples(first, count)});
      EXPECT_EQ(parts.read(queue), whole.read(queue));
      EXPECT_EQ(latents.read(queue), latent.read(queue));
    }
}

TEST(LikelihoodEngines, Agree) {
  Likelihood options;
  options.sigma_min = 0.05, options.sigma_max = 10, options.steps = 10;
  const Vector x = normal_values(3 * 100, 7);
  for (const MlpShape::Kind kind : kKinds) {
    const MlpShape net = random_net(kind);
    const Vector params = uniform_values(net.param_count(), 8);
    const Engine reference = Engine::reference();
    const Result want = run(LikelihoodPlan(reference, net, options, 100), reference, params, x, 3);
    for (const std::string& name : engine_names()) {
      const Engine engine = engine_named(name);
      const Result got = run(LikelihoodPlan(engine, net, options, 100), engine, params, x, 3);
      // 40 evaluations in float32 of a network whose values are of order one and amplified by 1/sigma.
      for (std::size_t n = 0; n < want.log_likelihood.size(); ++n)
        EXPECT_NEAR(got.log_likelihood[n], want.log_likelihood[n], 1e-4 * (1 + std::abs(want.log_likelihood[n])));
      EXPECT_NEAR(got.mean.mean, want.mean.mean, 1e-5 * (1 + std::abs(want.mean.mean)));
    }
  }
}

// ---- a score function of the caller's: that of a mixture

const Mixture& mixture() {
  static const Mixture m({{0.5, {-1, 0}, 0.5}, {0.3, {1, 1}, 0.7}, {0.2, {0.5, -1}, 0.4}});
  return m;
}

LikelihoodPlan::ScoreFunction mixture_score(const Mixture& m) {
  return [&m](Queue& queue, ConstView x, ConstView sigma, View score, View divergence) {
    const bool in_double = x.dtype == DType::f64;
    const auto read = [&](const ConstView& view) {
      if (in_double) return queue.read_f64(view);
      const std::vector<float> values = queue.read_f32(view);
      return Vector(values.begin(), values.end());
    };
    const auto write = [&](const View& view, const Vector& values) {
      if (in_double) return queue.write(view, values.data());
      queue.write(view, std::vector<float>(values.begin(), values.end()).data());
    };
    const Vector points = read(x);
    const double level = read(sigma)[0];
    Vector s, d;
    for (std::size_t at = 0; at < points.size(); at += m.dim()) {
      const Vector each = m.score(&points[at], level);
      s.insert(s.end(), each.begin(), each.end());
      d.push_back(m.divergence(&points[at], level));
    }
    write(score, s);
    write(divergence, d);
  };
}

/// The rms error of ln p against the mixture at sigma_min, without the part that is due to the normal distribution in
/// place of the mixture at the latent.
double mixture_error(const Engine& engine, int steps, double sigma_max, const Vector& x) {
  Likelihood options;
  options.sigma_min = 0.02, options.sigma_max = sigma_max, options.steps = steps;
  const auto n = static_cast<std::int64_t>(x.size() / 2);
  const Result got = run(LikelihoodPlan(engine, 2, mixture_score(mixture()), options, n), engine, {}, x, 2);
  double square = 0;
  for (std::size_t i = 0; i < got.log_likelihood.size(); ++i) {
    const double* latent = &got.latent[2 * i];
    const double prior = log_normal(latent, 2, sigma_max * sigma_max) - mixture().log_density(latent, sigma_max);
    square += std::pow(got.log_likelihood[i] - prior - mixture().log_density(&x[2 * i], 0.02), 2);
  }
  return std::sqrt(square / static_cast<double>(n));
}

TEST(LikelihoodOnTheReference, ConvergesToAMixturesDensityAtFourthOrder) {
  const Vector x = mixture().samples(40, 9);
  double before = mixture_error(Engine::reference(), 32, 20, x);
  for (const int steps : {64, 128}) {
    const double error = mixture_error(Engine::reference(), steps, 20, x);
    EXPECT_NEAR(std::log2(before / error), 4, 0.25) << steps;
    before = error;
  }
  EXPECT_LT(before, 1e-5);
}

TEST_P(Likelihoods, OfAMixtureAreItsDensity) {
  if (engine.kind() == Engine::Kind::cuda) return;  // the score function of this test runs on the host
  EXPECT_LT(mixture_error(engine, 48, 20, mixture().samples(200, 10)), 1e-3);
}

// At a large sigma_max the smoothed mixture is nearly normal, so the result is the density at sigma_min.
TEST(LikelihoodOnTheReference, NeedsNoPriorWhereTheNoiseIsLarge) {
  const Vector x = mixture().samples(200, 11);
  Likelihood options;
  options.sigma_min = 0.02, options.sigma_max = 300, options.steps = 80;
  const Engine engine = Engine::reference();
  const Result got = run(LikelihoodPlan(engine, 2, mixture_score(mixture()), options, 200), engine, {}, x, 2);
  for (std::size_t n = 0; n < 200; ++n)
    EXPECT_NEAR(got.log_likelihood[n], mixture().log_density(&x[2 * n], 0.02), 5 * 2 / 300.0);
}

// ---- directions: unbiased, with a variance that falls as 1/M and a correct standard error

Engine fast_engine() { return engine_named(engine_names().back()); }

TEST(Hutchinson, HasTheExactLikelihoodAsItsMean) {
  const Engine engine = fast_engine();
  constexpr std::int64_t kRepeats = 4000;
  const MlpShape net = random_net(MlpShape::Kind::score);
  const Vector params = uniform_values(net.param_count(), 12), x = normal_values(3, 13);
  Vector everywhere;
  for (std::int64_t i = 0; i < kRepeats; ++i) everywhere.insert(everywhere.end(), x.begin(), x.end());
  Likelihood options;
  options.sigma_min = 0.1, options.sigma_max = 5, options.steps = 6;
  const double exact = run(LikelihoodPlan(engine, net, options, kRepeats), engine, params, x, 3).log_likelihood[0];
  for (const Projection distribution : {Projection::gaussian, Projection::rademacher, Projection::sphere}) {
    options.distribution = distribution;
    double variance[2], error[2];
    for (int i = 0; i < 2; ++i) {
      options.projections = i == 0 ? 1 : 4;
      const Result got = run(LikelihoodPlan(engine, net, options, kRepeats), engine, params, everywhere, 3);
      EXPECT_NEAR(got.mean.mean, exact, kSigmas * got.mean.standard_error());
      const Moments m = moments(got.log_likelihood);
      EXPECT_GT(m.variance, 1e-4);
      EXPECT_NEAR(got.mean.standard_error(), std::sqrt(m.variance / (m.count - 1)), 1e-6);
      variance[i] = m.variance, error[i] = m.variance_error();
    }
    EXPECT_NEAR(variance[1], variance[0] / 4, kSigmas * (error[1] + error[0] / 4));
  }
}

// E ln p of N(0, sigma_data^2 I) under N(0, (sigma_data^2 + sigma_min^2) I), from many small batches. Their z scores
// have Student's t distribution with n - 1 degrees of freedom, hence E z^2 = (n - 1) / (n - 3).
TEST(LikelihoodMean, HasAStandardErrorThatIsRight) {
  const Engine engine = fast_engine();
  constexpr std::int64_t kBatch = 40, kBatches = 300;
  constexpr int kDim = 2;
  constexpr double kData = 0.7, kLow = 0.1, kHigh = 5;
  MlpShape net = MlpShape::score(kDim, {4});
  net.parameterization = parameterization::Edm{kData};
  Likelihood options;
  options.sigma_min = kLow, options.sigma_max = kHigh, options.steps = 24, options.prior_deviation = kData;
  options.projections = 1, options.distribution = Projection::gaussian;  // the data and the directions vary
  const LikelihoodPlan plan(engine, net, options, kBatch);
  const Vector params(static_cast<std::size_t>(net.param_count()), 0.0);
  Vector z = normal_values(kBatch * kBatches * kDim, 14), squares;
  for (double& each : z) each = as_float(kData * each);
  const double low = kLow * kLow + kData * kData, want = -0.5 * kDim * (std::log(kTwoPi * low) + kData * kData / low);
  for (std::int64_t b = 0; b < kBatches; ++b) {
    const Vector x(z.begin() + b * kBatch * kDim, z.begin() + (b + 1) * kBatch * kDim);
    const Estimate mean = run(plan, engine, params, x, kDim, 0, {5, b, 0}).mean;
    squares.push_back(std::pow((mean.mean - want) / mean.standard_error(), 2));
  }
  const Moments m = moments(squares);
  EXPECT_NEAR(m.mean, (kBatch - 1.0) / (kBatch - 3.0), kSigmas * m.mean_error());
  EXPECT_LT(kSigmas * m.mean_error(), 0.6);
}

}  // namespace
}  // namespace scorematch::testing_support
