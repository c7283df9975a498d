// The losses as estimators: what they have in common in expectation, and the variance that theory gives each.
#include <gtest/gtest.h>

#include <cmath>

#include "model/names.h"
#include "scorematch/distinct.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"
#include "support/loss_case.h"
#include "support/mixture.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

/// Statistics take many samples, so they use the fastest engine.
Engine fast_engine() { return engine_named(engine_names().back()); }

// ---- s = -theta x on N(0, I_d): minimizers of many data sets

constexpr int kDim = 4;
constexpr std::int64_t kBatch = 64, kRepeats = 4000;

/// The minimizer of each data set. The gradient is linear in theta, so two values of it determine its root.
Moments minimizers(Dsm::Variance variance, double sigma) {
  const Engine engine = fast_engine();
  const MlpShape net = MlpShape::score(kDim, {});
  const LossPlan plan(engine, net, {Dsm{variance}, schedule::Single{sigma}}, kBatch);
  Queue queue(engine, plan.workspace_bytes());
  const Array x(engine, normal_values(kBatch * kRepeats * kDim, 1), {kBatch * kRepeats, kDim});
  const NoiseState noise(engine, 2);
  Array grad(engine, net.param_count());
  const auto slope = [&](double theta, std::int64_t first) {
    std::vector<double> values(static_cast<std::size_t>(net.param_count()), 0.0);
    for (std::size_t i = 0; i < kDim; ++i) values[i * (kDim + 1)] = -theta;
    const Array params(engine, values, net.param_count());
    LossPlan::In in;
    in.params = params;
    in.batch.x = x.view().samples(first, kBatch);
    in.batch.noise = noise.from(first);
    plan.run(queue, in, {nullptr, grad});
    const std::vector<double> g = grad.read(queue);
    double sum = 0;
    for (std::size_t i = 0; i < kDim; ++i) sum -= g[i * (kDim + 1)];
    return sum;
  };
  std::vector<double> theta;
  for (std::int64_t r = 0; r < kRepeats; ++r) {
    const double at_zero = slope(0, r * kBatch), at_one = slope(1, r * kBatch);
    theta.push_back(at_zero / (at_zero - at_one));
  }
  return moments(theta);
}

// theta = sum x~.eps/sigma / sum |x~|^2 is the regression of eps/sigma on x~. Its residual is independent of x~ and has
// variance 1 / (sigma^2 (1 + sigma^2)). The mean of 1 / sum |x~|^2 is 1 / ((1 + sigma^2) (N d - 2)).
TEST(DenoisingMinimiser, HasTheMeanAndVarianceOfTheRegression) {
  for (const double sigma : {0.1, 0.5, 1.0}) {
    const Moments theta = minimizers(Dsm::Variance::plain, sigma);
    const double root = sigma * (1 + sigma * sigma);
    EXPECT_NEAR(theta.mean, 1 / (1 + sigma * sigma), kSigmas * theta.mean_error());
    EXPECT_NEAR(theta.variance, 1 / (root * root * (kBatch * kDim - 2)), kSigmas * theta.variance_error());
  }
}

// With either remedy, theta -> sum |eps|^2 / sum |x|^2 as sigma -> 0. This ratio has the F distribution with (N d, N d)
// degrees of freedom, so its variance is bounded, while that of the plain loss grows as 1/sigma^2. Relative corrections
// are of order sigma^2 = 1e-4, a tenth of a standard error.
TEST(DenoisingMinimiser, HasABoundedVarianceWithEitherRemedy) {
  constexpr double kSigma = 0.01, kFreedom = kBatch * kDim;
  const double mean = kFreedom / (kFreedom - 2),
               variance = 4 * (kFreedom - 1) * kFreedom / ((kFreedom - 2) * (kFreedom - 2) * (kFreedom - 4));
  for (const Dsm::Variance remedy : {Dsm::Variance::control_variate, Dsm::Variance::antithetic}) {
    const Moments theta = minimizers(remedy, kSigma);
    EXPECT_NEAR(theta.mean, mean, kSigmas * theta.mean_error());
    EXPECT_NEAR(theta.variance, variance, kSigmas * theta.variance_error());
  }
  EXPECT_GT(minimizers(Dsm::Variance::plain, kSigma).variance, 1000 * variance);
}

// ---- the remedies, sample by sample

class Remedies : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Engines, Remedies, testing::ValuesIn(engine_names()),
                         [](const auto& info) { return info.param; });

// control_variate(eps) = plain(eps) - |eps/sigma|^2 / 2 - eps/sigma.s(x), and antithetic(eps) is the mean of plain(eps)
// and plain(-eps) minus |eps/sigma|^2 / 2. An engine evaluates the same scores for all of them and forms the losses in
// double, so only that arithmetic and the rounding of the outputs make a difference.
TEST_P(Remedies, DifferFromThePlainLossByTheirFormulas) {
  constexpr int kSamples = 100, kWidth = 3;
  const Engine engine = engine_named(GetParam());
  const MlpShape net = MlpShape::score(kWidth, {8, 8}, Activation::tanh);
  LossCase p = random_case(net, {Dsm{}}, kSamples, 11);
  const auto with = [&](Dsm::Variance variance) {
    p.loss.objective = Dsm{variance};
    return evaluate(engine, p).per_sample;
  };
  const std::vector<double> plain = with(Dsm::Variance::plain), control = with(Dsm::Variance::control_variate),
                            pair = with(Dsm::Variance::antithetic), eps = p.eps;
  for (double& each : p.eps) each = -each;
  const std::vector<double> mirrored = with(Dsm::Variance::plain);

  const ScorePlan plan(engine, net, kSamples);
  Queue queue(engine, plan.workspace_bytes());
  const Array params(engine, p.params, net.param_count()), x(engine, p.x, {kSamples, kWidth});
  Array score_at_x(engine, {kSamples, kWidth});
  plan.run(queue, {params, {x}}, {score_at_x});
  const std::vector<double> score = score_at_x.read(queue);

  const double u = unit_roundoff(engine);
  for (std::size_t n = 0; n < kSamples; ++n) {
    double half_square = 0, along = 0, along_size = 0;
    for (std::size_t i = n * kWidth; i < (n + 1) * kWidth; ++i) {
      const double target = eps[i] / p.sigma[n];
      half_square += 0.5 * target * target;
      along += target * score[i];
      along_size += std::abs(target * score[i]);
    }
    const double largest = plain[n] + mirrored[n] + half_square + along_size;
    const double tolerance = (kWidth + 8) * 0x1p-53 * 4 * largest;
    EXPECT_NEAR(control[n], plain[n] - half_square - along,
                tolerance + u * (plain[n] + std::abs(control[n]) + along_size));
    EXPECT_NEAR(pair[n], (plain[n] + mirrored[n]) / 2 - half_square,
                tolerance + u * ((plain[n] + mirrored[n]) / 2 + std::abs(pair[n])));
  }
}

// ---- any network, any density: each loss equals Esm's up to a constant that does not depend on the network

const Mixture& mixture() {
  static const Mixture m({{0.5, {-1, 0}, 0.5}, {0.3, {1, 1}, 0.7}, {0.2, {0.5, -1}, 0.4}});
  return m;
}

constexpr std::int64_t kMany = 1 << 14;
constexpr double kSigma = 0.5;

/// Samples of the mixture, perturbed for the denoising objectives. true_score is the score where the loss is evaluated.
LossCase mixture_case(const MlpShape& net, const Objective& objective, unsigned seed) {
  LossCase p{net, {objective}, kMany, uniform_values(net.param_count(), seed), mixture().samples(kMany, 3), {}, {},
             {},  {},          {}};
  const bool perturbed = std::holds_alternative<Dsm>(objective);
  if (perturbed) p.sigma.assign(kMany, kSigma);
  if (perturbed) p.eps = normal_values(2 * kMany, 5);
  for (std::size_t n = 0; n < kMany; ++n) {
    double at[2] = {p.x[2 * n], p.x[2 * n + 1]};
    for (std::size_t i = 0; i < 2 && perturbed; ++i) at[i] += kSigma * p.eps[2 * n + i];
    const std::vector<double> score = mixture().score(at, perturbed ? kSigma : 0);
    p.true_score.insert(p.true_score.end(), score.begin(), score.end());
  }
  return p;
}

void draw_directions(const Engine& engine, LossCase& p) {
  const Needs needs = needs_of(p.loss.objective);
  if (needs.projections == 0) return;
  const DirectionPlan plan(engine, p.net.dim, needs.projections, needs.distribution, p.batch);
  Queue queue(engine, 0);
  const NoiseState noise(engine, 6);
  Array directions(engine, {needs.projections, p.batch, p.net.dim});
  plan.run(queue, noise, directions);
  p.directions = directions.read(queue);
}

TEST(Objectives, AreEsmUpToAConstant) {
  const Engine engine = fast_engine();
  auto all = objectives(2);
  for (const Projection distribution : {Projection::rademacher, Projection::sphere}) {
    all.push_back({"ssm_" + std::to_string(static_cast<int>(distribution)), Ssm{1, distribution}});
    all.push_back({"ssm_vr_" + std::to_string(static_cast<int>(distribution)), SsmVr{1, distribution}});
  }
  for (const auto& [name, objective] : all) {
    for (const unsigned seed : {20u, 21u}) {
      SCOPED_TRACE(name);
      LossCase p = mixture_case(MlpShape::score(2, {16}, Activation::tanh), objective, seed), explicit_one = p;
      explicit_one.loss.objective = Esm{};
      if (!needs_of(objective).true_score) p.true_score.clear();
      draw_directions(engine, p);
      const Evaluation got = evaluate(engine, p), esm = evaluate(engine, explicit_one);
      const auto* dsm = std::get_if<Dsm>(&objective);
      const bool plain = dsm != nullptr && dsm->variance == Dsm::Variance::plain;
      std::vector<double> differences;
      for (std::size_t n = 0; n < kMany; ++n) {
        double constant = 0;
        for (std::size_t i = 2 * n; i < 2 * n + 2 && name != "esm"; ++i) {
          constant -= 0.5 * explicit_one.true_score[i] * explicit_one.true_score[i];
          if (plain) constant += 0.5 * p.eps[i] * p.eps[i] / (kSigma * kSigma);
        }
        differences.push_back(got.per_sample[n] - esm.per_sample[n] - constant);
      }
      const Moments m = moments(differences);
      EXPECT_NEAR(m.mean, 0, kSigmas * m.mean_error());
      EXPECT_LT(kSigmas * m.mean_error(), 0.15 * esm.loss.mean);  // otherwise the test could not fail
    }
  }
}

// ---- the variance of one direction: a quadratic form in v with the symmetric part of J, plus s s^T / 2 for Ssm

/// The variance of v^T Q v for one v from the distribution. @param q [d, d], symmetric
double quadratic_form_variance(const std::vector<double>& q, Projection distribution) {
  double square = 0, diagonal = 0, trace = 0;
  for (std::size_t i = 0; i < kDim; ++i) {
    for (std::size_t j = 0; j < kDim; ++j) square += q[i * kDim + j] * q[i * kDim + j];
    diagonal += q[i * (kDim + 1)] * q[i * (kDim + 1)];
    trace += q[i * (kDim + 1)];
  }
  switch (distribution) {
    case Projection::gaussian:
      return 2 * square;
    case Projection::rademacher:
    case Projection::hadamard:
      return 2 * (square - diagonal);
    case Projection::sphere:
    case Projection::orthogonal:
      return 2.0 * kDim / (kDim + 2) * (square - trace * trace / kDim);
    case Projection::coordinates:
      return kDim * diagonal - trace * trace;
  }
  return 0;
}

/// From the variance of one to that of the mean of `count`.
double mean_factor(Projection distribution, int count) {
  const auto population = static_cast<double>(distinct::population(distribution, kDim));
  return (population > 0 ? (population - count) / (population - 1) : 1) / count;
}

TEST(Slicing, HasTheVarianceOfAQuadraticForm) {
  const Engine engine = fast_engine();
  constexpr std::int64_t kSamples = 1 << 15;
  const MlpShape net = MlpShape::score(kDim, {});
  const std::vector<double> params = uniform_values(net.param_count(), 31), x = uniform_values(kDim, 32);
  std::vector<double> everywhere, score(params.end() - kDim, params.end());
  for (std::int64_t n = 0; n < kSamples; ++n) everywhere.insert(everywhere.end(), x.begin(), x.end());
  for (std::size_t i = 0; i < kDim; ++i)
    for (std::size_t j = 0; j < kDim; ++j) score[i] += params[i * kDim + j] * x[j];
  for (const Projection distribution : values_of<Projection>()) {
    if (distribution == Projection::orthogonal && engine.kind() == Engine::Kind::cuda) continue;  // refused
    for (const int projections : {1, 3}) {
      for (const bool reduced : {false, true}) {
        const Objective objective =
            reduced ? Objective(SsmVr{projections, distribution}) : Objective(Ssm{projections, distribution});
        LossCase p{net, {objective}, kSamples, params, everywhere, {}, {}, {}, {}, {}};
        draw_directions(engine, p);
        std::vector<double> form(params.begin(), params.begin() + kDim * kDim);
        double mean = 0;
        for (std::size_t i = 0; i < kDim; ++i) {
          mean += params[i * (kDim + 1)] + 0.5 * score[i] * score[i];
          for (std::size_t j = 0; j < kDim; ++j)
            form[i * kDim + j] =
                0.5 * (params[i * kDim + j] + params[j * kDim + i] + (reduced ? 0 : score[i] * score[j]));
        }
        const Moments loss = moments(evaluate(engine, p).per_sample);
        EXPECT_NEAR(loss.mean, mean, kSigmas * loss.mean_error());
        EXPECT_NEAR(loss.variance, quadratic_form_variance(form, distribution) * mean_factor(distribution, projections),
                    kSigmas * loss.variance_error());
      }
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
