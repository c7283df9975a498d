// HeadPlan: its gradients are the derivatives of its loss in its inputs, and every engine gives the same results.
#include "scorematch/head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "support/differences.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr int kDim = 5;

const Parameterization kKinds[] = {parameterization::Plain{},           parameterization::Ncsn{},
                                   parameterization::NoisePrediction{}, parameterization::Edm{0.7},
                                   parameterization::Epsilon{},         parameterization::VPrediction{},
                                   parameterization::DataPrediction{},  parameterization::Velocity{}};
const Weighting kWeightings[] = {weighting::None{},         weighting::Sigma2{},  weighting::Edm{0.7},
                                 weighting::None{},         weighting::MinSnr{2}, weighting::VPrediction{},
                                 weighting::TruncatedSnr{}, weighting::Velocity{}};
static_assert(std::size(kWeightings) == std::size(kKinds), "each parameterization has a weighting");

/// The inputs of a head.
struct HeadCase {
  Loss loss;
  Parameterization parameterization;
  std::int64_t batch = 0;
  Vector x, sigma, eps, directions, true_score;
  Vector output, jvp, trace, weight;
};

HeadCase random_head_case(const Loss& loss, const Parameterization& parameterization, std::int64_t n, unsigned seed) {
  const LossCase drawn = random_case(MlpShape::score(kDim, {}), loss, n, seed);
  const Needs needs = needs_of(loss.objective);
  HeadCase c{loss, parameterization, n, {}, drawn.sigma, drawn.eps, drawn.directions, drawn.true_score, {}, {}, {}, {}};
  if (uses_x(parameterization)) c.x = drawn.x;
  c.output = uniform_values(n * kDim, seed + 10);
  c.jvp = uniform_values(needs.projections * n * kDim, seed + 11);
  c.trace = uniform_values(needs.trace ? n : 0, seed + 12);
  c.weight = uniform_values(n, seed + 13, 0.2, 2);
  return c;
}

struct HeadResult {
  Estimate loss;
  Vector per_sample, grad_output, grad_jvp, grad_trace;
};

HeadResult run(const Engine& engine, const HeadCase& c) {
  const std::int64_t n = c.batch, m = needs_of(c.loss.objective).projections;
  const HeadPlan plan(engine, kDim, c.loss, n, c.parameterization);
  Queue queue(engine, plan.workspace_bytes());
  const Shape rows = {n, kDim}, all = {m, n, kDim};
  const Array x(engine, c.x, rows), sigma(engine, c.sigma, n), eps(engine, c.eps, rows), v(engine, c.directions, all),
      truth(engine, c.true_score, rows), output(engine, c.output, rows), jvp(engine, c.jvp, all),
      trace(engine, c.trace, n), weight(engine, c.weight, n);
  HeadPlan::In in;
  in.output = output;
  in.batch.x = x;
  in.batch.sigma = sigma;
  in.batch.eps = eps;
  in.batch.directions = v;
  in.jvp = jvp;
  in.trace = trace;
  in.batch.true_score = truth;
  in.batch.weight = weight;
  auto loss = engine.allocate<Estimate>();
  Array grad_output(engine, rows), grad_jvp(engine, all), grad_trace(engine, n), per_sample(engine, n);
  HeadPlan::Out out{loss.data(), grad_output};
  if (!c.jvp.empty()) out.grad_jvp = grad_jvp;
  if (!c.trace.empty()) out.grad_trace = grad_trace;
  out.loss_per_sample = per_sample;
  plan.run(queue, in, out);
  return {queue.read_one(loss), per_sample.read(queue), grad_output.read(queue), grad_jvp.read(queue),
          grad_trace.read(queue)};
}

class Head : public testing::TestWithParam<std::pair<std::string, Objective>> {
 protected:
  /// These objectives need two evaluations of the network, which a head cannot make.
  bool refused() const {
    const auto* dsm = std::get_if<Dsm>(&GetParam().second);
    return dsm != nullptr && dsm->variance != Dsm::Variance::plain;
  }
};
INSTANTIATE_TEST_SUITE_P(Objectives, Head, testing::ValuesIn(objectives(3)),
                         [](const auto& info) { return info.param.first; });

TEST_P(Head, AdjointsMatchCentralDifferences) {
  if (refused()) return;
  const Engine engine = Engine::reference();
  for (std::size_t kind = 0; kind < std::size(kKinds); ++kind) {
    SCOPED_TRACE(kind);
    const Loss loss{GetParam().second, schedule::None{}, kWeightings[kind]};
    HeadCase c = random_head_case(loss, kKinds[kind], 3, static_cast<unsigned>(kind));
    const HeadResult got = run(engine, c);
    const auto check = [&](Vector& of, const Vector& adjoint) {
      Vector want;
      for (double& each : of) want.push_back(central_difference(each, [&] { return run(engine, c).loss.mean; }));
      if (!of.empty()) expect_close(adjoint, want, 1e-9);  // the loss is quadratic, so only rounding differs
    };
    check(c.output, got.grad_output);
    check(c.jvp, got.grad_jvp);
    check(c.trace, got.grad_trace);
  }
}

/// The cpu engine computes a head in double from float inputs and rounds the outputs. The cuda engine computes in
/// float: a sum of kDim terms, each of which has some eight roundings and is at most twice the largest result.
void expect_rounded(const std::string& engine, const Vector& got, const Vector& want) {
  ASSERT_EQ(got.size(), want.size());
  double most = 0;
  for (const double each : want) most = std::max(most, std::abs(each));
  const double inside = engine == "cuda" ? 2 * (kDim + 8) * 0x1p-24 : 1e-13;
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 0x1p-24 * std::abs(want[i]) + inside * most) << i;
}

TEST_P(Head, IsTheSameOnEveryEngine) {
  if (std::getenv("SCOREMATCH_NEEDS_GPU") != nullptr && engine_names().back() != "cuda") GTEST_SKIP() << "no GPU";
  for (const std::string& name : engine_names())
    for (std::size_t kind = 0; kind < std::size(kKinds); ++kind) {
      SCOPED_TRACE(name + " " + std::to_string(kind));
      const Loss loss{GetParam().second, schedule::None{}, kWeightings[kind]};
      if (refused()) {
        EXPECT_THROW(HeadPlan(engine_named(name), kDim, loss, 1, kKinds[kind]), Error);
        continue;
      }
      const HeadCase c = random_head_case(loss, kKinds[kind], 130, static_cast<unsigned>(100 + kind));
      const HeadResult got = run(engine_named(name), c), want = run(Engine::reference(), c);
      if (name != "cuda") {
        EXPECT_NEAR(got.loss.mean, want.loss.mean, 1e-12 * std::abs(want.loss.mean));
        EXPECT_NEAR(got.loss.m2, want.loss.m2, 1e-12 * want.loss.m2);
      }
      expect_rounded(name, got.per_sample, want.per_sample);
      expect_rounded(name, got.grad_output, want.grad_output);
      expect_rounded(name, got.grad_jvp, want.grad_jvp);
      expect_rounded(name, got.grad_trace, want.grad_trace);
    }
}

}  // namespace
}  // namespace scorematch::testing_support
