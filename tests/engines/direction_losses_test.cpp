// loss_per_direction: each is the loss with that direction alone, and their mean is the loss of the sample.
#include <gtest/gtest.h>

#include <cmath>

#include "model/names.h"
#include "scorematch/head.h"
#include "scorematch/perturbation.h"
#include "support/engine_test.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

struct Losses {
  Vector per_direction, per_sample, grad, grad_x;  // [M, N], [N], [P], [N, d]
};

Losses run(const Engine& engine, const LossCase& p, bool each, Compute compute = {}) {
  const std::int64_t n = p.batch, d = p.net.dim, m = needs_of(p.loss.objective).projections;
  const LossPlan plan(engine, p.net, p.loss, n, compute);
  Queue queue(engine, plan.workspace_bytes());
  const Array params(engine, p.params, p.net.param_count()), x(engine, p.x, {n, d}), sigma(engine, p.sigma, n),
      eps(engine, p.eps, {n, d}), directions(engine, p.directions, {m, n, d}), weight(engine, p.weight, n);
  Array per_direction(engine, {m, n + 3}), per_sample(engine, n), grad(engine, p.net.param_count()),
      grad_x(engine, {n, d});
  LossPlan::In in{params, {x}};
  in.batch.sigma = sigma, in.batch.eps = eps, in.batch.directions = directions, in.batch.weight = weight;
  LossPlan::Out out;
  out.loss_per_sample = per_sample, out.grad = grad, out.grad_x = grad_x;
  if (each) {  // with a row stride
    out.loss_per_direction = per_direction.view();
    out.loss_per_direction.shape = {m, n};
  }
  plan.run(queue, in, out);
  const Vector padded = per_direction.read(queue);
  Vector dense;
  for (std::int64_t k = 0; k < m; ++k)
    dense.insert(dense.end(), padded.begin() + k * (n + 3), padded.begin() + k * (n + 3) + n);
  return {dense, per_sample.read(queue), grad.read(queue), grad_x.read(queue)};
}

class DirectionLosses : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, DirectionLosses, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

/// A batch of several tiles and a remainder; more directions than a group on the layered route has.
LossCase sliced_case(MlpShape::Kind kind, const Objective& objective, std::int64_t batch) {
  MlpShape net = MlpShape::score(5, {16, 16});
  net.kind = kind;
  net.parameterization = parameterization::Edm{0.5};
  net.conditioning = conditioning::LogSigma{};
  LossCase p = random_case(net, {objective, {}, weighting::Edm{0.5}}, batch, 31);
  for (double& each : p.params) each *= 0.3;
  p.weight = uniform_values(batch, 40, 0.5, 2);
  return p;
}

std::vector<std::pair<std::string, Compute>> routes(const Engine& engine, MlpShape::Kind kind) {
  std::vector<std::pair<std::string, Compute>> all = {{"automatic", {}}};
  if (engine.kind() == Engine::Kind::cuda && kind == MlpShape::Kind::score)
    all = {{"fused", {Precision::fp32, Route::fused}}, {"layered", {Precision::fp32, Route::layered}}};
  return all;
}

// A sum of M terms of the size of the largest, and products of its own for each direction.
TEST_P(DirectionLosses, AreThoseOfEachAloneAndHaveTheLossAsTheirMean) {
  constexpr std::size_t kM = 10;
  const std::int64_t n = engine.kind() == Engine::Kind::cuda ? 37 : 150;
  for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy})
    for (const bool reduced : {false, true}) {
      const auto objective = [&](int m) { return reduced ? Objective(SsmVr{m}) : Objective(Ssm{m}); };
      const LossCase p = sliced_case(kind, objective(kM), n);
      for (const auto& [route, compute] : routes(engine, kind)) {
        SCOPED_TRACE(std::string(name_of(kind)) + " " + name_of(p.loss.objective) + " " + route);
        const Losses got = run(engine, p, true, compute), without = run(engine, p, false, compute);
        EXPECT_EQ(got.per_sample, without.per_sample);
        EXPECT_EQ(got.grad, without.grad);
        EXPECT_EQ(got.grad_x, without.grad_x);
        double size = 0;
        for (const double each : got.per_direction) size = std::max(size, std::abs(each));
        const double tolerance = 256 * unit_roundoff(engine) * size;
        const auto count = static_cast<std::size_t>(n);
        for (std::size_t i = 0; i < count; ++i) {
          double mean = 0;
          for (std::size_t m = 0; m < kM; ++m) mean += got.per_direction[m * count + i] / kM;
          ASSERT_NEAR(mean, got.per_sample[i], tolerance) << i;
        }
        for (const std::size_t m : {std::size_t{0}, std::size_t{7}, std::size_t{9}}) {
          LossCase alone = p;
          alone.loss.objective = objective(1);
          const auto begin = p.directions.begin() + static_cast<std::ptrdiff_t>(m * count * 5);
          alone.directions.assign(begin, begin + static_cast<std::ptrdiff_t>(count * 5));
          const Vector want = run(engine, alone, false, compute).per_sample;
          for (std::size_t i = 0; i < count; ++i)
            ASSERT_NEAR(got.per_direction[m * count + i], want[i], tolerance) << m << " " << i;
        }
      }
    }
}

TEST_P(DirectionLosses, OfAHeadAreThoseOfTheLoss) {
  constexpr std::int64_t kBatch = 70, kDim = 5, kM = 10;
  for (const Objective& objective : {Objective(Ssm{kM}), Objective(SsmVr{kM})}) {
    SCOPED_TRACE(name_of(objective));
    const HeadPlan plan(engine, kDim, {objective}, kBatch, parameterization::Edm{0.5});
    Queue queue(engine, plan.workspace_bytes());
    const Array x(engine, uniform_values(kBatch * kDim, 1), {kBatch, kDim}),
        sigma(engine, uniform_values(kBatch, 2, 0.3, 1.5), kBatch),
        eps(engine, normal_values(kBatch * kDim, 3), {kBatch, kDim}),
        v(engine, normal_values(kM * kBatch * kDim, 4), {kM, kBatch, kDim}),
        output(engine, normal_values(kBatch * kDim, 5), {kBatch, kDim}),
        jvp(engine, normal_values(kM * kBatch * kDim, 6), {kM, kBatch, kDim});
    Array per_direction(engine, {kM, kBatch}), per_sample(engine, kBatch);
    HeadPlan::In in;
    in.batch.x = x, in.batch.sigma = sigma, in.batch.eps = eps, in.batch.directions = v;
    in.output = output, in.jvp = jvp;
    HeadPlan::Out out;
    out.loss_per_direction = per_direction, out.loss_per_sample = per_sample;
    plan.run(queue, in, out);
    const Vector each = per_direction.read(queue), all = per_sample.read(queue),
                 points = uniform_values(kBatch * kDim, 1), levels = uniform_values(kBatch, 2, 0.3, 1.5),
                 noise = normal_values(kBatch * kDim, 3), directions = normal_values(kM * kBatch * kDim, 4),
                 f = normal_values(kBatch * kDim, 5), products = normal_values(kM * kBatch * kDim, 6);
    for (std::size_t n = 0; n < kBatch; ++n) {
      const double s2 = levels[n] * levels[n], a = -1 / (s2 + 0.25), c = 1 / std::sqrt(s2 + 0.25),
                   b = 0.5 / levels[n] * c;
      double score_square = 0, mean = 0;
      Vector score;
      for (std::size_t i = n * kDim; i < (n + 1) * kDim; ++i) {
        score.push_back(a * (points[i] + levels[n] * noise[i]) + b * f[i]);
        score_square += score.back() * score.back() / 2;
      }
      for (std::size_t m = 0; m < kM; ++m) {
        double along = 0, slice = 0, size = 1;
        for (std::size_t i = 0; i < kDim; ++i) {
          const std::size_t at = (m * kBatch + n) * kDim + i;
          const double product = a * directions[at] + b * c * products[at];
          along += directions[at] * product;
          slice += directions[at] * score[i];
          size += std::abs(directions[at] * product) + score[i] * score[i] + std::abs(directions[at] * score[i]);
        }
        const double want = along + (kind_of(objective) == ObjectiveKind::ssm ? slice * slice / 2 : score_square);
        ASSERT_NEAR(each[m * kBatch + n], want, 64 * unit_roundoff(engine) * size * size) << n << " " << m;
        mean += each[m * kBatch + n] / kM;
      }
      ASSERT_NEAR(mean, all[n], 64 * unit_roundoff(engine) * (1 + score_square) * kM) << n;
    }
  }
}

TEST_P(DirectionLosses, AreRefusedForOtherObjectives) {
  const MlpShape net = MlpShape::score(3, {4});
  for (const Objective& objective : {Objective(Ism{}), Objective(Dsm{})}) {
    const LossCase p = random_case(net, {objective}, 4, 1);
    const LossPlan plan(engine, net, p.loss, 4);
    Queue queue(engine, plan.workspace_bytes());
    const Array params(engine, p.params, net.param_count()), x(engine, p.x, {4, 3}), sigma(engine, p.sigma, 4),
        eps(engine, p.eps, {4, 3});
    Array losses(engine, {3, 4});
    LossPlan::In in{params, {x}};
    in.batch.sigma = sigma, in.batch.eps = eps;
    LossPlan::Out out;
    out.loss_per_direction = losses;
    try {
      plan.run(queue, in, out);
      FAIL() << name_of(objective);
    } catch (const Error& error) {
      EXPECT_EQ(error.argument(), std::string("loss_per_direction"));
      EXPECT_NE(std::string(error.what()).find("only sliced objectives have it"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
