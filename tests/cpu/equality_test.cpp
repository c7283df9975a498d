// Results are bit-identical (docs/numerics.md), whatever the threads, the split of a batch, the place of a sample in
// it, the content of the workspace and concurrent work.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <thread>

#include "scorematch/score.h"
#include "support/run_problem.h"

namespace scorematch::testing_support {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Every objective, over several tiles and chunks, at odd sizes.
std::vector<Problem> problems() {
  std::vector<Problem> all;
  ProblemMaker maker(7);
  for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy})
    for (const Objective& objective :
         {Objective(Esm{}), Objective(Ism{}), Objective(Dsm{}), Objective(Dsm{Dsm::Variance::control_variate}),
          Objective(Dsm{Dsm::Variance::antithetic}), Objective(Ssm{2}), Objective(SsmVr{2})}) {
      Problem p;
      p.net = MlpShape::score(5, {67, 67, 35}, Activation::silu);
      p.net.kind = kind;
      p.net.residual = true;
      p.net.parameterization = parameterization::Edm{};
      p.net.conditioning = conditioning::Fourier::random(3, 0.3, 1);
      p.loss = {objective, {}, weighting::Edm{}};
      p.batch = 1300;
      p.perturbed = true;
      p.params = p.net.initial_params(3, Initialization::torch);
      p.x = maker.normals(p.batch * 5);
      p.eps = maker.normals(p.batch * 5);
      p.sigma = std::vector<float>(1300, 0.3f);
      if (p.projections() > 0) p.directions = maker.normals(p.projections() * p.batch * 5);
      if (needs_of(objective).true_score) p.true_score = maker.normals(p.batch * 5);
      all.push_back(p);
    }
  return all;
}

TEST(Equality, WhateverTheThreads) {
  for (const Problem& p : problems()) {
    SCOPED_TRACE(p.describe());
    const EngineRun one = run(Engine::cpu(1), p);
    for (const int threads : {2, 3, 7}) expect_same(one, run(Engine::cpu(threads), p));
  }
}

TEST(Equality, RunAfterRun) {
  const Engine engine = Engine::cpu(4);
  for (const std::size_t which : {5u, 12u}) {  // Ssm
    const Problem p = problems()[which];
    const EngineRun first = run(engine, p);
    for (int i = 0; i < 20; ++i) expect_same(first, run(engine, p));
  }
}

TEST(Equality, PerSampleWhateverTheSplit) {
  const Engine engine = Engine::cpu();
  for (const Problem& p : problems()) {
    SCOPED_TRACE(p.describe());
    const EngineRun whole = run(engine, p);
    std::vector<float> per_sample, grad_x;
    std::vector<double> grad(whole.outcome.grad.size(), 0.0);
    Estimate merged;
    std::int64_t first = 0;
    for (const std::int64_t count : {1, 63, 64, 65, 700, 407}) {
      const EngineRun part = run(engine, p, first, count, p.batch);
      per_sample.insert(per_sample.end(), part.outcome.per_sample.begin(), part.outcome.per_sample.end());
      grad_x.insert(grad_x.end(), part.outcome.grad_x.begin(), part.outcome.grad_x.end());
      for (std::size_t i = 0; i < grad.size(); ++i) grad[i] += static_cast<double>(part.outcome.grad[i]);
      merged = merged.merged(part.loss);
      first += count;
    }
    ASSERT_EQ(first, p.batch);
    EXPECT_TRUE(same_bits(whole.outcome.per_sample, per_sample));
    EXPECT_TRUE(same_bits(whole.outcome.grad_x, grad_x));
    // Sums associate differently: within (tiles of partial sums + samples per tile) roundings of the addends.
    double largest = 0;
    for (const float each : whole.outcome.grad) largest = std::max(largest, std::abs(static_cast<double>(each)));
    for (std::size_t i = 0; i < grad.size(); ++i)
      EXPECT_NEAR(grad[i], static_cast<double>(whole.outcome.grad[i]), (64 + 21) * 0x1p-24 * largest) << i;
    EXPECT_NEAR(merged.mean, whole.loss.mean, 1e-13 * std::abs(whole.loss.mean));
    EXPECT_NEAR(merged.m2, whole.loss.m2, 1e-11 * whole.loss.m2);
    EXPECT_EQ(merged.count, whole.loss.count);
  }
}

TEST(Equality, MergedWithNothingAnEstimateIsItself) {
  for (int i = 1; i < 1000; ++i) {
    const Estimate some{double(i), std::sqrt(2.0 * i), 7.0 / i};
    for (const Estimate& both : {some.merged({}), Estimate{}.merged(some)})
      EXPECT_TRUE(both.count == some.count && both.mean == some.mean && both.m2 == some.m2) << i;
  }
}

TEST(Equality, OfOneSampleInEveryPlace) {
  for (Problem p : problems()) {
    SCOPED_TRACE(p.describe());
    const std::int64_t d = p.net.dim;
    const auto repeat = [&](std::vector<float>& values, std::int64_t offset, std::int64_t width) {
      for (std::int64_t n = 1; n < p.batch && !values.empty(); ++n)
        std::copy_n(values.begin() + offset, width, values.begin() + offset + n * width);
    };
    repeat(p.x, 0, d), repeat(p.eps, 0, d), repeat(p.true_score, 0, d);
    for (int m = 0; m < p.projections(); ++m) repeat(p.directions, m * p.batch * d, d);
    const EngineRun got = run(Engine::cpu(), p);
    for (const float each : got.outcome.per_sample)
      ASSERT_EQ(std::memcmp(&each, &got.outcome.per_sample[0], sizeof each), 0);
    for (std::size_t i = 0; i < got.outcome.grad_x.size(); ++i)
      ASSERT_EQ(got.outcome.grad_x[i], got.outcome.grad_x[i % static_cast<std::size_t>(d)]) << i;
  }
}

TEST(Equality, OfThreadsThatShareAPlan) {
  const Problem p = problems()[6];
  const Engine engine = Engine::cpu(2);
  const LossPlan plan(engine, p.net, p.loss, p.batch);
  auto params = engine.upload(p.params), x = engine.upload(p.x, {p.batch, p.net.dim});
  auto sigma = engine.upload(p.sigma);
  const NoiseState noise(engine, 5);
  const auto work = [&](std::vector<float>& grad_out) {
    Queue queue(engine, plan.workspace_bytes());
    auto grad = engine.allocate<float>(p.net.param_count());
    auto loss = engine.allocate<Estimate>();
    for (int i = 0; i < 5; ++i) {
      plan.run(queue, {params, {x, noise, sigma}}, {loss.data(), grad});
      std::vector<float> now = queue.read(grad);
      if (!grad_out.empty() && !same_bits(grad_out, now)) now.assign(1, kNaN);
      grad_out = now;
    }
  };
  std::vector<std::vector<float>> results(6);
  std::vector<std::thread> threads;
  for (auto& each : results) threads.emplace_back([&work, &each] { work(each); });
  for (auto& each : threads) each.join();
  for (const auto& each : results) {
    EXPECT_GT(each.size(), 1u);
    EXPECT_TRUE(same_bits(results[0], each));
  }
}

TEST(Equality, WhateverTheWorkspaceHolds) {
  const Engine engine = Engine::cpu();
  for (const Problem& p : problems()) {
    SCOPED_TRACE(p.describe());
    const LossPlan plan(engine, p.net, p.loss, p.batch);
    auto params = engine.upload(p.params), x = engine.upload(p.x, {p.batch, p.net.dim});
    auto sigma = engine.upload(p.sigma), eps = engine.upload(p.eps, {p.batch, p.net.dim});
    auto true_score = p.true_score.empty() ? Buffer<float>() : engine.upload(p.true_score, {p.batch, p.net.dim});
    auto v =
        p.directions.empty() ? Buffer<float>() : engine.upload(p.directions, {p.projections(), p.batch, p.net.dim});
    LossPlan::In in{params, {x, {}, sigma, eps}};
    if (v.size() > 0) in.batch.directions = v;
    if (true_score.size() > 0) in.batch.true_score = true_score;
    std::vector<float> first;
    for (const int fill : {0, 0xFF, 0x7F}) {
      auto memory = engine.allocate<char>(static_cast<std::int64_t>(plan.workspace_bytes()));
      std::memset(memory.data(), fill, plan.workspace_bytes());
      Queue queue(engine, memory.data(), plan.workspace_bytes());
      auto grad = engine.allocate<float>(p.net.param_count());
      plan.run(queue, in, {nullptr, grad});
      if (first.empty()) first = queue.read(grad);
      EXPECT_TRUE(same_bits(first, queue.read(grad))) << fill;
    }
  }
}

TEST(Equality, SpecialValuesStayInTheirRow) {
  const Engine engine = Engine::cpu();
  for (const Problem& p : problems()) {
    const EngineRun clean = run(engine, p);
    for (const float bad : {kNaN, std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(p.describe());
      Problem broken = p;
      const std::size_t row = 70, d = static_cast<std::size_t>(p.net.dim);
      broken.x[row * d + 2] = bad;
      const EngineRun got = run(engine, broken);
      for (std::size_t n = 0; n < got.outcome.per_sample.size(); ++n) {
        if (n == row) {
          EXPECT_FALSE(std::isfinite(got.outcome.per_sample[n]));
          continue;
        }
        ASSERT_EQ(got.outcome.per_sample[n], clean.outcome.per_sample[n]) << n;
        for (std::size_t i = 0; i < d; ++i) ASSERT_EQ(got.outcome.grad_x[n * d + i], clean.outcome.grad_x[n * d + i]);
      }
      EXPECT_FALSE(std::isfinite(got.loss.mean));
    }
  }
}

TEST(Equality, PaddedRowsAndGuards) {
  const Engine engine = Engine::cpu();
  const Problem p = problems()[5];
  const std::int64_t d = p.net.dim, stride = d + 4, batch = p.batch;
  const EngineRun dense = run(engine, p);
  const auto widen = [&](const std::vector<float>& values) {
    std::vector<float> wide(static_cast<std::size_t>(static_cast<std::int64_t>(values.size()) / d * stride), kNaN);
    for (std::size_t i = 0; i < values.size(); ++i)
      wide[i / static_cast<std::size_t>(d) * static_cast<std::size_t>(stride) + i % static_cast<std::size_t>(d)] =
          values[i];
    return wide;
  };
  const std::vector<float> x = widen(p.x), eps = widen(p.eps), v = widen(p.directions);
  std::vector<float> grad_x(static_cast<std::size_t>(batch * stride), -7.0f);
  const LossPlan plan(engine, p.net, p.loss, batch);
  Queue queue(engine, plan.workspace_bytes());
  LossPlan::In in;
  in.params = ConstView(p.params.data(), p.net.param_count());
  in.batch.x = ConstView(x.data(), {batch, d}).with_row_stride(stride);
  in.batch.sigma = ConstView(p.sigma.data(), batch);
  in.batch.eps = ConstView(eps.data(), {batch, d}).with_row_stride(stride);
  in.batch.directions = ConstView(v.data(), {p.projections(), batch, d}).with_row_stride(stride);
  LossPlan::Out out;
  out.grad_x = View(grad_x.data(), {batch, d}).with_row_stride(stride);
  Reduction reduction;
  plan.run(queue, in, out, reduction);
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < stride; ++i) {
      const float got = grad_x[static_cast<std::size_t>(n * stride + i)];
      if (i < d)
        ASSERT_EQ(got, dense.outcome.grad_x[static_cast<std::size_t>(n * d + i)]);
      else
        ASSERT_EQ(got, -7.0f) << "column " << i;
    }
}

TEST(Equality, StandardErrorIsThatOfTheSamples) {
  const EngineRun got = run(Engine::cpu(), problems()[2]);
  double mean = 0, square = 0;
  const auto count = static_cast<double>(got.outcome.per_sample.size());
  for (const float each : got.outcome.per_sample) mean += static_cast<double>(each) / count;
  for (const float each : got.outcome.per_sample) square += std::pow(static_cast<double>(each) - mean, 2);
  EXPECT_NEAR(got.loss.mean, mean, 1e-6 * std::abs(mean));
  EXPECT_NEAR(got.loss.standard_error(), std::sqrt(square / (count - 1) / count), 1e-6 * mean);
}

TEST(Equality, ScoresWhateverTheSplit) {
  const Engine engine = Engine::cpu(3);
  const Problem p = problems()[2];
  const std::int64_t d = p.net.dim;
  auto params = engine.upload(p.params), x = engine.upload(p.x, {p.batch, d}), sigma = engine.upload(p.sigma);
  const NoiseState noise(engine, 3);
  const ScorePlan plan(engine, p.net, p.batch, 2);
  Queue queue(engine, plan.workspace_bytes());
  auto whole = engine.allocate<float>({2, p.batch, d}), parts = engine.allocate<float>({2, p.batch, d});
  auto trace = engine.allocate<float>(p.batch), trace_parts = engine.allocate<float>(p.batch);
  const auto evaluate = [&](std::int64_t first, std::int64_t count, View jvp, View divergence) {
    ScorePlan::In in{params, {x.samples(first, count), {}, ConstView(sigma).samples(first, count)}};
    in.batch.noise = noise.from(first);
    ScorePlan::Out out;
    out.jvp = jvp;
    out.divergence = divergence;
    plan.run(queue, in, out);
  };
  evaluate(0, p.batch, whole, trace);
  std::int64_t first = 0;
  for (const std::int64_t count : {65, 1, 1000, 234}) {
    evaluate(first, count, parts.samples(first, count), trace_parts.samples(first, count));
    first += count;
  }
  EXPECT_TRUE(same_bits(queue.read(whole), queue.read(parts)));
  EXPECT_TRUE(same_bits(queue.read(trace), queue.read(trace_parts)));
}

}  // namespace
}  // namespace scorematch::testing_support
