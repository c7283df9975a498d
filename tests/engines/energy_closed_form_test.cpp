// Energy nets against closed forms on every engine: quadratic energies, whose expected losses are known, and a mixture
// of Gaussians, whose score, divergence and log-density are known everywhere.
#include <gtest/gtest.h>

#include <cmath>

#include "scorematch/perturbation.h"
#include "scorematch/score.h"
#include "support/affine.h"
#include "support/engine_test.h"
#include "support/mixture_energy.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

class EnergyClosedForm : public EngineTest {
 protected:
  double u = unit_roundoff(engine);
};
INSTANTIATE_TEST_SUITE_P(Engines, EnergyClosedForm, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// The points +- 2 e_i have the first three moments of N(0, I_4). For losses that are quadratic in x and in eps or v,
// sums over these points for x, and for each x for eps or v, are exact expectations.
constexpr int kDim = 4, kPoints = 2 * kDim;

/// f = -theta |x|^2 / 2: an EDM network of zeros with theta = 1 / (sigma^2 + sigma_data^2).
/// @param deviation standard deviation of x
/// @param smoothed variance of the distribution whose score Esm gets as the true score
LossCase quadratic_case(const Objective& objective, double theta, double sigma, double deviation, double smoothed,
                        bool perturbed) {
  LossCase p{MlpShape::energy(kDim, {4}), {objective}, kPoints * kPoints, {}, {}, {}, {}, {}, {}, {}};
  p.net.parameterization = parameterization::Edm{std::sqrt(1 / theta - sigma * sigma)};
  p.params.assign(static_cast<std::size_t>(p.net.param_count()), 0.0);
  const Needs needs = needs_of(objective);
  for (int i = 0; i < kPoints; ++i)
    for (int j = 0; j < kPoints; ++j) {
      p.sigma.push_back(sigma);
      for (int k = 0; k < kDim; ++k) {
        const double x = k == i / 2 ? (i % 2 == 0 ? 2 : -2) : 0, other = k == j / 2 ? (j % 2 == 0 ? 2 : -2) : 0;
        p.x.push_back(deviation * x);
        if (perturbed) p.eps.push_back(other);
        if (needs.projections > 0) p.directions.push_back(other);
        if (needs.true_score) p.true_score.push_back(-(deviation * x + (perturbed ? sigma * other : 0)) / smoothed);
      }
    }
  return p;
}

/// Losses are sums of a few terms of at most a few tens, each with a few dozen roundings.
double mean_of(const Engine& engine, const LossCase& p) { return evaluate(engine, p).loss.mean; }
double tolerance(double u) { return 64 * 64 * u; }

TEST_P(EnergyClosedForm, ExpectedLossesOfAQuadraticEnergy) {
  for (const double theta : {1.0, 0.5, 1.75}) {
    const double half = 0.5 * theta * theta * kDim;
    const auto mean = [&](const Objective& objective) {
      return mean_of(engine, quadratic_case(objective, theta, 0.5, 1, 1, false));
    };
    EXPECT_NEAR(mean(Esm{}), 0.5 * (1 - theta) * (1 - theta) * kDim, tolerance(u));
    EXPECT_NEAR(mean(Ism{}), half - theta * kDim, tolerance(u));  // -d/2 at theta = 1
    EXPECT_NEAR(mean(Ssm{1}), half - theta * kDim, tolerance(u));
    EXPECT_NEAR(mean(SsmVr{1}), half - theta * kDim, tolerance(u));
  }
}

// The constant does not depend on theta. For N(0, lambda I) it is d lambda / (2 sigma^2 (lambda + sigma^2)), minus
// E|eps/sigma|^2 / 2 with either remedy.
TEST_P(EnergyClosedForm, DenoisingIsExplicitUpToAConstant) {
  constexpr double kLambda = 4, kSigma = 0.5, kSmoothed = kLambda + kSigma * kSigma;
  const double constant = kDim * kLambda / (2 * kSigma * kSigma * kSmoothed), noise = kDim / (2 * kSigma * kSigma);
  for (const double theta : {0.2, 0.5, 1.5}) {
    const double esm = mean_of(engine, quadratic_case(Esm{}, theta, kSigma, 2, kSmoothed, true));
    const auto difference = [&](Dsm::Variance variance) {
      return mean_of(engine, quadratic_case(Dsm{variance}, theta, kSigma, 2, kSmoothed, true)) - esm;
    };
    EXPECT_NEAR(difference(Dsm::Variance::plain), constant, tolerance(u));
    EXPECT_NEAR(difference(Dsm::Variance::control_variate), constant - noise, tolerance(u));
    EXPECT_NEAR(difference(Dsm::Variance::antithetic), constant - noise, tolerance(u));
  }
}

// On N(0, I) the expected loss is the parabola d/2 ((1 + sigma^2) theta^2 - 2 theta + 1/sigma^2).
TEST_P(EnergyClosedForm, DenoisingIsLeastAtTheSmoothedNormalsTheta) {
  for (const double sigma : {0.5, 1.0}) {
    double at[3];
    const double thetas[3] = {0.25, 0.5, 0.75};
    for (int i = 0; i < 3; ++i) {
      at[i] = mean_of(engine, quadratic_case(Dsm{}, thetas[i], sigma, 1, 1, true));
      EXPECT_NEAR(at[i],
                  0.5 * kDim * ((1 + sigma * sigma) * thetas[i] * thetas[i] - 2 * thetas[i] + 1 / (sigma * sigma)),
                  tolerance(u));
    }
    const double curvature = at[0] - 2 * at[1] + at[2];
    EXPECT_NEAR(0.5 + 0.25 * (at[0] - at[2]) / (2 * curvature), 1 / (1 + sigma * sigma), 8 * tolerance(u));
  }
}

struct Scores {
  Vector score, divergence, log_density, hessian;  // hessian: J e_i, [d, N, d]
};

Scores scores(const Engine& engine, const MixtureEnergy& energy, const Vector& x) {
  const std::int64_t d = energy.net.dim, n = static_cast<std::int64_t>(x.size()) / d;
  const ScorePlan plan(engine, energy.net, n, static_cast<int>(d));
  Queue queue(engine, plan.workspace_bytes());
  Vector basis;
  for (std::int64_t i = 0; i < d; ++i)
    for (std::int64_t k = 0; k < n; ++k)
      for (std::int64_t j = 0; j < d; ++j) basis.push_back(i == j ? 1 : 0);
  const Array params(engine, energy.params, energy.net.param_count()), at(engine, x, {n, d}),
      sigma(engine, Vector{energy.sigma}, 1), directions(engine, basis, {d, n, d});
  Array score(engine, {n, d}), jvp(engine, {d, n, d}), divergence(engine, n), log_density(engine, n);
  ScorePlan::In in{params, {at, {}, sigma, {}, directions}};
  ScorePlan::Out out;
  out.score = score, out.jvp = jvp, out.divergence = divergence, out.log_density = log_density;
  plan.run(queue, in, out);
  return {score.read(queue), divergence.read(queue), log_density.read(queue), jvp.read(queue)};
}

// On every engine, the parameters are those of the formula rounded to float32, an error of some 2^-24 of each product.
TEST_P(EnergyClosedForm, OfAMixtureIsItsScoreDivergenceAndLogDensity) {
  constexpr std::size_t kSamples = 100;
  const MixtureEnergy energy({0.8, -0.5, 0.3}, 0.9, 0.6, 0.4);
  const Vector x = energy.density.samples(kSamples, 5);
  const Scores got = scores(engine, energy, x);
  const double shift = got.log_density[0] - energy.density.log_density(&x[0]);  // f is the log-density up to a constant
  for (std::size_t n = 0; n < kSamples; ++n) {
    const Vector want = energy.density.score(&x[3 * n]);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(got.score[3 * n + i], want[i], 128 * 0x1p-24 * 10);
    EXPECT_NEAR(got.divergence[n], energy.density.divergence(&x[3 * n]), 128 * 0x1p-24 * 30);
    EXPECT_NEAR(got.log_density[n], energy.density.log_density(&x[3 * n]) + shift, 128 * 0x1p-24 * 30);
  }
  LossCase esm{energy.net, {Esm{}}, kSamples, energy.params, x, Vector(kSamples, energy.sigma), {}, {}, {}, {}};
  for (std::size_t n = 0; n < kSamples; ++n) {
    const Vector s = energy.density.score(&x[3 * n]);
    esm.true_score.insert(esm.true_score.end(), s.begin(), s.end());
  }
  EXPECT_LT(evaluate(engine, esm).loss.mean, 3 * std::pow(128 * 0x1p-24 * 10, 2));
}

// The variance of one direction with the symmetric S = J: Gaussian 2 |S|^2, Rademacher 2 (|S|^2 - sum S_ii^2), sphere
// 2 d / (d + 2) (|S|^2 - tr^2 / d). The mean over M directions has 1/M of it.
TEST_P(EnergyClosedForm, DirectionsHaveTheVarianceOfAQuadraticForm) {
  const std::int64_t samples = engine.kind() == Engine::Kind::cpu         ? 1 << 15
                               : engine.kind() == Engine::Kind::reference ? 4000
                                                                          : 500;  // on the executor
  constexpr std::size_t kWidth = 3;
  const MixtureEnergy energy({0.8, -0.5, 0.3}, 0.9, 0.6, 0.4);
  const Vector x = {0.1, -0.2, 0.15}, s = scores(engine, energy, x).hessian;
  double square = 0, diagonal = 0, trace = 0;
  for (std::size_t i = 0; i < kWidth; ++i) {
    for (std::size_t j = 0; j < kWidth; ++j) square += s[i * kWidth + j] * s[i * kWidth + j];
    diagonal += s[i * (kWidth + 1)] * s[i * (kWidth + 1)];
    trace += s[i * (kWidth + 1)];
  }
  const std::pair<Projection, double> distributions[] = {
      {Projection::gaussian, 2 * square},
      {Projection::rademacher, 2 * (square - diagonal)},
      {Projection::sphere, 2.0 * kWidth / (kWidth + 2) * (square - trace * trace / kWidth)}};
  Vector everywhere;
  for (std::int64_t n = 0; n < samples; ++n) everywhere.insert(everywhere.end(), x.begin(), x.end());
  const Array params(engine, energy.params, energy.net.param_count()), at(engine, everywhere, {samples, 3}),
      sigma(engine, Vector{energy.sigma}, 1);
  const NoiseState noise(engine, 6);
  for (const auto& [distribution, variance] : distributions)
    for (const int projections : {1, 4}) {
      const ScorePlan plan(engine, energy.net, samples, projections, distribution);
      Queue queue(engine, plan.workspace_bytes());
      Array estimate(engine, samples);
      ScorePlan::In in{params, {at, {}, sigma}};
      in.batch.noise = noise;
      ScorePlan::Out out;
      out.divergence_estimate = estimate;
      plan.run(queue, in, out);
      const Moments m = moments(estimate.read(queue));
      EXPECT_NEAR(m.mean, trace, kSigmas * m.mean_error());
      EXPECT_NEAR(m.variance, variance / projections, kSigmas * m.variance_error());
    }
}

}  // namespace
}  // namespace scorematch::testing_support
