// Energy nets on the reference: the score is the gradient of the log-density and its Jacobian is symmetric. A network
// of zeros has closed forms, and a network with one hidden layer equals the score net whose activation is the
// derivative.
#include <gtest/gtest.h>

#include <cmath>

#include "reference/sample.h"
#include "scorematch/score.h"
#include "support/affine.h"
#include "support/differences.h"
#include "support/dual.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

std::vector<Parameterization> parameterizations() {
  return {parameterization::Plain{}, parameterization::Ncsn{}, parameterization::NoisePrediction{},
          parameterization::Edm{0.7}};
}

MlpShape energy(int dim, std::vector<int> hidden, Activation activation, const Parameterization& parameterization,
                bool conditioned) {
  MlpShape net = MlpShape::energy(dim, std::move(hidden), activation);
  net.parameterization = parameterization;
  if (conditioned) net.conditioning = conditioning::Fourier{{0.4, -0.9}};
  return net;
}

struct Values {
  Vector score, log_density, jvp;
};

/// The outputs of ScorePlan; jvp is along `v`.
Values values(const MlpShape& net, const Vector& params, const Vector& x, double sigma, const Vector& v) {
  const Engine engine = Engine::reference();
  const auto n = static_cast<std::int64_t>(x.size()) / net.dim;
  const ScorePlan plan(engine, net, n, 1);
  Queue queue(engine, plan.workspace_bytes());
  const Array param_array(engine, params, net.param_count()), x_array(engine, x, {n, net.dim}),
      sigma_array(engine, Vector{sigma}, 1), directions(engine, v, {1, n, net.dim});
  Array score(engine, {n, net.dim}), jvp(engine, {1, n, net.dim}), log_density(engine, n);
  ScorePlan::In in{param_array, {x_array}};
  if (uses_sigma(net.parameterization, net.conditioning)) in.batch.sigma = sigma_array;
  in.batch.directions = directions;
  ScorePlan::Out out;
  out.score = score, out.jvp = jvp, out.log_density = log_density;
  plan.run(queue, in, out);
  return {score.read(queue), log_density.read(queue), jvp.read(queue)};
}

TEST(Energy, ScoreIsTheGradientOfTheLogDensity) {
  unsigned seed = 0;
  for (const Activation activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
    for (const Parameterization& parameterization : parameterizations())
      for (const bool conditioned : {false, true}) {
        MlpShape net = energy(3, {5, 5, 4}, activation, parameterization, conditioned);
        net.residual = conditioned;
        const Vector params = uniform_values(net.param_count(), ++seed), v = normal_values(3, ++seed);
        Vector x = uniform_values(3, ++seed, -2, 2);
        const Vector got = values(net, params, x, 0.6, v).score;
        Vector want;
        for (double& each : x)
          want.push_back(central_difference(each, [&] { return values(net, params, x, 0.6, v).log_density[0]; }));
        expect_close(got, want, 1e-7);

        std::vector<Dual> dual_params, dual_x;
        for (const double each : params) dual_params.emplace_back(each);
        for (const double each : x) dual_x.emplace_back(each);
        for (std::size_t i = 0; i < 3; ++i) {
          dual_x[i].slope = 1;
          const auto jet =
              reference::score_forward(net, reference::Mlp<Dual>(net, dual_params.data()), dual_x, Dual(0.6), {});
          dual_x[i].slope = 0;
          EXPECT_NEAR(jet.log_density.slope, got[i], 1e-13 * (1 + std::abs(got[i])));
        }
      }
}

TEST(Energy, JacobianIsSymmetric) {
  unsigned seed = 500;
  for (const Parameterization& parameterization : parameterizations()) {
    const MlpShape net = energy(4, {6, 6}, Activation::silu, parameterization, true);
    const Vector params = uniform_values(net.param_count(), ++seed), x = uniform_values(4, ++seed),
                 u = normal_values(4, ++seed), v = normal_values(4, ++seed);
    const double left = dot(u, values(net, params, x, 0.6, v).jvp), right = dot(v, values(net, params, x, 0.6, u).jvp);
    EXPECT_NEAR(left, right, 1e-13 * (1 + std::abs(left)));
  }
}

// If all parameters are zero, f = a |x|^2 / 2, which is a Gaussian of variance sigma^2 + sigma_data^2, and s = a x.
TEST(Energy, AZeroNetworkIsTheGaussianOfItsParameterization) {
  const Engine engine = Engine::reference();
  const double sigma_data = 0.7;
  for (const auto& [name, objective] : objectives()) {
    SCOPED_TRACE(name);
    LossCase c =
        random_case(energy(3, {4}, Activation::gelu, parameterization::Edm{sigma_data}, false), {objective}, 5, 1000);
    c.params.assign(c.params.size(), 0.0);
    const Evaluation got = evaluate(engine, c);
    for (std::int64_t n = 0; n < c.batch; ++n) {
      const Point at = point_of(c, n);
      Affine s{Vector(9, 0.0), Vector(3, 0.0)};
      const double a = -1 / (at.sigma * at.sigma + sigma_data * sigma_data);
      for (std::size_t i = 0; i < 3; ++i) s.a[i * 4] = a;
      const Expected want = expected(objective, s, at);
      const auto row = static_cast<std::size_t>(n);
      EXPECT_NEAR(got.per_sample[row], want.loss, 64 * 0x1p-53 * want.loss_size);
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(static_cast<double>(c.batch) * got.grad_x[row * 3 + i], want.grad_x[i],
                    64 * 0x1p-53 * want.grad_x_size[i]);
    }
  }
}

// F = w.softplus(W z + b) has the gradient W^T (w o sigmoid(W z + b)), and sigmoid(t) = 1/2 + 1/2 tanh(t/2). This is
// the score net 1/2 W^T diag(w) tanh(W/2 z + b/2) + 1/2 W^T w, whose last layer uses the columns of W that belong to x.
TEST(Energy, OneLayerOfSoftplusIsAScoreNetOfTanh) {
  const Engine engine = Engine::reference();
  unsigned seed = 2000;
  for (const auto& [name, objective] : objectives())
    for (const Parameterization& parameterization : parameterizations()) {
      SCOPED_TRACE(name);
      constexpr int kDim = 3, kWidth = 6;
      LossCase c =
          random_case(energy(kDim, {kWidth}, Activation::softplus, parameterization, true), {objective}, 4, seed += 10);
      const auto layers = c.net.layers();
      const auto in = static_cast<std::size_t>(layers[0].in);
      LossCase same = c;
      same.net = MlpShape::score(kDim, {kWidth}, Activation::tanh);
      same.net.parameterization = c.net.parameterization, same.net.conditioning = c.net.conditioning;
      const auto score_layers = same.net.layers();
      same.params.assign(static_cast<std::size_t>(same.net.param_count()), 0.0);
      for (std::size_t j = 0; j < kWidth; ++j) {
        const double w = c.params[static_cast<std::size_t>(layers[1].weight) + j];
        for (std::size_t k = 0; k < in; ++k) same.params[j * in + k] = 0.5 * c.params[j * in + k];
        same.params[static_cast<std::size_t>(score_layers[0].bias) + j] =
            0.5 * c.params[static_cast<std::size_t>(layers[0].bias) + j];
        for (std::size_t i = 0; i < kDim; ++i) {
          const double each = 0.5 * w * c.params[j * in + i];
          same.params[static_cast<std::size_t>(score_layers[1].weight) + i * kWidth + j] = each;
          same.params[static_cast<std::size_t>(score_layers[1].bias) + i] += each;
        }
      }
      const Evaluation got = evaluate(engine, c), want = evaluate(engine, same);
      expect_close(got.per_sample, want.per_sample, 1e-12);
      expect_close(got.grad_x, want.grad_x, 1e-12);
    }
}

TEST(Energy, OutputBiasHasNoGradient) {
  const Engine engine = Engine::reference();
  for (const auto& [name, objective] : objectives()) {
    SCOPED_TRACE(name);
    const LossCase c =
        random_case(energy(2, {4, 4}, Activation::silu, parameterization::Edm{0.5}, true), {objective}, 3, 3000);
    EXPECT_EQ(evaluate(engine, c).grad.back(), 0.0);
  }
}

}  // namespace
}  // namespace scorematch::testing_support
