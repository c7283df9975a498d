// Processes x_t = alpha x + beta eps: their parameterizations have the published losses and keep their digits at any
// sigma, and their schedules draw the published levels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/names.h"
#include "model/noise_process.h"
#include "scorematch/noise_table.h"
#include "scorematch/perturbation.h"
#include "scorematch/sampler.h"
#include "support/engine_test.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;
using P = Parameterization::Kind;

constexpr int kDim = 3;
constexpr std::int64_t kBatch = 33;

/// A parameterization and the weighting with which its loss is 1/2 |F - target|^2.
struct Pair {
  Parameterization parameterization;
  Weighting weighting;
};
const Pair kPairs[] = {{parameterization::Epsilon{}, weighting::Sigma2{}},
                       {parameterization::VPrediction{}, weighting::VPrediction{}},
                       {parameterization::DataPrediction{}, weighting::DataPrediction{}},
                       {parameterization::Velocity{}, weighting::Velocity{}}};

LossCase case_of(const MlpShape& shape, const Pair& pair, double sigma, unsigned seed) {
  MlpShape net = shape;
  net.parameterization = pair.parameterization;
  net.conditioning = conditioning::LogSigma{};
  LossCase c = random_case(net, {Dsm{}, schedule::None{}, pair.weighting}, kBatch, seed);
  c.sigma.assign(kBatch, as_float(sigma));
  return c;
}

class Processes : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, Processes, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// ---- parameterizations

/// alpha and beta of the process, and what its network predicts of x and eps.
double published_target(P kind, double sigma, double x, double eps) {
  const double alpha = kind == P::velocity ? 1 / (1 + sigma) : 1 / std::hypot(1, sigma), beta = sigma * alpha;
  if (kind == P::epsilon) return eps;
  if (kind == P::v_prediction) return alpha * eps - beta * x;
  return kind == P::data_prediction ? x : eps - x;
}

/// An affine network at x_t = alpha x + beta eps, whose F is computed here.
TEST(ProcessLosses, AreThePublishedSquares) {
  for (const Pair& pair : kPairs)
    for (const double sigma : {0.03, 0.7, 20.0}) {
      const P kind = pair.parameterization.kind;
      SCOPED_TRACE(std::string(name_of(kind)) + " " + std::to_string(sigma));
      const LossCase c = case_of(MlpShape::score(kDim, {}), pair, sigma, 5);
      const Vector got = evaluate(Engine::reference(), c).per_sample;
      const double level = c.sigma[0], alpha = kind == P::velocity ? 1 / (1 + level) : 1 / std::hypot(1, level);
      for (std::size_t n = 0; n < got.size(); ++n) {
        double square = 0;
        for (std::size_t i = 0; i < kDim; ++i) {
          const double* weights = &c.params[i * (kDim + 1)];
          double f = c.params[kDim * (kDim + 1) + i] + weights[kDim] * std::log(level);
          for (std::size_t j = 0; j < kDim; ++j)
            f += weights[j] * (alpha * c.x[n * kDim + j] + alpha * level * c.eps[n * kDim + j]);
          const double error = f - published_target(kind, level, c.x[n * kDim + i], c.eps[n * kDim + i]);
          square += error * error;
        }
        // The reference forms s + eps/sigma in double; it cancels by a factor of sigma + 1/sigma.
        ASSERT_NEAR(got[n], square / 2, 1e-13 * (level + 1 / level) * (1 + square)) << n;
      }
    }
}

/// Weightings of one process are functions of sigma alone, so they are ratios of losses.
TEST(ProcessLosses, AreWeightedBySnr) {
  for (const double sigma : {0.1, 0.5, 1.0, 3.0}) {
    const auto loss = [&](const Weighting& weighting) {
      return evaluate(Engine::reference(),
                      case_of(MlpShape::score(kDim, {}), {kPairs[2].parameterization, weighting}, sigma, 8))
          .loss.mean;
    };
    const double of_x = loss(weighting::DataPrediction{}), snr = 1 / (as_float(sigma) * as_float(sigma));
    EXPECT_NEAR(loss(weighting::MinSnr{}), std::min(snr, 5.0) * of_x, 1e-12 * snr * of_x);
    EXPECT_NEAR(loss(weighting::MinSnr{0.5}), std::min(snr, 0.5) * of_x, 1e-12 * snr * of_x);
    EXPECT_NEAR(loss(weighting::TruncatedSnr{}), std::max(snr, 1.0) * of_x, 1e-12 * (1 + snr) * of_x);
    EXPECT_NEAR(loss(weighting::VPrediction{}), (snr + 1) * of_x, 1e-12 * (1 + snr) * of_x);
  }
}

/// s + eps/sigma would lose a factor of sigma or 1/sigma of the digits, and F - target does not. An engine's F has a
/// rounding error of about (width + depth) u times the sum of its terms; a square has twice that.
TEST_P(Processes, KeepTheirDigitsAtAnySigma) {
  std::vector<std::pair<MlpShape, Route>> plans = {{MlpShape::score(kDim, {8}), Route::automatic},
                                                   {MlpShape::energy(kDim, {8}, Activation::silu), Route::automatic}};
  if (engine.kind() == Engine::Kind::cuda) plans.emplace_back(MlpShape::score(kDim, {8}), Route::layered);
  const double u = engine.kind() == Engine::Kind::reference ? 0 : 0x1p-24;
  for (const auto& [shape, route] : plans)
    for (const Pair& pair : kPairs)
      for (const double sigma : {1e-6, 1.0, 1e6}) {
        SCOPED_TRACE(std::string(name_of(pair.parameterization.kind)) + " " + std::to_string(sigma) + " " +
                     name_of(route) + " " + name_of(shape.kind));
        const LossCase c = case_of(shape, pair, sigma, 3);
        const Evaluation want = evaluate(Engine::reference(), c);
        const Evaluation got = evaluate(engine, c, {}, false, {Precision::fp32, route});
        const auto expect_near = [&](const Vector& a, const Vector& b) {
          double most = 0;
          for (const double each : b) most = std::max(most, std::abs(each));
          ASSERT_EQ(a.size(), b.size());
          for (std::size_t i = 0; i < b.size(); ++i) ASSERT_NEAR(a[i], b[i], 100 * u * most) << i;
        };
        expect_near(got.per_sample, want.per_sample);
        expect_near(got.grad, want.grad);
      }
}

/// F = 0 is the score of N(0, I) at every sigma, as that of Edm with sigma_data 1; F = m as the data is a point.
TEST_P(Processes, SampleTheDataOfAConstantNetwork) {
  const NoiseState noise(engine, 7);
  const auto samples = [&](const Parameterization& parameterization, double bias) {
    MlpShape net = MlpShape::score(kDim, {});
    net.parameterization = parameterization;
    Vector params(static_cast<std::size_t>(net.param_count()), 0.0);
    std::fill(params.end() - kDim, params.end(), bias);
    const SamplerPlan plan(engine, net, ProbabilityFlow{}, kBatch);
    Queue queue(engine, plan.workspace_bytes());
    const Array values(engine, params, net.param_count());
    Array x(engine, {kBatch, kDim});
    plan.run(queue, values, noise, x);
    return x.read(queue);
  };
  EXPECT_EQ(samples(parameterization::VPrediction{}, 0), samples(parameterization::Edm{1}, 0));
  // The last step is one of Euler to sigma 0, x - sigma^2 s = m, from which only rounding differs.
  for (const double each : samples(parameterization::DataPrediction{}, 0.75))
    EXPECT_NEAR(each, 0.75, 8 * unit_roundoff(engine));
}

// ---- schedules

const NoiseSchedule kSchedules[] = {schedule::Vp{}, schedule::SubVp{}, schedule::Cosine{}, schedule::RectifiedFlow{},
                                    schedule::Ddpm{}};

Vector draw(const Engine& engine, const NoiseSchedule& schedule, std::int64_t n) {
  const NoiseState noise(engine, 11);
  const PerturbPlan plan(engine, 1, schedule, n);
  Queue queue(engine, 0);
  const Array x(engine, Vector(static_cast<std::size_t>(n), 0.0), {n, 1});
  Array sigma(engine, n);
  Batch batch;
  batch.x = x;
  batch.noise = noise;
  PerturbOut out;
  out.sigma = sigma;
  plan.run(queue, batch, out);
  return sigma.read(queue);
}

/// The table has an error of less than 1e-8, and a float of 2^-24.
TEST_P(Processes, DrawTheSameLevelsOnEveryEngine) {
  for (const NoiseSchedule& schedule : kSchedules) {
    SCOPED_TRACE(name_of(schedule.kind));
    const Vector got = draw(engine, schedule, 300), want = draw(Engine::reference(), schedule, 300);
    for (std::size_t n = 0; n < want.size(); ++n) ASSERT_NEAR(got[n], want[n], (1e-8 + 0x1p-24) * want[n]) << n;
  }
}

/// The time of a level, by the inverse of the published formula; uniform if the draws are right.
double time_of(const NoiseSchedule& schedule, double sigma) {
  const double beta_range = schedule.beta_max - schedule.beta_min;
  const auto at_integral = [&](double integral) {
    return (std::sqrt(schedule.beta_min * schedule.beta_min + 2 * beta_range * integral) - schedule.beta_min) /
           beta_range;
  };
  if (schedule.kind == NoiseSchedule::Kind::vp) return at_integral(std::log1p(sigma * sigma));
  if (schedule.kind == NoiseSchedule::Kind::sub_vp) return at_integral(2 * std::asinh(sigma / 2));
  if (schedule.kind == NoiseSchedule::Kind::rectified_flow) return sigma / (1 + sigma);
  const double quarter = std::acos(-1.0) / 2 / 1.008;
  return std::acos(std::cos(quarter * 0.008) / std::hypot(1, sigma)) / quarter - 0.008;
}

TEST(ProcessSchedules, HaveUniformTimes) {
  constexpr std::int64_t kDraws = 4000;
  for (const NoiseSchedule& schedule : kSchedules) {
    if (schedule.kind == NoiseSchedule::Kind::ddpm) continue;
    SCOPED_TRACE(name_of(schedule.kind));
    Vector times;
    for (const double sigma : draw(Engine::reference(), schedule, kDraws))
      times.push_back((time_of(schedule, sigma) - schedule.t_min) / (schedule.t_max - schedule.t_min));
    std::sort(times.begin(), times.end());
    double most = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      most = std::max(most, std::abs(times[i] - (static_cast<double>(i) + 0.5) / kDraws));
      ASSERT_GE(times[i], 0);
      ASSERT_LE(times[i], 1);
    }
    EXPECT_LT(most, 1.95 / std::sqrt(kDraws));  // Kolmogorov & Smirnov, 1 in 1000
  }
}

/// Every step of DDPM occurs, and none between them. alpha^2 at the ends: 1 - 1e-4, and Ho et al.'s 4.04e-5.
TEST(ProcessSchedules, OfDdpmAreItsSteps) {
  const NoiseSchedule ddpm = schedule::Ddpm{};
  const auto alpha2 = [](double sigma) { return 1 / (1 + sigma * sigma); };
  EXPECT_NEAR(alpha2(sigma_range(ddpm).low), 0.9999, 1e-12);
  EXPECT_NEAR(alpha2(sigma_range(ddpm).high), 4.0358e-5, 1e-9);
  Vector levels = draw(Engine::reference(), ddpm, 20'000);
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  EXPECT_EQ(levels.size(), 1000u);  // a step is missing with probability 2e-6
  EXPECT_NEAR(levels.front(), sigma_range(ddpm).low, 1e-12);
  EXPECT_NEAR(levels.back(), sigma_range(ddpm).high, 1e-9);
}

TEST(ProcessSchedules, AreInterpolatedWithinTheirBound) {
  for (const NoiseSchedule& schedule : kSchedules) {
    if (schedule.kind == NoiseSchedule::Kind::ddpm) continue;
    SCOPED_TRACE(name_of(schedule.kind));
    const Vector table = noise_table_of(schedule);
    ASSERT_EQ(table.size(), static_cast<std::size_t>(noise_table::kKnots));
    // From the smallest to the largest number that philox::uniform returns, ever finer at both ends.
    for (double y = std::log(0x1p-24); y <= -std::log(0x1p-24); y += 0.0123) {
      const double u = 1 / (1 + std::exp(-y)), t = schedule.t_min + (schedule.t_max - schedule.t_min) * u;
      ASSERT_NEAR(noise_table::log_sigma(table.data(), y), std::log(sigma_at(schedule, t)), 1e-8) << u;
    }
  }
}

/// Of rectified flow with a logit-normal time, sigma = t/(1 - t) is log-normal.
TEST(ProcessSchedules, OfLogitNormalTimesAreLogNormal) {
  const NoiseSchedule flow = schedule::LogitNormal{0.3, 0.8};
  EXPECT_EQ(flow.kind, NoiseSchedule::Kind::log_normal);
  EXPECT_EQ(draw(Engine::reference(), flow, 10), draw(Engine::reference(), schedule::LogNormal{0.3, 0.8}, 10));
}

}  // namespace
}  // namespace scorematch::testing_support
