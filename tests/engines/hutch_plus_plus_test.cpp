// Hutch++ in likelihoods: exact where its subspace holds the range of the Jacobian, unbiased elsewhere, the same for
// the caller's network, and refused on the cuda engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/names.h"
#include "scorematch/likelihood.h"
#include "support/engine_test.h"
#include "support/host_score.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

constexpr NoiseState::Position kAt{5, 6, 7};

class HutchPlusPluses : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, HutchPlusPluses, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

Likelihood options(int projections, Projection distribution = Projection::rademacher) {
  Likelihood likelihood;
  likelihood.sigma_min = 0.1, likelihood.sigma_max = 2, likelihood.steps = 4;
  likelihood.projections = projections, likelihood.distribution = distribution;
  return likelihood;
}

Likelihood hutch(int projections, Projection distribution = Projection::rademacher) {
  Likelihood likelihood = options(projections, distribution);
  likelihood.trace_estimator = TraceEstimator::hutch_plus_plus;
  return likelihood;
}

/// A linear score s = W x: a network without hidden layers whose input is x and ln sigma.
MlpShape linear_net(int dim) {
  MlpShape net = MlpShape::score(dim, {});
  net.conditioning = conditioning::LogSigma{};
  return net;
}

/// Parameters of linear_net: W = U V^T / 16 with U, V [dim, rank]. Multiples of 1/8, so that W is exact in float.
Vector low_rank_params(int dim, int rank) {
  const auto d = static_cast<std::size_t>(dim), r = static_cast<std::size_t>(rank);
  Vector u = normal_values(dim * rank, 51), v = normal_values(dim * rank, 52);
  for (Vector* values : {&u, &v})
    for (double& each : *values) each = std::round(8 * each) / 8;
  Vector params(d * (d + 1) + d, 0.0);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t k = 0; k < r; ++k) params[i * (d + 1) + j] += u[i * r + k] * v[j * r + k] / 16;
  return params;
}

/// @param context of all samples
Vector log_likelihoods(const Engine& engine, const LikelihoodPlan& plan, const Vector& params, const Vector& x, int dim,
                       const Vector& context = {}) {
  const std::int64_t n = static_cast<std::int64_t>(x.size()) / dim;
  Queue queue(engine, plan.workspace_bytes());
  const Array param_array(engine, params, static_cast<std::int64_t>(params.size())), at(engine, x, {n, dim});
  const NoiseState noise(engine, kAt);
  Array values(engine, n);
  Batch batch{at, noise};
  const Array columns(engine, context.empty() ? Vector{0} : context, {1, std::max<std::int64_t>(1, context.size())});
  if (!context.empty()) batch.context = columns;
  plan.run(queue, {param_array, batch}, {values});
  return values.read(queue);
}

const std::vector<Projection> kAll = {Projection::gaussian, Projection::rademacher,  Projection::sphere,
                                      Projection::hadamard, Projection::coordinates, Projection::orthogonal};

// The integral of a divergence that does not depend on x or sigma is linear in it, so roundings do not grow.
TEST_P(HutchPlusPluses, AreExactForJacobiansOfLowRank) {
  if (engine.kind() == Engine::Kind::cuda) GTEST_SKIP() << "refused";
  constexpr int kDim = 12, kRank = 3;
  const MlpShape net = linear_net(kDim);
  const Vector params = low_rank_params(kDim, kRank), x = normal_values(5 * kDim, 53);
  const Vector exact = log_likelihoods(engine, LikelihoodPlan(engine, net, options(0), 5), params, x, kDim);
  for (const Projection distribution : kAll) {
    const Vector got =
        log_likelihoods(engine, LikelihoodPlan(engine, net, hutch(3 * kRank, distribution), 5), params, x, kDim);
    for (std::size_t n = 0; n < exact.size(); ++n)
      EXPECT_NEAR(got[n], exact[n], 2048 * unit_roundoff(engine) * (1 + std::abs(exact[n]))) << name_of(distribution);
    // One vector less does not hold the range, except by chance.
    const Vector less =
        log_likelihoods(engine, LikelihoodPlan(engine, net, hutch(3 * (kRank - 1), distribution), 5), params, x, kDim);
    EXPECT_GT(std::abs(less[0] - exact[0]), 1e-4) << name_of(distribution);
  }
}

// A subspace of the whole dimension leaves nothing to estimate.
TEST_P(HutchPlusPluses, AreExactWithAllDimensions) {
  if (engine.kind() == Engine::Kind::cuda) GTEST_SKIP() << "refused";
  constexpr int kDim = 3;
  for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy}) {
    MlpShape net = MlpShape::score(kDim, {8});
    net.kind = kind;
    net.parameterization = parameterization::Edm{0.5};
    net.context = 2;
    const Vector params = uniform_values(net.param_count(), 54), x = normal_values(6 * kDim, 55), context = {0.5, -2};
    const Vector exact = log_likelihoods(engine, LikelihoodPlan(engine, net, options(0), 6), params, x, kDim, context),
                 got =
                     log_likelihoods(engine, LikelihoodPlan(engine, net, hutch(3 * kDim), 6), params, x, kDim, context);
    for (std::size_t n = 0; n < exact.size(); ++n)
      EXPECT_NEAR(got[n], exact[n], 4096 * unit_roundoff(engine) * (1 + std::abs(exact[n])));
  }
}

// F = W z, in groups of at most eight directions. With the EDM parameterization J = a I + b c W, whose part of I is not
// of low rank, so the subspace has all dimensions.
TEST_P(HutchPlusPluses, TakeTheCallersNetwork) {
  if (engine.kind() == Engine::Kind::cuda) GTEST_SKIP() << "refused";
  constexpr std::size_t kDim = 10;
  const Vector w = uniform_values(kDim * kDim, 58), x = normal_values(6 * kDim, 59);
  const auto product = [&w](Queue& queue, ConstView from, View to) {
    if (from.empty()) return;
    const Vector in = read(queue, from);
    Vector out(in.size(), 0.0);
    for (std::size_t n = 0; n < in.size(); n += kDim)
      for (std::size_t i = 0; i < kDim; ++i)
        for (std::size_t j = 0; j < kDim; ++j) out[n + i] += w[i * kDim + j] * in[n + j];
    if (to.dtype == DType::f64) return queue.write(to, out.data());
    queue.write(to, std::vector<float>(out.begin(), out.end()).data());
  };
  std::int64_t most = 0;
  OwnNetwork own;
  own.dim = kDim, own.parameterization = parameterization::Edm{0.5};
  own.evaluate = [&](Queue& queue, const NetworkCall& call) {
    if (!call.directions.empty()) most = std::max(most, call.directions.shape.extent[0]);
    product(queue, call.net_input, call.output);
    product(queue, call.directions, call.jvp);
  };
  for (const Projection distribution : {Projection::rademacher, Projection::hadamard}) {
    const Vector exact = log_likelihoods(engine, LikelihoodPlan(engine, own, options(0), 6), {}, x, kDim),
                 got = log_likelihoods(engine, LikelihoodPlan(engine, own, hutch(3 * kDim, distribution), 6), {}, x,
                                       kDim);
    for (std::size_t n = 0; n < exact.size(); ++n)
      EXPECT_NEAR(got[n], exact[n], 4096 * 0x1p-24 * (1 + std::abs(exact[n]))) << name_of(distribution);
  }
  EXPECT_EQ(most, 8);
}

// The spectrum 1, 1/4, 1/16, ... is where the subspace pays: its variance is far below Hutchinson's with as many
// products.
TEST_P(HutchPlusPluses, AreUnbiasedAndBetterForDecayingSpectra) {
  if (engine.kind() != Engine::Kind::cpu) GTEST_SKIP() << "too slow";
  constexpr int kDim = 10;
  constexpr std::int64_t kSamples = 3000;
  const MlpShape net = linear_net(kDim);
  Vector params(static_cast<std::size_t>(net.param_count()), 0.0);
  const Vector basis = normal_values(kDim * kDim, 56);
  for (std::size_t i = 0; i < kDim; ++i)
    for (std::size_t j = 0; j < kDim; ++j)
      for (std::size_t k = 0; k < kDim; ++k)
        params[i * (kDim + 1) + j] +=
            0.1 * std::pow(0.25, static_cast<double>(k)) * basis[k * kDim + i] * basis[k * kDim + j];
  const Vector one = normal_values(kDim, 57);
  Vector x;
  for (std::int64_t n = 0; n < kSamples; ++n) x.insert(x.end(), one.begin(), one.end());
  const double exact = log_likelihoods(engine, LikelihoodPlan(engine, net, options(0), kSamples), params, one, kDim)[0];
  const auto moments_of = [&](const Likelihood& likelihood) {
    return moments(log_likelihoods(engine, LikelihoodPlan(engine, net, likelihood, kSamples), params, x, kDim));
  };
  for (const Projection distribution : kAll) {
    const Moments got = moments_of(hutch(9, distribution));
    EXPECT_NEAR(got.mean, exact, kSigmas * got.mean_error() + 1e-4 * std::abs(exact)) << name_of(distribution);
    EXPECT_LT(got.variance, 0.1 * moments_of(options(9)).variance) << name_of(distribution);
  }
}

TEST_P(HutchPlusPluses, AreRefused) {
  const MlpShape net = linear_net(4);
  const auto refusal = [&](const Likelihood& likelihood) -> std::string {
    try {
      LikelihoodPlan(engine, net, likelihood, 8);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  if (engine.kind() == Engine::Kind::cuda) {
    EXPECT_EQ(refusal(hutch(3)),
              "likelihood.trace_estimator: expected hutchinson on the cuda engine, got hutch_plus_plus");
    return;
  }
  EXPECT_EQ(refusal(hutch(3)), "");
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  for (const int projections : {0, 1, 4})
    EXPECT_TRUE(contains(refusal(hutch(projections)), "likelihood.projections: expected a multiple of 3, at least 3"))
        << refusal(hutch(projections));
  EXPECT_TRUE(contains(refusal(hutch(15)), "at most 3 dim = 12")) << refusal(hutch(15));
  Likelihood unknown = options(3);
  unknown.trace_estimator = static_cast<TraceEstimator>(2);
  EXPECT_TRUE(contains(refusal(unknown), "trace_estimator: expected between 0 and 1, got 2")) << refusal(unknown);
  try {
    LikelihoodPlan(
        engine, 4, [](Queue&, ConstView, ConstView, View, View) {}, hutch(0), 8);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), "hutchinson, as the score function computes the divergence")) << error.what();
  }
}

}  // namespace
}  // namespace scorematch::testing_support
