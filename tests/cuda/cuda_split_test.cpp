// Every division of the work gives the same result: groups of directions, chunks of samples, micro-batches, gathered
// rows, padded and unaligned views, and outputs that are not wanted.
#include <algorithm>
#include <cstring>

#include "cuda/cuda_fixture.h"
#include "scorematch/noise.h"
#include "scorematch/perturbation.h"
#include "support/agreement.h"

namespace scorematch::testing_support {
namespace {

Problem problem(const Objective& objective, std::int64_t batch, std::uint64_t seed,
                MlpShape::Kind kind = MlpShape::Kind::score) {
  Problem p;
  p.net = MlpShape::score(5, {16, 16, 9}, Activation::gelu);
  p.net.kind = kind;
  p.net.residual = true;
  p.net.parameterization = parameterization::Edm{};
  p.net.conditioning = conditioning::LogSigma{};
  p.loss = {objective, {}, weighting::Edm{}};
  p.batch = batch;
  p.perturbed = true;
  ProblemMaker(seed).fill(p);
  return p;
}

class CudaSplit : public CudaTest {};

TEST_F(CudaSplit, GroupsOfDirectionsAddUp) {
  const Engine engine = Engine::cuda();
  for (const int projections : {7, 8, 9, 16, 19})
    for (const Objective& objective : {Objective(Ssm{projections}), Objective(SsmVr{projections})}) {
      const Problem p = problem(objective, 33, static_cast<std::uint64_t>(projections));
      SCOPED_TRACE(p.describe());
      choose_rounding(static_cast<std::uint64_t>(projections));
      expect_agreement(p, run(engine, p));
    }
}

/// Also with second derivatives, which are carried with the last group and whose gradient the other groups need.
TEST_F(CudaSplit, GroupsOfAnEnergyNetsDirectionsAddUp) {
  const Engine engine = Engine::cuda();
  for (const int projections : {8, 9, 16, 19})
    for (const Objective& objective : {Objective(Ssm{projections}), Objective(SsmVr{projections})}) {
      const Problem p = problem(objective, 17, static_cast<std::uint64_t>(projections), MlpShape::Kind::energy);
      SCOPED_TRACE(p.describe());
      choose_rounding(static_cast<std::uint64_t>(projections));
      expect_agreement(p, run(engine, p));
    }
}

/// One call of two chunks against one call per chunk: the same losses, and the same gradients except for the order of
/// additions.
TEST_F(CudaSplit, ChunksOfAnEnergyNetsSamplesAddUp) {
  constexpr std::int64_t kChunk = 512;  // the value, six directions, u and the second derivatives
  const Engine engine = Engine::cuda();
  Problem p;
  p.net = MlpShape::energy(2, {512}, Activation::tanh);
  p.loss.objective = SsmVr{6};
  p.batch = kChunk + 66;
  p.perturbed = true;
  ProblemMaker(5).fill(p);
  const std::size_t whole_bytes = LossPlan(engine, p.net, p.loss, 1 << 30).workspace_bytes();
  EXPECT_EQ(LossPlan(engine, p.net, p.loss, kChunk).workspace_bytes(), whole_bytes);
  EXPECT_LT(LossPlan(engine, p.net, p.loss, kChunk / 2).workspace_bytes(), whole_bytes);
  const Outcome<float> whole = run(engine, p).outcome, head = run(engine, p, 0, kChunk, p.batch).outcome,
                       tail = run(engine, p, kChunk, p.batch - kChunk, p.batch).outcome;
  const auto expect_near = [](float got, float want, float size) { EXPECT_NEAR(got, want, 1e-5f * size); };
  const auto joined = [](std::vector<float> first, const std::vector<float>& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
  };
  const auto losses = joined(head.per_sample, tail.per_sample), grad_x = joined(head.grad_x, tail.grad_x);
  ASSERT_EQ(losses.size(), whole.per_sample.size());
  for (std::size_t n = 0; n < losses.size(); ++n) {
    expect_near(whole.per_sample[n], losses[n], 1 + std::abs(losses[n]));
    for (const std::size_t i : {2 * n, 2 * n + 1})
      expect_near(whole.grad_x[i], grad_x[i], std::abs(grad_x[2 * n]) + std::abs(grad_x[2 * n + 1]));
  }
  float largest = 0;
  for (const float each : whole.grad) largest = std::max(largest, std::abs(each));
  EXPECT_GT(largest, 0);
  for (std::size_t i = 0; i < whole.grad.size(); ++i) expect_near(whole.grad[i], head.grad[i] + tail.grad[i], largest);
}

TEST_F(CudaSplit, ChunksOfSamplesAddUp) {
  const Engine engine = Engine::cuda();
  Problem p;
  p.net = MlpShape::score(2, {128}, Activation::tanh);
  p.loss.objective = Ssm{8};
  p.batch = 2048 + 130;  // eight directions and the value: 2,048 rows per chunk
  p.perturbed = true;
  ProblemMaker(3).fill(p);
  const Compute layered{Precision::fp32, Route::layered};
  const std::size_t whole = LossPlan(engine, p.net, p.loss, 1 << 30, layered).workspace_bytes();
  EXPECT_EQ(LossPlan(engine, p.net, p.loss, 2048, layered).workspace_bytes(), whole);
  EXPECT_LT(LossPlan(engine, p.net, p.loss, 1024, layered).workspace_bytes(), whole);
  expect_agreement(p, run(engine, p, 0, p.batch, p.batch, {layered, nullptr, 0}));
}

struct Drawing {
  std::vector<float> per_sample, grad, grad_x;
  Estimate loss;
};

class CudaLossCall : public CudaTest {
 protected:
  CudaLossCall() = default;
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    engine = std::make_unique<Engine>(Engine::cuda());
  }
  void TearDown() override { engine.reset(); }

  Drawing call(const Problem& p, const LossPlan::In& in, const Reduction& reduction = {}) const {
    const std::int64_t n = p.batch, d = p.net.dim;
    const LossPlan plan(*engine, p.net, p.loss, n);
    Queue queue(*engine, plan.workspace_bytes());
    auto loss = engine->allocate<Estimate>();
    auto grad = engine->allocate<float>(p.net.param_count()), grad_x = engine->allocate<float>({n, d}),
         per_sample = engine->allocate<float>(n);
    plan.run(queue, in, {loss.data(), grad, grad_x, per_sample}, reduction);
    return {queue.read(per_sample), queue.read(grad), queue.read(grad_x), queue.read_one(loss)};
  }
  static void expect_same(const Drawing& a, const Drawing& b) {
    EXPECT_TRUE(same_bits(a.per_sample, b.per_sample));
    EXPECT_TRUE(same_bits(a.grad, b.grad));
    EXPECT_TRUE(same_bits(a.grad_x, b.grad_x));
    EXPECT_EQ(std::memcmp(&a.loss, &b.loss, sizeof a.loss), 0);
  }

  std::unique_ptr<Engine> engine;
};

TEST_F(CudaLossCall, DrawsWhatThePerturbationDraws) {
  const std::pair<Projection, MlpShape::Kind> cases[] = {{Projection::gaussian, MlpShape::Kind::score},
                                                         {Projection::rademacher, MlpShape::Kind::score},
                                                         {Projection::sphere, MlpShape::Kind::score},
                                                         {Projection::gaussian, MlpShape::Kind::energy},
                                                         {Projection::sphere, MlpShape::Kind::energy}};
  for (const auto& [distribution, kind] : cases) {
    Problem p = problem(Ssm{11, distribution}, 40, 5, kind);
    p.loss.schedule = schedule::LogNormal{};
    const NoiseState noise(*engine, {7, 3, 100});
    auto params = engine->upload(p.params), x = engine->upload(p.x, {p.batch, 5});
    const Drawing drawn = call(p, {params, x, noise});

    auto sigma = engine->allocate<float>(p.batch), eps = engine->allocate<float>({p.batch, 5}),
         v = engine->allocate<float>({11, p.batch, 5});
    Queue queue(*engine, 0);
    PerturbPlan::Out out;
    out.sigma = sigma, out.eps = eps;
    PerturbPlan(*engine, 5, p.loss.schedule, p.batch).run(queue, {x, noise}, out);
    DirectionPlan(*engine, 5, 11, distribution, p.batch).run(queue, noise, v);
    LossPlan::In given{params, {x, {}, sigma, eps, v}};
    expect_same(drawn, call(p, given));
  }
}

TEST_F(CudaLossCall, GathersRows) {
  Problem p = problem(Dsm{}, 37, 6);
  std::vector<std::int64_t> rows;
  std::vector<float> gathered;
  ProblemMaker maker(4);
  const std::vector<float> data = maker.normals(100 * 5);
  for (int n = 0; n < 37; ++n) {
    rows.push_back(maker.integer(0, 99));
    gathered.insert(gathered.end(), data.begin() + 5 * rows.back(), data.begin() + 5 * rows.back() + 5);
  }
  auto params = engine->upload(p.params), x = engine->upload(data, {100, 5}), dense = engine->upload(gathered, {37, 5}),
       sigma = engine->upload(p.sigma), eps = engine->upload(p.eps, {37, 5});
  auto indices = engine->upload(rows);
  LossPlan::In in{params, {x, {}, sigma, eps}};
  in.batch.rows = indices;
  expect_same(call(p, in), call(p, {params, dense, {}, sigma, eps}));
}

TEST_F(CudaLossCall, MicroBatchesAccumulate) {
  const Problem p = problem(SsmVr{2}, 96, 8);
  const EngineRun whole = run(*engine, p);
  const LossPlan plan(*engine, p.net, p.loss, p.batch);
  Queue queue(*engine, plan.workspace_bytes());
  auto params = engine->upload(p.params), x = engine->upload(p.x, {p.batch, 5}), sigma = engine->upload(p.sigma),
       eps = engine->upload(p.eps, {p.batch, 5}), v = engine->upload(p.directions, {2, p.batch, 5});
  auto loss = engine->allocate<Estimate>();
  auto grad = engine->allocate<float>(p.net.param_count()), grad_x = engine->allocate<float>({p.batch, 5});
  Reduction reduction;
  reduction.normaliser = p.batch;
  std::int64_t first = 0;
  for (const std::int64_t count : {31, 1, 64}) {
    LossPlan::In in{params, {x.samples(first, count), {}, sigma.samples(first, count), eps.samples(first, count)}};
    in.batch.directions = v.samples(first, count);
    plan.run(queue, in, {loss.data(), grad, grad_x.samples(first, count)}, reduction);
    reduction.accumulate = true;
    first += count;
  }
  const Estimate merged = queue.read_one(loss);
  EXPECT_EQ(merged.count, whole.loss.count);
  EXPECT_NEAR(merged.mean, whole.loss.mean, 1e-5 * std::abs(whole.loss.mean));
  EngineRun parts = whole;
  parts.outcome.grad = queue.read(grad), parts.outcome.grad_x = queue.read(grad_x);
  expect_agreement(p, parts);
}

TEST_F(CudaLossCall, LossScaleMultipliesGradientsAlone) {
  const Problem p = problem(Dsm{}, 20, 9);
  auto params = engine->upload(p.params), x = engine->upload(p.x, {20, 5}), sigma = engine->upload(p.sigma),
       eps = engine->upload(p.eps, {20, 5});
  const LossPlan::In in{params, {x, {}, sigma, eps}};
  Reduction reduction;
  reduction.loss_scale = 1024;  // a power of two, so the results are bit-identical
  const Drawing plain = call(p, in), scaled = call(p, in, reduction);
  EXPECT_TRUE(same_bits(plain.per_sample, scaled.per_sample));
  for (std::size_t i = 0; i < plain.grad.size(); ++i) ASSERT_EQ(1024 * plain.grad[i], scaled.grad[i]);
  for (std::size_t i = 0; i < plain.grad_x.size(); ++i) ASSERT_EQ(1024 * plain.grad_x[i], scaled.grad_x[i]);
}

TEST_F(CudaLossCall, OutputsAreThoseAskedFor) {
  const std::pair<Objective, MlpShape::Kind> cases[] = {
      {Dsm{}, MlpShape::Kind::score},  {Ssm{9}, MlpShape::Kind::score},  {Ism{}, MlpShape::Kind::score},
      {Dsm{}, MlpShape::Kind::energy}, {Ssm{9}, MlpShape::Kind::energy}, {SsmVr{9}, MlpShape::Kind::energy}};
  for (const auto& [objective, kind] : cases) {
    const Problem p = problem(objective, 20, 10, kind);
    const EngineRun all = run(*engine, p);
    auto params = engine->upload(p.params), x = engine->upload(p.x, {20, 5}), sigma = engine->upload(p.sigma),
         eps = engine->upload(p.eps, {20, 5});
    auto v = p.directions.empty() ? Buffer<float>() : engine->upload(p.directions, {p.projections(), 20, 5});
    LossPlan::In in{params, {x, {}, sigma, eps}};
    if (v.size() > 0) in.batch.directions = v;
    const LossPlan plan(*engine, p.net, p.loss, 20);
    Queue queue(*engine, plan.workspace_bytes());
    auto loss = engine->allocate<Estimate>();
    auto grad = engine->allocate<float>(p.net.param_count()), grad_x = engine->allocate<float>({20, 5});
    plan.run(queue, in, {loss.data()});
    const Estimate value = queue.read_one(loss);
    EXPECT_EQ(std::memcmp(&value, &all.loss, sizeof value), 0);
    plan.run(queue, in, {nullptr, grad});
    EXPECT_TRUE(same_bits(queue.read(grad), all.outcome.grad));
    plan.run(queue, in, {nullptr, {}, grad_x});
    EXPECT_TRUE(same_bits(queue.read(grad_x), all.outcome.grad_x));
    plan.run(queue, in, {});
    queue.synchronize();
  }
}

/// Puts each special value into each input of one sample. Its own loss shows it if it is not a number, and no other
/// sample changes.
TEST_F(CudaLossCall, SpecialValuesStayInTheirRow) {
  constexpr std::int64_t kBatch = 20, kRow = 13;
  const auto is_finite = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float each) { return std::isfinite(each); });
  };
  struct Case {
    Objective objective;
    MlpShape::Kind kind = MlpShape::Kind::score;
  };
  const Case cases[] = {{Esm{}},
                        {Dsm{}},
                        {Dsm{Dsm::Variance::control_variate}},
                        {Dsm{Dsm::Variance::antithetic}},
                        {Ism{}},
                        {Ssm{2}},
                        {SsmVr{9}},
                        {Dsm{}, MlpShape::Kind::energy},
                        {Ssm{9}, MlpShape::Kind::energy},
                        {SsmVr{2}, MlpShape::Kind::energy}};
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const auto& [objective, kind] : cases) {
      const Problem p = problem(objective, kBatch, 12, kind);
      const auto run_in_precision = [&](const Problem& q) { return run(*engine, q, 0, kBatch, kBatch, {{precision}}); };
      const EngineRun clean = run_in_precision(p);
      const std::pair<const char*, std::vector<float> Problem::*> inputs[] = {{"x", &Problem::x},
                                                                              {"eps", &Problem::eps},
                                                                              {"sigma", &Problem::sigma},
                                                                              {"directions", &Problem::directions},
                                                                              {"true_score", &Problem::true_score}};
      for (const auto& [name, input] : inputs) {
        if ((p.*input).empty()) continue;
        const bool is_sigma = input == &Problem::sigma;
        for (const float value : {std::nanf(""), HUGE_VALF, 3e38f, 1e-40f, -0.0f}) {
          Problem broken = p;
          (broken.*input)[is_sigma ? kRow : kRow * 5 + 2] = value;
          const EngineRun got = run_in_precision(broken);
          SCOPED_TRACE(p.describe() + (precision == Precision::bf16 ? " bf16, " : ", ") + std::to_string(value) +
                       " in " + name);
          if (std::isnan(value) || (!std::isfinite(value) && !is_sigma)) {
            EXPECT_FALSE(std::isfinite(got.outcome.per_sample[kRow]));
            EXPECT_FALSE(std::isfinite(got.loss.mean));
          }
          if (std::abs(value) < 1 && !is_sigma) {
            EXPECT_TRUE(is_finite(got.outcome.per_sample) && is_finite(got.outcome.grad) &&
                        is_finite(got.outcome.grad_x) && std::isfinite(got.loss.mean));
          }
          for (std::size_t n = 0; n < kBatch; ++n) {
            if (n == kRow) continue;
            ASSERT_EQ(got.outcome.per_sample[n], clean.outcome.per_sample[n]) << n;
            for (std::size_t i = n * 5; i < n * 5 + 5; ++i) {
              ASSERT_EQ(got.outcome.grad_x[i], clean.outcome.grad_x[i]) << i;
            }
          }
        }
      }
    }
}

TEST_F(CudaLossCall, TakesPaddedAndUnalignedViews) {
  const Problem p = problem(Ssm{2}, 21, 11);
  const EngineRun dense = run(*engine, p);
  constexpr std::int64_t kStride = 7;
  const auto widened = [&](const std::vector<float>& values) {
    std::vector<float> wide(1 + values.size() / 5 * kStride, std::nanf(""));
    for (std::size_t i = 0; i < values.size(); ++i) wide[1 + i / 5 * kStride + i % 5] = values[i];
    return engine->upload(wide);
  };
  auto params = engine->upload(p.params), sigma = engine->upload(p.sigma);
  const auto x = widened(p.x), eps = widened(p.eps), v = widened(p.directions);
  auto grad_x = engine->upload(std::vector<float>(1 + 21 * kStride, -7.0f));
  LossPlan::In in{params, {ConstView(x.data() + 1, {21, 5}).with_row_stride(kStride), {}, sigma}};
  in.batch.eps = ConstView(eps.data() + 1, {21, 5}).with_row_stride(kStride);
  in.batch.directions = ConstView(v.data() + 1, {2, 21, 5}).with_row_stride(kStride);
  LossPlan::Out out;
  out.grad_x = View(grad_x.data() + 1, {21, 5}).with_row_stride(kStride);
  const LossPlan plan(*engine, p.net, p.loss, 21);
  Queue queue(*engine, plan.workspace_bytes());
  plan.run(queue, in, out);
  const std::vector<float> got = queue.read(grad_x);
  EXPECT_EQ(got[0], -7.0f);
  for (std::size_t n = 0; n < 21; ++n)
    for (std::size_t i = 0; i < kStride; ++i)
      ASSERT_EQ(got[1 + n * kStride + i], i < 5 ? dense.outcome.grad_x[n * 5 + i] : -7.0f) << n << " " << i;
}

}  // namespace
}  // namespace scorematch::testing_support
