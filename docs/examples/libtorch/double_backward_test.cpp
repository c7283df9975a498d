// Compares the library's losses and gradients with torch's: the same objective, written in torch's operations and
// differentiated through its derivatives (create_graph), for every objective, on score and energy nets. In float64, the
// reference engine must agree to 1e-9. In float32 the cpu engine is compared with torch in float64 by the criterion
// of docs/numerics.md, "Agreement of engines", with torch in float32 as the plain implementation:
//     rms(error) <= 6 rms(plain error) + 4 u rms(value)
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "mlp_module.h"
#include "module_network.h"
#include "score_matching_loss.h"
#include "scorematch/likelihood.h"
#include "scorematch/noise.h"
#include "scorematch/perturbation.h"

namespace torch_bridge {
namespace {

using torch::Tensor;
using Kind = sm::MlpShape::Kind;

constexpr int kDim = 5, kDirections = 2;
constexpr std::int64_t kBatch = 150;  // not a multiple of any tile

/// The inputs, of one element type.
struct Case {
  Tensor x, sigma, eps, directions, true_score;

  Case to(torch::ScalarType type) const {
    return {x.to(type), sigma.to(type), eps.to(type), directions.to(type), true_score.to(type)};
  }
};

/// The outputs.
struct Answer {
  Tensor loss, per_sample, grad, grad_x;
};

Tensor row_dot(const Tensor& a, const Tensor& b) { return (a * b).sum(-1); }

/// (ds/dx)^T v of every sample, to be differentiated again. [N, d]
Tensor transposed_product(const Tensor& s, const Tensor& x, const Tensor& v) {
  if (!s.requires_grad()) return torch::zeros_like(x);
  const Tensor product = torch::autograd::grad({(s * v).sum()}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true,
                                               /*allow_unused=*/true)[0];
  return product.defined() ? product : torch::zeros_like(x);
}

/// docs/math.md, "Objectives", with lambda = sigma^2. [N]
Tensor torch_losses(const sm::Objective& objective, Mlp& net, const Tensor& point, const Case& given) {
  const Tensor s = net->score(point, given.sigma), half_square = 0.5 * row_dot(s, s);
  Tensor loss;
  if (std::holds_alternative<sm::Esm>(objective)) {
    loss = 0.5 * (s - given.true_score).square().sum(1);
  } else if (std::holds_alternative<sm::Dsm>(objective)) {
    loss = 0.5 * (s + given.eps / given.sigma.unsqueeze(1)).square().sum(1);
  } else if (std::holds_alternative<sm::Ism>(objective)) {
    loss = half_square;
    for (std::int64_t i = 0; i < kDim; ++i) {
      Tensor basis = torch::zeros_like(s);
      basis.select(1, i).fill_(1);
      loss = loss + transposed_product(s, point, basis).select(1, i);
    }
  } else {
    loss = torch::zeros_like(half_square);
    for (std::int64_t m = 0; m < kDirections; ++m) {
      const Tensor v = given.directions[m];
      const bool reduced = std::holds_alternative<sm::SsmVr>(objective);
      loss =
          loss + row_dot(transposed_product(s, point, v), v) + (reduced ? half_square : 0.5 * row_dot(s, v).square());
    }
    loss = loss / kDirections;
  }
  return given.sigma.square() * loss;
}

/// Gradients of a module's parameters, one after the other. Torch has none for a parameter without effect: the last
/// bias of an energy net. [P]
Tensor collect_grad(Mlp& net) {
  std::vector<Tensor> parts;
  for (const Tensor& each : net->parameters())
    parts.push_back((each.grad().defined() ? each.grad() : torch::zeros_like(each)).reshape({-1}));
  return torch::cat(parts);
}

Answer by_torch(const sm::Objective& objective, Mlp& net, const Case& given) {
  net->zero_grad(/*set_to_none=*/true);
  const Tensor x = given.x.detach().requires_grad_(), point = x + given.sigma.unsqueeze(1) * given.eps,
               per_sample = torch_losses(objective, net, point, given), loss = per_sample.mean();
  loss.backward();
  return {loss.detach(), per_sample.detach(), collect_grad(net), x.grad()};
}

ScoreMatchingLoss::In inputs_of(const sm::Objective& objective, const Tensor& x, const Case& given) {
  ScoreMatchingLoss::In in{x};
  in.sigma = given.sigma;
  in.eps = given.eps;
  if (std::holds_alternative<sm::Esm>(objective)) in.true_score = given.true_score;
  if (std::holds_alternative<sm::Ssm>(objective) || std::holds_alternative<sm::SsmVr>(objective))
    in.directions = given.directions;
  return in;
}

Answer by_library(const sm::Engine& engine, const sm::MlpShape& shape, const sm::Objective& objective, Mlp& net,
                  const Case& given) {
  net->zero_grad(/*set_to_none=*/true);
  ScoreMatchingLoss loss_of(engine, shape, {objective, sm::schedule::None{}, sm::weighting::Sigma2{}}, kBatch);
  const Tensor x = given.x.detach().requires_grad_();
  const auto result = loss_of(net->parameters(), inputs_of(objective, x, given));
  result.loss.backward();
  return {result.loss.detach(), result.loss_per_sample, collect_grad(net), x.grad()};
}

/// The same parameters as float64, in which each of them is exact.
Mlp in_double(const sm::MlpShape& shape, Mlp& net) {
  Mlp copy(shape);
  copy->to(torch::kFloat64);
  torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < net->parameters().size(); ++i) copy->parameters()[i].copy_(net->parameters()[i]);
  flatten_parameters(*copy);
  return copy;
}

double rms(const Tensor& values) { return std::sqrt(values.to(torch::kFloat64).square().mean().item<double>()); }

/// Points that are columns of a wider table; noise and directions from the parts that draw them.
Case make_case(const sm::Engine& engine) {
  torch::manual_seed(7);
  const Tensor table = torch::randn({kBatch, kDim + 3});
  Case made{table.narrow(1, 2, kDim), torch::exp(torch::rand({kBatch}) * 2 - 1.5), torch::empty({kBatch, kDim}),
            torch::empty({kDirections, kBatch, kDim}), torch::randn({kBatch, kDim})};
  const sm::NoiseState noise(engine, /*seed=*/11);
  sm::Queue queue(engine, 0);
  const auto view = [](const Tensor& tensor) { return as_view(tensor, "tensor", torch::kCPU); };
  sm::Batch in{view(made.x), noise};
  in.sigma = view(made.sigma);
  sm::PerturbPlan::Out out;
  out.eps = view(made.eps);
  sm::PerturbPlan(engine, kDim, sm::schedule::None{}, kBatch).run(queue, in, out);
  sm::DirectionPlan(engine, kDim, kDirections, sm::Projection::sphere, kBatch).run(queue, noise, view(made.directions));
  return made;
}

struct Problem {
  std::string name;
  sm::Objective objective;
  sm::Activation activation;
  sm::Parameterization parameterization;
  sm::Conditioning conditioning;
};

std::vector<Problem> problems() {
  return {
      {"Esm", sm::Esm{}, sm::Activation::silu, sm::parameterization::Edm{}, sm::conditioning::LogSigma{}},
      {"Ism", sm::Ism{}, sm::Activation::softplus, sm::parameterization::Edm{}, sm::conditioning::None{}},
      {"Dsm", sm::Dsm{}, sm::Activation::tanh, sm::parameterization::Ncsn{},
       sm::conditioning::Fourier::random(/*count=*/3)},
      {"Ssm", sm::Ssm{kDirections}, sm::Activation::gelu, sm::parameterization::Edm{1.5}, sm::conditioning::LogSigma{}},
      {"SsmVr", sm::SsmVr{kDirections, sm::Projection::sphere}, sm::Activation::silu,
       sm::parameterization::NoisePrediction{}, sm::conditioning::LogSigma{}}};
}

class DoubleBackward : public testing::TestWithParam<std::tuple<Kind, Problem>> {
 protected:
  DoubleBackward() {
    const auto& [kind, problem] = GetParam();
    shape = kind == Kind::score ? sm::MlpShape::score(kDim, {24, 24, 17}) : sm::MlpShape::energy(kDim, {24, 24, 17});
    shape.activation = problem.activation;
    shape.parameterization = problem.parameterization;
    shape.conditioning = problem.conditioning;
    shape.residual = true;
    objective = problem.objective;
    torch::manual_seed(3);
    net = Mlp(shape);
  }

  sm::MlpShape shape;
  sm::Objective objective;
  Mlp net{nullptr};
};

TEST_P(DoubleBackward, AgreesInFloat64To1em9) {
  const Case given = make_case(sm::Engine::reference()).to(torch::kFloat64);
  Mlp exact = in_double(shape, net);
  const Answer got = by_library(sm::Engine::reference(), shape, objective, exact, given),
               want = by_torch(objective, exact, given);
  const auto expect_near = [](const char* name, const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.sizes(), b.sizes()) << name;
    ASSERT_EQ(a.scalar_type(), torch::kFloat64) << name;
    EXPECT_LE((a - b).abs().max().item<double>(), 1e-9 * b.abs().max().item<double>()) << name;
  };
  expect_near("loss", got.loss, want.loss);
  expect_near("loss_per_sample", got.per_sample, want.per_sample);
  expect_near("grad", got.grad, want.grad);
  expect_near("grad_x", got.grad_x, want.grad_x);
}

TEST_P(DoubleBackward, AgreesInFloat32AsTorchItself) {
  const sm::Engine engine = sm::Engine::cpu(1);
  const Case given = make_case(engine);
  Mlp exact = in_double(shape, net);
  const Answer got = by_library(engine, shape, objective, net, given), plain = by_torch(objective, net, given),
               want = by_torch(objective, exact, given.to(torch::kFloat64));
  const auto limit = [](const Tensor& rough, const Tensor& right) {
    return 6 * rms(rough - right) + 4 * 0x1p-24 * rms(right);
  };
  EXPECT_LE(rms(got.per_sample - want.per_sample), limit(plain.per_sample, want.per_sample));
  EXPECT_LE(rms(got.grad - want.grad), limit(plain.grad, want.grad));
  EXPECT_LE(rms(got.grad_x - want.grad_x), limit(plain.grad_x, want.grad_x));
  // The error of a mean is at most the root mean square of its terms.
  EXPECT_LE(std::abs(got.loss.item<double>() - want.loss.item<double>()), limit(plain.per_sample, want.per_sample));
}

INSTANTIATE_TEST_SUITE_P(Objectives, DoubleBackward,
                         testing::Combine(testing::Values(Kind::score, Kind::energy), testing::ValuesIn(problems())),
                         [](const auto& info) {
                           return std::get<1>(info.param).name +
                                  (std::get<0>(info.param) == Kind::score ? "OfScore" : "OfEnergy");
                         });

class Bridge : public testing::Test {
 protected:
  Bridge() { torch::manual_seed(5); }

  Tensor grad_of(const Tensor& loss) {
    net->zero_grad(/*set_to_none=*/true);
    loss.backward();
    return collect_grad(net);
  }
  /// The argument that the error names.
  template <class Call>
  static std::string refused(const Call& call) {
    try {
      call();
    } catch (const sm::Error& error) {
      return error.argument();
    }
    return "nothing";
  }

  sm::Engine engine = sm::Engine::cpu(1);
  sm::MlpShape shape = sm::MlpShape::score(kDim, {16});
  Mlp net{shape};
  ScoreMatchingLoss loss_of{engine, shape, {sm::Ssm{kDirections}, sm::schedule::Single{0.5}}, kBatch};
  sm::NoiseState noise{engine, /*seed=*/9};
  Tensor x = torch::randn({kBatch, kDim});
};

TEST_F(Bridge, DrawnNoiseIsThatOfTheParts) {
  const auto drawn = loss_of(net->parameters(), {x, noise});
  Tensor eps = torch::empty({kBatch, kDim}), v = torch::empty({kDirections, kBatch, kDim});
  sm::Queue queue(engine, 0);
  sm::PerturbPlan::Out out;
  out.eps = as_view(eps, "eps", torch::kCPU);
  sm::PerturbPlan(engine, kDim, sm::schedule::Single{0.5}, kBatch)
      .run(queue, {as_view(x, "x", torch::kCPU), noise}, out);
  sm::DirectionPlan(engine, kDim, kDirections, sm::Projection::gaussian, kBatch)
      .run(queue, noise, as_view(v, "v", torch::kCPU));
  ScoreMatchingLoss::In in{x};
  in.sigma = torch::tensor(0.5f);
  in.eps = eps;
  in.directions = v;
  const auto given = loss_of(net->parameters(), in);
  EXPECT_TRUE(torch::equal(drawn.loss_per_sample, given.loss_per_sample));
  EXPECT_TRUE(torch::equal(grad_of(drawn.loss), grad_of(given.loss)));
}

// The module's F and its products with directions, from the input that the library makes. The likelihoods are sums of a
// hundred terms of order 1, each of which both compute in float32.
TEST_F(Bridge, AModuleHasTheLikelihoodsOfTheLibrarysNetwork) {
  shape.parameterization = sm::parameterization::Edm{};
  shape.conditioning = sm::conditioning::LogSigma{};
  Mlp module{shape};
  sm::Likelihood options{/*sigma_min=*/0.1, /*sigma_max=*/2, /*steps=*/6};
  for (const int projections : {0, 2}) {
    options.projections = projections;
    const sm::LikelihoodPlan of_library(engine, shape, options, kBatch),
        of_module(engine, as_network(module, kDim, shape.parameterization, shape.conditioning), options, kBatch);
    const Tensor want = torch::empty({kBatch}), got = torch::empty({kBatch});
    sm::Queue queue(engine, std::max(of_library.workspace_bytes(), of_module.workspace_bytes()));
    const sm::Batch batch{as_view(x, "x", torch::kCPU), noise};
    of_library.run(queue, {as_flat_view(module->parameters(), "params", torch::kCPU), batch},
                   {as_view(want, "want", torch::kCPU)});
    of_module.run(queue, {{}, batch}, {as_view(got, "got", torch::kCPU)});
    EXPECT_LT((got - want).abs().max().item<double>(), 1e-4);
    EXPECT_GT(want.std().item<double>(), 0.1);
  }
}

TEST_F(Bridge, FlatParametersAndAModulesAreTheSame) {
  const Tensor flat = torch::cat({net->parameters()[0].reshape({-1}), net->parameters()[1],
                                  net->parameters()[2].reshape({-1}), net->parameters()[3]})
                          .detach()
                          .requires_grad_();
  const auto by_module = loss_of(net->parameters(), {x, noise}), by_flat = loss_of(flat, {x, noise});
  EXPECT_TRUE(torch::equal(by_module.loss_per_sample, by_flat.loss_per_sample));
  by_flat.loss.backward();
  EXPECT_TRUE(torch::equal(grad_of(by_module.loss), flat.grad()));
}

TEST_F(Bridge, GradientsAreScaledByWhatComesDown) {
  const Tensor grad = grad_of(loss_of(net->parameters(), {x, noise}).loss),
               scaled = grad_of(4 * loss_of(net->parameters(), {x, noise}).loss + 1);
  EXPECT_TRUE(torch::equal(4 * grad, scaled));  // by a power of two: bit-identical
}

TEST_F(Bridge, LossComesWithItsStandardError) {
  const auto result = loss_of(net->parameters(), {x, noise});
  const sm::Estimate estimate = result.read();
  const Tensor each = result.loss_per_sample.to(torch::kFloat64);
  EXPECT_EQ(estimate.count, kBatch);
  EXPECT_EQ(estimate.mean, result.loss.item<double>());
  EXPECT_FALSE(result.estimate.requires_grad());
  // Both are float64 sums of N numbers, which were rounded to float32 before they were stored in loss_per_sample.
  const double tolerance = 0x1p-23 * each.abs().max().item<double>();
  EXPECT_NEAR(estimate.mean, each.mean().item<double>(), tolerance);
  EXPECT_NEAR(estimate.standard_error(), each.std().item<double>() / std::sqrt(kBatch), tolerance);
}

TEST_F(Bridge, ViewsCopyNothing) {
  const Tensor table = torch::randn({7, 4, 6}), some = table.narrow(2, 1, 3);
  const sm::View view = as_view(some, "some", torch::kCPU);
  EXPECT_EQ(view.data, some.data_ptr());
  EXPECT_EQ(view.shape.rank, 3);
  EXPECT_EQ(view.shape.extent[1], 4);
  EXPECT_EQ(view.stride[0], 24);
  EXPECT_EQ(view.stride[1], 6);
  EXPECT_EQ(view.stride[2], 1);
  EXPECT_EQ(as_view(table.select(2, 0).select(1, 0).unsqueeze(1).narrow(0, 0, 1), "one", torch::kCPU).stride[1], 1);
  EXPECT_EQ(as_view(torch::ones({}), "scalar", torch::kCPU).shape.rank, 1);
  EXPECT_TRUE(as_view(Tensor(), "nothing", torch::kCPU).empty());
  EXPECT_EQ(as_flat_view(net->parameters(), "params", torch::kCPU).data, net->parameters()[0].data_ptr());
  EXPECT_EQ(as_flat_view(net->parameters(), "params", torch::kCPU).shape.extent[0], shape.param_count());
}

TEST_F(Bridge, GathersRowsOfTheWholeData) {
  const Tensor rows = torch::randint(kBatch, {40}, torch::kInt64);
  ScoreMatchingLoss::In picked{x, noise};
  picked.rows = rows;
  EXPECT_TRUE(torch::equal(loss_of(net->parameters(), picked).loss_per_sample,
                           loss_of(net->parameters(), {x.index_select(0, rows), noise}).loss_per_sample));
}

TEST_F(Bridge, ComputesNoGradientUnderNoGradGuard) {
  torch::NoGradGuard no_grad;
  EXPECT_FALSE(loss_of(net->parameters(), {x, noise}).loss.requires_grad());
}

TEST_F(Bridge, RefusesWhatItCannotDo) {
  const auto run = [&](const std::vector<Tensor>& params, const ScoreMatchingLoss::In& in) {
    return refused([&] { loss_of(params, in); });
  };
  const auto params = net->parameters();
  EXPECT_EQ(run(params, {x, noise}), "nothing");
  EXPECT_EQ(run(params, {Tensor(), noise}), "x");
  EXPECT_EQ(run(params, {x.to(torch::kFloat64), noise}), "x");
  EXPECT_EQ(run(params, {x.to(torch::kFloat16), noise}), "x");
  EXPECT_EQ(run(params, {torch::randn({kDim, kBatch}).t(), noise}), "x");
  EXPECT_EQ(run(params, {x.to_sparse(), noise}), "x");
  EXPECT_EQ(run(params, {torch::randn({1, 1, kBatch, kDim}), noise}), "x");
  EXPECT_EQ(run(params, {torch::empty({kBatch, kDim}, torch::kMeta), noise}), "x");
  EXPECT_EQ(run(params, {x}), "noise");
  EXPECT_EQ(run({}, {x, noise}), "params");
  EXPECT_EQ(run({params[1], params[0], params[2], params[3]}, {x, noise}), "params");
  EXPECT_EQ(run({params[0], params[1], params[2]}, {x, noise}), "params");
  EXPECT_EQ(run({params[0].t(), params[1], params[2], params[3]}, {x, noise}), "params");
  ScoreMatchingLoss::In picked{x.detach().requires_grad_(), noise};
  picked.draw_rows = 10;
  EXPECT_EQ(run(params, picked), "x");
  picked.x = x;
  EXPECT_EQ(run(params, picked), "nothing");

  const auto result = loss_of(params, {x, noise});
  EXPECT_EQ(refused([&] { torch::autograd::grad({result.loss}, {params[0]}, {}, true, /*create_graph=*/true); }),
            "loss");
  EXPECT_EQ(refused([&] { torch::autograd::grad({result.loss}, {params[0]}); }), "nothing");
}

}  // namespace
}  // namespace torch_bridge
