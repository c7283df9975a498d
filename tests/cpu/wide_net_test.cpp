// Networks wider than those of random_problem.h: products deeper than a block, tiles of 256 rows, and parameters that
// all threads pack together; in float32, and in bf16 if the processor supports it.
#include <gtest/gtest.h>

#include <cmath>

#include "cpu/simd/bf16_product.h"
#include "scorematch/score.h"
#include "support/run_problem.h"

namespace scorematch::testing_support {
namespace {

std::vector<Precision> precisions() {
  return cpu::has_bf16_products() ? std::vector{Precision::fp32, Precision::bf16} : std::vector{Precision::fp32};
}

Problem problem(MlpShape::Kind kind, int dim, std::vector<int> hidden, const Objective& objective, std::int64_t batch) {
  Problem p;
  p.net = MlpShape::score(dim, std::move(hidden));
  p.net.kind = kind;
  p.net.conditioning = conditioning::LogSigma{};
  p.loss = {objective, {}, weighting::Edm{}};
  p.batch = batch;
  p.perturbed = true;
  ProblemMaker(5).fill(p);
  return p;
}

/// Blocks of depth 256, with and without a remainder; tiles of 64 and of 256 rows; packed parameters above and below
/// 512 KB.
std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const auto kind : {MlpShape::Kind::score, MlpShape::Kind::energy}) {
    all.push_back(problem(kind, 4, {300, 300}, Dsm{}, 8));
    all.push_back(problem(kind, 4, {300, 300}, Ssm{2}, 5));
    all.push_back(problem(kind, 2, {600}, Dsm{}, 1030));
    all.push_back(problem(kind, 2, {1040, 32}, Ism{}, 4));
  }
  return all;
}

EngineRun run_in(Precision precision, int threads, const Problem& p) {
  return run(Engine::cpu(threads), p, 0, p.batch, p.batch, {{precision}});
}

double rms(const std::vector<float>& a, const std::vector<float>* less = nullptr) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += std::pow(static_cast<double>(a[i]) - (less == nullptr ? 0 : static_cast<double>((*less)[i])), 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

// The relative error of a sum of n products is about sqrt(n) u in float32, with n <= 1040. Each bf16 operand has an
// error of up to 2^-9, and about ten of them follow each other.
void expect_close(const char* name, const std::vector<float>& got, const std::vector<float>& want,
                  Precision precision) {
  const double error = rms(got, &want) / rms(want);
  EXPECT_LE(error, precision == Precision::bf16 ? 0.05 : 2e-5) << name;
  if (precision == Precision::bf16) {
    EXPECT_GE(error, 1e-4) << name << " is better than bf16 can be";
  }
}

TEST(WideNet, LossesAndGradientsMeetTheReference) {
  for (const Problem& p : problems()) {
    const Outcome<float> want = run(Engine::reference(), p).outcome;
    for (const Precision precision : precisions()) {
      SCOPED_TRACE(p.describe() + (precision == Precision::bf16 ? " bf16" : ""));
      const Outcome<float> got = run_in(precision, 2, p).outcome;
      expect_close("loss_per_sample", got.per_sample, want.per_sample, precision);
      expect_close("grad", got.grad, want.grad, precision);
      expect_close("grad_x", got.grad_x, want.grad_x, precision);
    }
  }
}

TEST(WideNet, ThreadsChangeNoBit) {
  for (const Precision precision : precisions())
    for (const Problem& p : problems()) {
      SCOPED_TRACE(p.describe() + (precision == Precision::bf16 ? " bf16" : ""));
      const EngineRun one = run_in(precision, 1, p);
      for (const int threads : {2, 3}) expect_same(one, run_in(precision, threads, p));
    }
}

struct Scores {
  std::vector<float> score, jvp, divergence;
};

Scores scores_of(const Engine& engine, const Problem& p, Precision precision) {
  const std::int64_t d = p.net.dim, n = p.batch;
  const ScorePlan plan(engine, p.net, n, 2, Projection::gaussian, {precision});
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, 3);
  auto params = engine.upload(p.params);
  auto x = engine.upload(p.x, {n, d}), sigma = engine.upload(p.sigma, n);
  auto score = engine.allocate<float>({n, d}), jvp = engine.allocate<float>({2, n, d});
  auto divergence = engine.allocate<float>(n);
  plan.run(queue, {params, {x, noise, sigma}}, {score, jvp, divergence});
  return {queue.read(score), queue.read(jvp), queue.read(divergence)};
}

TEST(WideNet, ScoresAndTheirDerivativesMeetTheReference) {
  for (const Precision precision : precisions())
    for (const Problem& p : problems()) {
      if (p.batch > 100) continue;  // adds no case that the others lack
      SCOPED_TRACE(p.describe() + (precision == Precision::bf16 ? " bf16" : ""));
      const Scores got = scores_of(Engine::cpu(2), p, precision), want = scores_of(Engine::reference(), p, precision);
      expect_close("score", got.score, want.score, precision);
      expect_close("jvp", got.jvp, want.jvp, precision);
      expect_close("divergence", got.divergence, want.divergence, precision);
    }
}

// Without gradients the plan has other arrays, and products have their own scratch memory.
TEST(WideNet, LossesAreTheSameWithoutGradients) {
  for (const Precision precision : precisions())
    for (const Problem& p : problems()) {
      if (p.batch > 100) continue;
      SCOPED_TRACE(p.describe() + (precision == Precision::bf16 ? " bf16" : ""));
      const std::int64_t d = p.net.dim, n = p.batch;
      const Engine engine = Engine::cpu(2);
      const LossPlan plan(engine, p.net, p.loss, n, {precision});
      Queue queue(engine, plan.workspace_bytes());
      auto params = engine.upload(p.params);
      auto x = engine.upload(p.x, {n, d}), sigma = engine.upload(p.sigma, n), eps = engine.upload(p.eps, {n, d});
      auto v = p.directions.empty() ? Buffer<float>() : engine.upload(p.directions, {p.projections(), n, d});
      LossPlan::In in{params, {x}};
      in.batch.sigma = sigma;
      in.batch.eps = eps;
      if (v.size() > 0) in.batch.directions = v;
      auto loss = engine.allocate<Estimate>();
      plan.run(queue, in, {loss.data()});
      const double with = run_in(precision, 2, p).loss.mean;
      EXPECT_NEAR(queue.read_one(loss).mean, with, 1e-6 * std::abs(with));
    }
}

}  // namespace
}  // namespace scorematch::testing_support
