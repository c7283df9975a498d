// Contexts of samples. Of one context, a network is the same as one without, whose first bias has the context's part of
// the first layer's sum. All numbers of that sum are multiples of 2^-14 below 8, so it is exact in float32.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "scorematch/gradient_variance.h"
#include "scorematch/likelihood.h"
#include "scorematch/sampler.h"
#include "scorematch/score.h"
#include "support/engine_test.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t kBatch = 37, kRows = 50;
constexpr int kDim = 3, kColumns = 2;

Vector in_steps(Vector values, double step) {
  for (double& each : values) each = std::round(each / step) * step;
  return values;
}

MlpShape score_net(bool optional) {
  MlpShape net = MlpShape::score(kDim, {16, 16});
  net.parameterization = parameterization::Edm{0.7};
  net.conditioning = conditioning::LogSigma{};
  net.residual = true;
  net.context = {kColumns, optional};
  return net;
}
MlpShape energy_net(bool optional) {
  MlpShape net = MlpShape::energy(kDim, {16});
  net.conditioning = conditioning::Fourier{{0.25, 0.5}};
  net.context = {kColumns, optional};
  return net;
}

/// The columns of the first layer's input that a context takes, for each of the classes 0, 1 and none.
Vector columns_of(const MlpShape& net, int kind) {
  const Vector rows[] = {{0.5, -1.25, 1}, {-0.75, 2, 1}, {0, 0, 0}};
  Vector columns = rows[kind];
  columns.resize(static_cast<std::size_t>(context_count(net.context)));
  return columns;
}

/// The parameters of the network without a context that is the same for samples with these columns.
Vector folded(const MlpShape& net, const Vector& params, const Vector& columns) {
  const MlpShape::Layer first = net.layers().front();
  const int kept = first.in - static_cast<int>(columns.size());
  Vector to;
  Vector bias(params.begin() + first.bias, params.begin() + first.bias + first.out);
  for (int i = 0; i < first.out; ++i) {
    const auto row = params.begin() + std::int64_t{i} * first.in;
    to.insert(to.end(), row, row + kept);
    for (std::size_t k = 0; k < columns.size(); ++k)
      bias[static_cast<std::size_t>(i)] += row[kept + static_cast<std::ptrdiff_t>(k)] * columns[k];
  }
  to.insert(to.end(), bias.begin(), bias.end());
  to.insert(to.end(), params.begin() + first.bias + first.out, params.end());
  return to;
}

MlpShape without_context(MlpShape net) {
  net.context = {};
  return net;
}

int kind_of_sample(const MlpShape& net, std::int64_t n) { return static_cast<int>(n % (net.context.optional ? 3 : 2)); }

LossCase make_case(const MlpShape& net, const Objective& objective, unsigned seed) {
  LossCase c = random_case(net, {objective, schedule::None{}, weighting::Sigma2{}}, kBatch, seed);
  c.params = in_steps(c.params, 0x1p-10);
  for (std::int64_t n = 0; n < kBatch; ++n) {
    const int kind = kind_of_sample(net, n);
    Vector columns = columns_of(net, kind);
    if (kind == 2) columns.assign(3, 77.0);  // is not read
    c.context.insert(c.context.end(), columns.begin(), columns.begin() + kColumns);
    if (net.context.optional) c.present.push_back(kind == 2 ? 0.0 : 1.0);
  }
  return c;
}

class ContextTest : public EngineTest {
 protected:
  double unit() const { return unit_roundoff(engine); }
  /// Within the roundings of sums in another order, which the network's layers and derivatives enlarge.
  void expect_close(const Vector& got, const Vector& want, const std::string& what) {
    ASSERT_EQ(got.size(), want.size()) << what;
    double most = 0;
    for (const double each : want) most = std::max(most, std::abs(each));
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 256 * unit() * most) << what << " " << i;
  }

  void expect_a_bias(const LossCase& c, Compute compute) {
    const Evaluation all = evaluate(engine, c, {}, false, compute);
    const MlpShape::Layer first = c.net.layers().front();
    const int count = context_count(c.net.context), kept = first.in - count, kinds = c.net.context.optional ? 3 : 2;
    LossCase bare = c;
    bare.net = without_context(c.net);
    bare.context.clear(), bare.present.clear();
    Vector per_sample(kBatch), grad_x(kBatch * kDim), grad(c.params.size());
    for (int kind = 0; kind < kinds; ++kind) {
      const Vector columns = columns_of(c.net, kind);
      bare.params = folded(c.net, c.params, columns);
      bare.weight.clear();
      for (std::int64_t n = 0; n < kBatch; ++n) bare.weight.push_back(kind_of_sample(c.net, n) == kind ? 1.0 : 0.0);
      const Evaluation one = evaluate(engine, bare, {}, false, compute);
      for (std::size_t n = 0; n < per_sample.size(); ++n) per_sample[n] += one.per_sample[n];
      for (std::size_t i = 0; i < grad_x.size(); ++i) grad_x[i] += one.grad_x[i];
      const Vector grad_bias(one.grad.begin() + std::int64_t{kept} * first.out,
                             one.grad.begin() + std::int64_t{kept + 1} * first.out);
      for (int i = 0; i < first.out; ++i)
        for (int k = 0; k < first.in; ++k)
          grad[static_cast<std::size_t>(i * first.in + k)] +=
              k < kept ? one.grad[static_cast<std::size_t>(i * kept + k)]
                       : grad_bias[static_cast<std::size_t>(i)] * columns[static_cast<std::size_t>(k - kept)];
      for (std::size_t i = static_cast<std::size_t>(first.bias); i < grad.size(); ++i)
        grad[i] += one.grad[i - static_cast<std::size_t>(count * first.out)];
    }
    expect_close(all.per_sample, per_sample, "loss_per_sample");
    expect_close(all.grad_x, grad_x, "grad_x");
    expect_close(all.grad, grad, "grad");

    // grad_context of a sample is W^T times its part of the bias's gradient.
    for (const std::int64_t n : {0, 1, 2, 36}) {
      const int kind = kind_of_sample(c.net, n);
      bare.params = folded(c.net, c.params, columns_of(c.net, kind));
      bare.weight.assign(kBatch, 0.0);
      bare.weight[static_cast<std::size_t>(n)] = 1;
      const Evaluation one = evaluate(engine, bare, {}, false, compute);
      double size = 0;
      for (int i = 0; i < first.out; ++i) size += std::abs(one.grad[static_cast<std::size_t>(kept * first.out + i)]);
      for (int k = 0; k < kColumns; ++k) {
        double want = 0;
        for (int i = 0; kind < 2 && i < first.out; ++i)
          want += c.params[static_cast<std::size_t>(i * first.in + kept + k)] *
                  one.grad[static_cast<std::size_t>(kept * first.out + i)];
        EXPECT_NEAR(all.grad_context[static_cast<std::size_t>(n * kColumns + k)], want, 256 * unit() * size) << n;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ContextTest, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(ContextTest, IsABiasOfTheFirstLayer) {
  unsigned seed = 1;
  for (const bool optional : {false, true})
    for (const MlpShape& net : {score_net(optional), energy_net(optional)}) {
      bool has_turn = optional;
      for (const auto& [name, objective] : objectives()) {
        SCOPED_TRACE(name + " " + std::to_string(++seed));
        has_turn = !has_turn;
        // The executor takes long: each objective has either kind of context there.
        if (has_turn || engine.kind() != Engine::Kind::cuda) expect_a_bias(make_case(net, objective, seed), {});
      }
    }
}

TEST_P(ContextTest, IsABiasOnTheLayeredRoute) {
  for (const auto& [name, objective] : objectives()) {
    SCOPED_TRACE(name);
    expect_a_bias(make_case(score_net(true), objective, 90), {Precision::fp32, Route::layered});
  }
}

// Plans that evaluate scores.
class ContextScoreTest : public ContextTest {
 protected:
  struct Scores {
    Vector score, jvp, divergence;
  };
  Scores scores(const MlpShape& net, const Vector& params, const Vector& context) {
    const ScorePlan plan(engine, net, kBatch, 2);
    Queue queue(engine, plan.workspace_bytes());
    const Array p(engine, params, net.param_count()), x(engine, normal_values(kBatch * kDim, 4), {kBatch, kDim}),
        sigma(engine, uniform_values(kBatch, 5, 0.3, 1.5), kBatch),
        directions(engine, normal_values(2 * kBatch * kDim, 6), {2, kBatch, kDim}),
        given(engine, context, {1, kColumns});
    Array score(engine, {kBatch, kDim}), jvp(engine, {2, kBatch, kDim}), divergence(engine, kBatch);
    ScorePlan::In in;
    in.params = p, in.batch.x = x, in.batch.sigma = sigma, in.batch.directions = directions;
    if (!context.empty()) in.batch.context = given;
    ScorePlan::Out out;
    out.score = score, out.jvp = jvp, out.divergence = divergence;
    plan.run(queue, in, out);
    return {score.read(queue), jvp.read(queue), divergence.read(queue)};
  }
  Vector sample(const MlpShape& net, const Vector& params, const Vector& context, double guidance) {
    const SamplerPlan plan(engine, net, ProbabilityFlow{0.05, 4, 6}, kBatch, guidance);
    Queue queue(engine, plan.workspace_bytes());
    const Array p(engine, params, net.param_count()), given(engine, context, {1, kColumns});
    Array x(engine, {kBatch, kDim});
    NoiseState noise(engine, 5);
    SamplerPlan::In in{p, noise};
    if (!context.empty()) in.context = given;
    plan.run(queue, in, {x});
    return x.read(queue);
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ContextScoreTest, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(ContextScoreTest, OfOneContextIsABias) {
  for (const MlpShape& net : {score_net(true), energy_net(true)}) {
    const Vector params = in_steps(uniform_values(net.param_count(), 8), 0x1p-10);
    for (const int kind : {0, 2}) {
      const Vector columns = columns_of(net, kind);
      const Vector context = kind == 2 ? Vector() : Vector(columns.begin(), columns.begin() + kColumns);
      const Scores got = scores(net, params, context),
                   want = scores(without_context(net), folded(net, params, columns), {});
      expect_close(got.score, want.score, "score");
      expect_close(got.jvp, want.jvp, "jvp");
      expect_close(got.divergence, want.divergence, "divergence");
    }
  }
}

class GuidanceTest : public ContextScoreTest {
 protected:
  static MlpShape affine() {
    MlpShape net = MlpShape::score(kDim, {});
    net.parameterization = parameterization::Edm{1.0};
    net.context = {kColumns, true};
    return net;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, GuidanceTest, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// F is affine in the context's columns, and so is the score. The network with w times these columns' weights is the
// guided one.
TEST_P(GuidanceTest, ExtrapolatesFromTheScoreWithoutAContext) {
  const MlpShape net = affine();
  const Vector params = in_steps(uniform_values(net.param_count(), 9), 0x1p-10), context = {0.5, -1.25};
  const MlpShape::Layer layer = net.layers().front();
  for (const double w : {2.0, 0.5, -1.0}) {
    Vector scaled = params;
    for (int i = 0; i < layer.out; ++i)
      for (int k = kDim; k < layer.in; ++k) scaled[static_cast<std::size_t>(i * layer.in + k)] *= w;
    expect_close(sample(net, params, context, w), sample(net, scaled, context, 1), std::to_string(w));
  }
}

TEST_P(GuidanceTest, OfOneIsTheConditionalScoreAndOfZeroTheOther) {
  const MlpShape net = score_net(true);
  const Vector params = in_steps(uniform_values(net.param_count(), 10), 0x1p-10), context = {0.5, -1.25};
  EXPECT_EQ(sample(net, params, context, 0), sample(net, params, {}, 1));
  EXPECT_NE(sample(net, params, context, 1), sample(net, params, context, 0));
  const SamplerPlan plain(engine, net, ProbabilityFlow{}, kBatch), same(engine, net, ProbabilityFlow{}, kBatch, 1),
      none(engine, net, ProbabilityFlow{}, kBatch, 0), guided(engine, net, ProbabilityFlow{}, kBatch, 2);
  EXPECT_EQ(plain.workspace_bytes(), same.workspace_bytes());
  EXPECT_EQ(plain.workspace_bytes(), none.workspace_bytes());
  EXPECT_GT(guided.workspace_bytes(), plain.workspace_bytes());
}

TEST_P(GuidanceTest, IsRefusedWithoutAnOptionalContext) {
  for (const MlpShape& net : {score_net(false), without_context(score_net(false))}) {
    try {
      const SamplerPlan plan(engine, net, ProbabilityFlow{}, kBatch, 2);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.argument(), "guidance");
      EXPECT_NE(std::string(error.what()).find("got 2"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(sample(score_net(true), Vector(static_cast<std::size_t>(score_net(true).param_count())), {}, 2), Error);
}

TEST_P(ContextScoreTest, LikelihoodsOfOneContextHaveABias) {
  const MlpShape net = score_net(true);
  const Vector params = in_steps(uniform_values(net.param_count(), 12, -0.5, 0.5), 0x1p-10);
  const auto likelihoods = [&](const MlpShape& of, const Vector& values, const Vector& context) {
    const LikelihoodPlan plan(engine, of, {0.1, 5, 4}, kBatch);
    Queue queue(engine, plan.workspace_bytes());
    const Array p(engine, values, of.param_count()), given(engine, context, {1, kColumns}),
        x(engine, normal_values(kBatch * kDim, 4), {kBatch, kDim});
    Array log_likelihood(engine, kBatch);
    LikelihoodPlan::In in;
    in.params = p, in.batch.x = x;
    if (!context.empty()) in.batch.context = given;
    LikelihoodPlan::Out out;
    out.log_likelihood = log_likelihood;
    plan.run(queue, in, out);
    return log_likelihood.read(queue);
  };
  const Vector columns = columns_of(net, 1);
  expect_close(likelihoods(net, params, {columns.begin(), columns.begin() + kColumns}),
               likelihoods(without_context(net), folded(net, params, columns), {}), "log_likelihood");
}

TEST_P(ContextScoreTest, VariancesOfGradientsHaveABias) {
  const MlpShape net = score_net(true);
  const Vector params = in_steps(uniform_values(net.param_count(), 13), 0x1p-10), columns = columns_of(net, 0);
  const Loss loss{Dsm{}, schedule::LogNormal{}, weighting::Edm{0.7}};
  const auto trace = [&](const MlpShape& of, const Vector& values, const Vector& context) {
    const GradientVariance variance(engine, of, loss, 8, 4);
    Queue queue(engine, variance.workspace_bytes());
    const std::vector<float> p_values(values.begin(), values.end()), c_values(context.begin(), context.end());
    const Vector x_values = normal_values(kRows * kDim, 14);
    const auto p = engine.upload(p_values),
               x = engine.upload(std::vector<float>(x_values.begin(), x_values.end()), {kRows, kDim});
    const Buffer<float> given =
        engine.upload(c_values, {static_cast<std::int64_t>(context.size()) / kColumns, kColumns});
    GradientVariance::Contexts contexts;
    if (!context.empty()) contexts.context = given;
    return variance.measure(queue, p, x, 3, contexts).data.value;
  };
  const Vector one(columns.begin(), columns.begin() + kColumns);
  Vector all;
  for (std::int64_t n = 0; n < kRows; ++n) all.insert(all.end(), one.begin(), one.end());
  EXPECT_EQ(trace(net, params, one), trace(net, params, all));
  // The gradient has parts for the context's weights, too: those of the bias, times the columns.
  EXPECT_GT(trace(net, params, one), trace(without_context(net), folded(net, params, columns), {}));
}

}  // namespace
}  // namespace scorematch::testing_support
