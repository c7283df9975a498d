// The derivatives of the reference: gradients and Jacobian products against dual numbers and central differences, and
// forward against backward products.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "model/names.h"
#include "reference/sample.h"
#include "scorematch/score.h"
#include "support/differences.h"
#include "support/dual.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

std::vector<Dual> duals(const Vector& values) {
  std::vector<Dual> result;
  for (const double each : values) result.emplace_back(each);
  return result;
}

/// A small network of every kind.
std::vector<MlpShape> networks() {
  std::vector<MlpShape> nets;
  for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy})
    for (const Activation activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
      for (int parameterization = 0; parameterization < 4; ++parameterization)
        for (int conditioning = 0; conditioning < 3; ++conditioning)
          for (const bool residual : {false, true}) {
            MlpShape net = MlpShape::score(3, {4, 4, 3}, activation);
            net.kind = kind;
            if (parameterization == 1) net.parameterization = parameterization::Ncsn{};
            if (parameterization == 2) net.parameterization = parameterization::NoisePrediction{};
            if (parameterization == 3) net.parameterization = parameterization::Edm{0.7};
            if (conditioning == 1) net.conditioning = conditioning::LogSigma{};
            if (conditioning == 2) net.conditioning = conditioning::Fourier{{0.4, -0.9}};
            net.residual = residual;
            nets.push_back(net);
          }
  return nets;
}

std::string describe(const MlpShape& net) {
  return std::string(net.kind == MlpShape::Kind::energy ? "energy, " : "") + "activation " +
         std::to_string(static_cast<int>(net.activation)) + ", parameterization " + name_of(net.parameterization.kind) +
         ", conditioning " + name_of(net.conditioning.kind) + (net.residual ? ", residual" : "");
}

// ---- activations

// The tolerance is absolute because the derivatives of silu and gelu cross zero. Their terms are below max(1, |z|).
TEST(Activations, DerivativesMatchDualNumbers) {
  for (const Activation activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
    for (double z = -40; z <= 40; z += 0.0625) {
      const auto phi = reference::activate(activation, Dual(z, 1));
      const double tolerance = 8 * 0x1p-53 * std::max(1.0, std::abs(z));
      ASSERT_NEAR(phi.value.slope, phi.first.value, tolerance) << static_cast<int>(activation) << " at " << z;
      ASSERT_NEAR(phi.first.slope, phi.second.value, 4 * tolerance) << static_cast<int>(activation) << " at " << z;
      ASSERT_NEAR(phi.second.slope, phi.third.value, 16 * tolerance) << static_cast<int>(activation) << " at " << z;
    }
}

// ---- gradients of the loss

class Gradients : public testing::TestWithParam<std::pair<std::string, Objective>> {
 protected:
  /// Cycles through the weightings.
  Loss loss_for(std::size_t turn) const {
    Loss loss{GetParam().second};
    if (turn % 3 == 1) loss.weighting = weighting::Sigma2{};
    if (turn % 3 == 2) loss.weighting = weighting::Edm{0.7};
    return loss;
  }
};
INSTANTIATE_TEST_SUITE_P(Objectives, Gradients, testing::ValuesIn(objectives()),
                         [](const auto& info) { return info.param.first; });

template <class T>
reference::Sample<T> sample_of_case(const LossCase& c, const std::function<std::vector<T>(const Vector&)>& convert) {
  reference::Sample<T> sample;
  sample.x = convert(c.x);
  sample.sigma = T(c.sigma[0]);
  sample.eps = convert(c.eps);
  sample.true_score = convert(c.true_score);
  for (std::size_t m = 0; m < c.directions.size() / c.x.size(); ++m)
    sample.directions.push_back(convert({c.directions.begin() + static_cast<std::ptrdiff_t>(m * c.x.size()),
                                         c.directions.begin() + static_cast<std::ptrdiff_t>((m + 1) * c.x.size())}));
  return sample;
}

TEST_P(Gradients, MatchDualNumbers) {
  std::size_t turn = 0;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(describe(net));
    const LossCase c = random_case(net, loss_for(turn), 1, static_cast<unsigned>(100 + turn));
    ++turn;
    Vector grad(c.params.size(), 0.0);
    const auto sample = sample_of_case<double>(c, [](const Vector& v) { return v; });
    const auto result = reference::sample_loss(net, c.loss, c.params.data(), sample, 1.0, grad.data());

    std::vector<Dual> params = duals(c.params), unused(params.size());
    auto dual_sample = sample_of_case<Dual>(c, duals);
    const auto slope_along = [&](Dual& number) {
      number.slope = 1;
      const double slope =
          reference::sample_loss(net, c.loss, params.data(), dual_sample, 1.0, unused.data()).loss.slope;
      number.slope = 0;
      return slope;
    };
    Vector want, want_x;
    for (Dual& each : params) want.push_back(slope_along(each));
    for (Dual& each : dual_sample.x) want_x.push_back(slope_along(each));
    expect_close(grad, want, 1e-12);
    expect_close(result.grad_x, want_x, 1e-12);
  }
}

TEST_P(Gradients, MatchCentralDifferences) {
  const Engine engine = Engine::reference();
  std::size_t turn = 0;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(describe(net));
    LossCase c = random_case(net, loss_for(turn), 2, static_cast<unsigned>(500 + turn));
    ++turn;
    const Evaluation got = evaluate(engine, c);
    const auto loss = [&] { return evaluate(engine, c).loss.mean; };
    Vector want, want_x;
    for (double& each : c.params) want.push_back(central_difference(each, loss));
    for (double& each : c.x) want_x.push_back(central_difference(each, loss));
    expect_close(got.grad, want, 1e-6);
    expect_close(got.grad_x, want_x, 1e-6);
  }
}

// ---- the score and its Jacobian

/// The outputs of ScorePlan on the reference.
struct Scores {
  Vector score, jvp, divergence, estimate;
};

Scores scores(const MlpShape& net, const Vector& params, const Vector& x, double sigma, const Vector& directions) {
  const Engine engine = Engine::reference();
  const auto n = static_cast<std::int64_t>(x.size()) / net.dim;
  const auto count = static_cast<std::int64_t>(directions.size() / x.size());
  const ScorePlan plan(engine, net, n, static_cast<int>(count));
  Queue queue(engine, plan.workspace_bytes());
  const Array param_array(engine, params, net.param_count()), x_array(engine, x, {n, net.dim}),
      sigma_array(engine, Vector{sigma}, 1), v(engine, directions, {count, n, net.dim});
  Array score(engine, {n, net.dim}), jvp(engine, {count, n, net.dim}), divergence(engine, n), estimate(engine, n);
  ScorePlan::In in{param_array, {x_array}};
  if (uses_sigma(net.parameterization, net.conditioning)) in.batch.sigma = sigma_array;
  in.batch.directions = v;
  plan.run(queue, in, {score, jvp, divergence, estimate});
  return {score.read(queue), jvp.read(queue), divergence.read(queue), estimate.read(queue)};
}

TEST(Jacobian, ProductsMatchDualNumbersAndCentralDifferences) {
  unsigned seed = 1000;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(describe(net));
    const Vector params = uniform_values(net.param_count(), ++seed), v = normal_values(3, ++seed);
    Vector x = uniform_values(3, ++seed);
    const double sigma = 0.6;
    const Vector got = scores(net, params, x, sigma, v).jvp;

    const std::vector<Dual> dual_params = duals(params);
    std::vector<Dual> dual_x;
    for (std::size_t i = 0; i < 3; ++i) dual_x.emplace_back(x[i], v[i]);
    Vector exact, difference;
    for (const Dual& each :
         reference::score_forward(net, reference::Mlp<Dual>(net, dual_params.data()), dual_x, Dual(sigma), {}).score)
      exact.push_back(each.slope);
    expect_close(got, exact, 1e-12);

    const Vector start = x;
    double t = 0;
    for (std::size_t i = 0; i < 3; ++i)
      difference.push_back(central_difference(t, [&] {
        for (std::size_t j = 0; j < 3; ++j) x[j] = start[j] + t * v[j];
        return scores(net, params, x, sigma, v).score[i];
      }));
    expect_close(got, difference, 1e-6);
  }
}

TEST(Jacobian, DivergenceIsTheTraceAndTheEstimateIsTheMeanOfTheDirections) {
  unsigned seed = 2000;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(describe(net));
    constexpr std::int64_t kBatch = 3, kDim = 3;
    const Vector params = uniform_values(net.param_count(), ++seed), x = uniform_values(kBatch * kDim, ++seed);
    Vector basis(kDim * kBatch * kDim, 0.0);
    for (std::size_t m = 0; m < kDim; ++m)
      for (std::size_t n = 0; n < kBatch; ++n) basis[(m * kBatch + n) * kDim + m] = 1;
    const Scores got = scores(net, params, x, 0.6, basis);
    for (std::size_t n = 0; n < kBatch; ++n) {
      double trace = 0, size = 0;
      for (std::size_t m = 0; m < kDim; ++m) {
        trace += got.jvp[(m * kBatch + n) * kDim + m];
        size += std::abs(got.jvp[(m * kBatch + n) * kDim + m]);
      }
      EXPECT_NEAR(got.divergence[n], trace, 8 * 0x1p-53 * size);
      EXPECT_NEAR(got.estimate[n], trace / kDim, 8 * 0x1p-53 * size);
    }
  }
}

// <u, J v> from ScorePlan equals <J^T u, v> from Esm's gradient in x. Esm's gradient in s is s - true_score, which is
// u here.
TEST(Jacobian, ForwardAndBackwardAreAdjoint) {
  const Engine engine = Engine::reference();
  unsigned seed = 3000;
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(describe(net));
    LossCase c = random_case(net, {Esm{}}, 1, ++seed, false);
    c.sigma = {0.6};
    const bool sigma_used = uses_sigma(net.parameterization, net.conditioning);
    for (int pair = 0; pair < 4; ++pair) {
      const Vector u = normal_values(3, ++seed), v = normal_values(3, ++seed);
      const Scores forward = scores(net, c.params, c.x, c.sigma[0], v);
      c.true_score = forward.score;
      for (std::size_t i = 0; i < 3; ++i) c.true_score[i] -= u[i];
      LossCase given = c;
      if (!sigma_used) given.sigma.clear();
      const Vector back = evaluate(engine, given).grad_x;
      double left = 0, right = 0, size = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        left += u[i] * forward.jvp[i];
        right += back[i] * v[i];
        size += std::abs(u[i] * forward.jvp[i]) + std::abs(back[i] * v[i]);
      }
      EXPECT_NEAR(left, right, 1e-12 * size);
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
