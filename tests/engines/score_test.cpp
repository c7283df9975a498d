// ScorePlan on every engine: its outputs match the templates of the reference within the bound of Tracked, they agree
// with each other, and the random estimate of the divergence has the correct mean.
#include "scorematch/score.h"
#include "model/names.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reference/sample.h"
#include "scorematch/perturbation.h"
#include "support/engine_test.h"
#include "support/loss_case.h"
#include "support/statistics.h"
#include "support/tracked.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr int kDim = 5;

/// Score nets and energy nets.
std::vector<MlpShape> networks() {
  std::vector<MlpShape> nets(4, MlpShape::score(kDim, {17, 17}));
  nets[0] = MlpShape::score(kDim, {});
  nets[1].activation = Activation::softplus;
  nets[1].parameterization = parameterization::Ncsn{};
  nets[2].activation = Activation::tanh;
  nets[2].parameterization = parameterization::NoisePrediction{};
  nets[2].conditioning = conditioning::LogSigma{};
  nets[3].activation = Activation::gelu;
  nets[3].parameterization = parameterization::Edm{0.7};
  nets[3].conditioning = conditioning::Fourier{{0.4, -0.9, 0.1}};
  nets[3].residual = true;
  for (std::size_t i = 0; i < 4; ++i) {
    nets.push_back(nets[i]);
    nets.back().kind = MlpShape::Kind::energy;
  }
  return nets;
}

struct Scores {
  Vector score, jvp, divergence, estimate, log_density;
};

struct Points {
  std::int64_t batch = 0;
  Vector x, sigma, directions;  // directions: given, or drawn from `noise` if empty
  NoiseRef noise{};
};

Scores scores(const Engine& engine, const MlpShape& net, const Vector& params, const Points& at, int projections,
              Projection distribution = Projection::rademacher) {
  const std::int64_t n = at.batch, m = projections;
  const ScorePlan plan(engine, net, n, projections, distribution);
  Queue queue(engine, plan.workspace_bytes());
  const Array param_array(engine, params, net.param_count()), x(engine, at.x, {n, kDim}), sigma(engine, at.sigma, n),
      v(engine, at.directions, {m, n, kDim});
  Array score(engine, {n, kDim}), jvp(engine, {m, n, kDim}), divergence(engine, n), estimate(engine, n),
      log_density(engine, n);
  ScorePlan::In in{param_array, {x}};
  if (uses_sigma(net.parameterization, net.conditioning)) in.batch.sigma = sigma;
  in.batch.directions = v;
  in.batch.noise = at.noise;
  ScorePlan::Out out{score, jvp, divergence, estimate};
  if (net.kind == MlpShape::Kind::energy) out.log_density = log_density;
  plan.run(queue, in, out);
  return {score.read(queue), jvp.read(queue), divergence.read(queue), estimate.read(queue), log_density.read(queue)};
}

Points random_points(std::int64_t n, int projections, unsigned seed) {
  return {n,
          uniform_values(n * kDim, seed),
          uniform_values(n, seed + 1, 0.3, 1.5),
          normal_values(n * kDim * projections, seed + 2),
          {}};
}

std::vector<Tracked> stored(const Vector& values, std::size_t first, std::size_t count) {
  std::vector<Tracked> result;
  for (std::size_t i = first; i < first + count; ++i) result.push_back(Tracked::stored(values[i]));
  return result;
}

class Score : public EngineTest {
 protected:
  /// Tracked counts roundings of 2^-24. The engine rounds its outputs once more.
  double allowed(const Tracked& t) const {
    return (t.error + kFloatUnit * std::abs(t.value)) * unit_roundoff(engine) / kFloatUnit;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Score, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(Score, AndItsProductsAreTheFormulas) {
  constexpr std::size_t kBatch = 70, kProjections = 3;
  unsigned seed = 0;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(name_of(net.parameterization.kind));
    const Vector params = uniform_values(net.param_count(), ++seed, -0.6, 0.6);
    const Points at = random_points(kBatch, kProjections, seed += 3);
    const Scores got = scores(engine, net, params, at, kProjections);
    const std::vector<Tracked> tracked = stored(params, 0, params.size());
    const reference::Mlp<Tracked> mlp(net, tracked.data());
    for (std::size_t n = 0; n < kBatch; ++n) {
      std::vector<std::vector<Tracked>> v;
      for (std::size_t m = 0; m < kProjections; ++m) v.push_back(stored(at.directions, (m * kBatch + n) * kDim, kDim));
      const auto x = stored(at.x, n * kDim, kDim);
      const Tracked sigma = Tracked::stored(at.sigma[n]);
      const auto jet = reference::score_forward(net, mlp, x, sigma, v);
      const auto full = reference::score_forward(net, mlp, x, sigma, reference::basis<Tracked>(kDim));
      Tracked trace, estimate;
      for (std::size_t i = 0; i < kDim; ++i) {
        ASSERT_NEAR(got.score[n * kDim + i], jet.score[i].value, allowed(jet.score[i]));
        trace = trace + full.jvp[i][i];
      }
      for (std::size_t m = 0; m < kProjections; ++m) {
        for (std::size_t i = 0; i < kDim; ++i)
          ASSERT_NEAR(got.jvp[(m * kBatch + n) * kDim + i], jet.jvp[m][i].value, allowed(jet.jvp[m][i]));
        // An estimate uses J v as it is written, which is one more rounding. The product with 1 adds it.
        estimate = estimate + Tracked::stored(1) * reference::dot(v[m], jet.jvp[m]) * Tracked(1.0 / kProjections);
      }
      if (net.kind == MlpShape::Kind::energy) {
        ASSERT_NEAR(got.log_density[n], jet.log_density.value, allowed(jet.log_density));
      }
      ASSERT_NEAR(got.divergence[n], trace.value, allowed(trace));
      ASSERT_NEAR(got.estimate[n], estimate.value, allowed(estimate));
    }
  }
}

// More directions than pass through a network together, and the estimate alone, which an energy net computes
// differently.
TEST_P(Score, ManyDirectionsAndTheEstimateAlone) {
  constexpr std::size_t kBatch = 3, kProjections = 19;
  unsigned seed = 50;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(name_of(net.parameterization.kind));
    const Vector params = uniform_values(net.param_count(), ++seed, -0.6, 0.6);
    const Points at = random_points(kBatch, kProjections, seed += 3);
    const Scores got = scores(engine, net, params, at, kProjections);
    const ScorePlan plan(engine, net, kBatch, kProjections);
    Queue queue(engine, plan.workspace_bytes());
    const Array param_array(engine, params, net.param_count()), x(engine, at.x, {kBatch, kDim}),
        sigma(engine, at.sigma, kBatch), v(engine, at.directions, {kProjections, kBatch, kDim});
    Array estimate(engine, kBatch);
    ScorePlan::In in{param_array, {x}};
    if (uses_sigma(net.parameterization, net.conditioning)) in.batch.sigma = sigma;
    in.batch.directions = v;
    ScorePlan::Out out;
    out.divergence_estimate = estimate;
    plan.run(queue, in, out);
    const Vector alone = estimate.read(queue);
    const std::vector<Tracked> tracked = stored(params, 0, params.size());
    const reference::Mlp<Tracked> mlp(net, tracked.data());
    for (std::size_t n = 0; n < kBatch; ++n) {
      std::vector<std::vector<Tracked>> directions;
      for (std::size_t m = 0; m < kProjections; ++m)
        directions.push_back(stored(at.directions, (m * kBatch + n) * kDim, kDim));
      const auto jet =
          reference::score_forward(net, mlp, stored(at.x, n * kDim, kDim), Tracked::stored(at.sigma[n]), directions);
      Tracked wanted;
      for (std::size_t m = 0; m < kProjections; ++m) {
        for (std::size_t i = 0; i < kDim; ++i)
          ASSERT_NEAR(got.jvp[(m * kBatch + n) * kDim + i], jet.jvp[m][i].value, allowed(jet.jvp[m][i]));
        wanted = wanted + Tracked::stored(1) * reference::dot(directions[m], jet.jvp[m]) * Tracked(1.0 / kProjections);
      }
      ASSERT_NEAR(got.estimate[n], wanted.value, allowed(wanted));
      ASSERT_NEAR(alone[n], wanted.value, allowed(wanted));
    }
  }
}

// <u, J v> from the forward pass, and <J^T u, v> from Esm's gradient in x at true_score = s - u, where Esm's gradient
// in s is u. true_score contains s as it was written, so s cancels except for roundings of its size, which J^T
// propagates.
TEST_P(Score, ForwardAndBackwardAreAdjoint) {
  constexpr std::size_t kBatch = 100;
  unsigned seed = 100;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(name_of(net.parameterization.kind));
    const Vector params = uniform_values(net.param_count(), ++seed, -0.6, 0.6);
    const Points at = random_points(kBatch, 1, seed += 3);
    const Vector u = normal_values(kBatch * kDim, ++seed);
    const Scores forward = scores(engine, net, params, at, 1);
    LossCase c{net, {Esm{}}, kBatch, params, at.x, {}, {}, {}, forward.score, {}};
    if (uses_sigma(net.parameterization, net.conditioning)) c.sigma = at.sigma;
    for (std::size_t i = 0; i < u.size(); ++i) c.true_score[i] -= u[i];
    if (engine.kind() != Engine::Kind::reference)
      for (double& each : c.true_score) each = as_float(each);
    const Vector back = evaluate(engine, c).grad_x;  // divided by kBatch

    const std::vector<Tracked> tracked = stored(params, 0, params.size());
    for (std::size_t n = 0; n < kBatch; ++n) {
      double left = 0, right = 0;
      for (std::size_t i = n * kDim; i < (n + 1) * kDim; ++i) {
        left += u[i] * forward.jvp[i];
        right += static_cast<double>(kBatch) * back[i] * at.directions[i];
      }
      reference::Sample<Tracked> sample;
      sample.x = stored(at.x, n * kDim, kDim);
      sample.sigma = Tracked::stored(at.sigma[n]);
      sample.true_score = stored(c.true_score, n * kDim, kDim);
      std::vector<Tracked> unused(params.size());
      const auto esm = reference::sample_loss(net, c.loss, tracked.data(), sample, 1.0, unused.data());
      const auto jet = reference::score_forward(net, reference::Mlp<Tracked>(net, tracked.data()), sample.x,
                                                sample.sigma, {stored(at.directions, n * kDim, kDim)});
      const Tracked want_left = reference::dot(stored(u, n * kDim, kDim), jet.jvp[0]),
                    want_right = reference::dot(esm.grad_x, stored(at.directions, n * kDim, kDim));
      ASSERT_NEAR(left, right, 2 * allowed(want_left) + 2 * allowed(want_right));
    }
  }
}

TEST_P(Score, DrawsTheDirectionsOfTheDirectionPlan) {
  constexpr std::int64_t kBatch = 70;
  const MlpShape net = networks()[3];
  const Vector params = uniform_values(net.param_count(), 200);
  const NoiseState noise(engine, {5, 6, 7});
  for (const Projection distribution : values_of<Projection>()) {
    if (distribution == Projection::orthogonal && engine.kind() == Engine::Kind::cuda) continue;  // refused
    Points drawn = random_points(kBatch, 0, 201), given = drawn;
    drawn.noise = noise.from(3);
    Array v(engine, {2, kBatch, kDim});
    Queue queue(engine, 0);
    DirectionPlan(engine, kDim, 2, distribution, kBatch).run(queue, noise.from(3), v);
    given.directions = v.read(queue);
    const Scores a = scores(engine, net, params, drawn, 2, distribution),
                 b = scores(engine, net, params, given, 2, distribution);
    EXPECT_EQ(a.jvp, b.jvp);
    EXPECT_EQ(a.estimate, b.estimate);
  }
}

// The mean of many estimates at one point is its divergence (Hutchinson 1990).
TEST_P(Score, EstimatesTheDivergenceWithoutBias) {
  const std::int64_t batch = engine.kind() == Engine::Kind::cpu ? 32000 : 8000;
  const MlpShape net = networks()[3];
  const Vector params = uniform_values(net.param_count(), 300);
  Points at = random_points(1, 0, 301);
  const Vector x = at.x;
  at.batch = batch;
  at.sigma.assign(static_cast<std::size_t>(batch), at.sigma[0]);
  while (at.x.size() < static_cast<std::size_t>(batch) * kDim) at.x.insert(at.x.end(), x.begin(), x.end());
  const NoiseState noise(engine, 8);
  at.noise = noise;
  for (const Projection distribution : values_of<Projection>()) {
    if (distribution == Projection::orthogonal && engine.kind() == Engine::Kind::cuda) continue;  // refused
    const Scores got = scores(engine, net, params, at, 2, distribution);
    const Moments m = moments(got.estimate);
    EXPECT_NEAR(m.mean, got.divergence[0], kSigmas * m.mean_error());
    EXPECT_LT(kSigmas * m.mean_error(), 0.25 * std::abs(got.divergence[0]));  // otherwise the test could not fail
  }
}

}  // namespace
}  // namespace scorematch::testing_support
