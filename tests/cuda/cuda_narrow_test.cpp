// The narrow route, with kernels compiled for their shapes: losses and scores against the reference and against the
// fused route, which plans take it, and that a result does not depend on which others are wanted.
#include <cstring>

#include "cuda/cuda_fixture.h"
#include "scorematch/noise.h"
#include "scorematch/score.h"
#include "support/expected_scores.h"

namespace scorematch::testing_support {
namespace {

constexpr Compute kNarrow{Precision::bf16, Route::narrow}, kFused{Precision::bf16, Route::fused};

MlpShape net_of(int dim, bool conditioned) {
  MlpShape net = MlpShape::score(dim, {64, 64, 64});
  if (conditioned) net.conditioning = conditioning::LogSigma{};
  return net;
}

class CudaNarrow : public CudaTest {};

TEST_F(CudaNarrow, AgreesWithTheReference) {
  const Engine engine = Engine::cuda();
  const Parameterization parameterizations[] = {parameterization::Plain{}, parameterization::Ncsn{},
                                                parameterization::NoisePrediction{}, parameterization::Edm{0.7}};
  const Weighting weightings[] = {weighting::None{}, weighting::Sigma2{}, weighting::Edm{0.7}};
  int which = 0;
  for (const int dim : {2, 64})
    for (const bool conditioned : {false, true})
      for (const Objective& objective :
           {Objective(Dsm{}), Objective(Esm{}),
            Objective(Dsm{which % 8 < 4 ? Dsm::Variance::antithetic : Dsm::Variance::control_variate})}) {
        Problem p;
        p.net = net_of(dim, conditioned);
        p.net.parameterization = parameterizations[which % 4];
        p.loss = {objective, {}, weightings[which % 3]};
        p.batch = amount<std::int64_t>(which % 2 == 0 ? 70 : 129, 3000);
        p.perturbed = needs_of(objective).eps || which % 3 == 0;
        ProblemMaker maker(static_cast<std::uint64_t>(which));
        maker.fill(p);
        maker.add_weight(p);
        choose_rounding(static_cast<std::uint64_t>(which++));
        SCOPED_TRACE(p.describe());
        expect_agreement(p, run(engine, p, 0, p.batch, p.batch, {kNarrow}), Precision::bf16);
      }
}

/// The losses of a batch that draws everything, with a network that is zero: they depend on the noise alone.
std::vector<float> drawn_losses(const Engine& engine, const MlpShape& net, const NoiseSchedule& schedule,
                                const Compute& compute) {
  constexpr std::int64_t kRows = 40, kBatch = 150;
  Loss loss{Dsm{}, schedule};
  const LossPlan plan(engine, net, loss, kBatch, compute);
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, 17);
  const auto x = engine.upload(ProblemMaker(3).normals(kRows * net.dim), {kRows, net.dim});
  const auto params = engine.upload(std::vector<float>(static_cast<std::size_t>(net.param_count())));
  auto per_sample = engine.allocate<float>(kBatch);
  LossPlan::Out out;
  out.loss_per_sample = per_sample;
  Batch batch{x, noise};
  batch.draw_rows = kBatch;
  plan.run(queue, {params, batch}, out);
  return queue.read(per_sample);
}

TEST_F(CudaNarrow, DrawsTheNoiseOfTheFusedRoute) {
  const Engine engine = Engine::cuda();
  MlpShape net = net_of(2, true);
  net.parameterization = parameterization::Edm{};
  for (const NoiseSchedule& schedule :
       {NoiseSchedule(schedule::Single{0.3}), NoiseSchedule(schedule::Geometric{0.1, 2, 5}),
        NoiseSchedule(schedule::Geometric{0.1, 2, 0}), NoiseSchedule(schedule::LogNormal{}),
        // Not to sigma = 150, where the fused route's s + eps/sigma of this parameterization cancels in float.
        NoiseSchedule(schedule::Vp{0.1, 20, 1e-5, 0.6}), NoiseSchedule(schedule::Ddpm{100})}) {
    const auto narrow = drawn_losses(engine, net, schedule, kNarrow),
               fused = drawn_losses(engine, net, schedule, kFused);
    ASSERT_EQ(narrow.size(), fused.size());
    for (std::size_t n = 0; n < narrow.size(); ++n) EXPECT_NEAR(narrow[n], fused[n], 1e-4f * fused[n]) << n;
  }
}

/// Each output has the same bits whatever else is wanted.
TEST_F(CudaNarrow, ComputesWhatIsWanted) {
  const Engine engine = Engine::cuda();
  Problem p;
  p.net = net_of(2, false);
  p.loss = {Dsm{}, {}, weighting::Sigma2{}};
  p.net.parameterization = parameterization::Edm{};
  p.batch = 5 * 64 + 7;  // more tiles than the stand-in has multiprocessors
  p.perturbed = true;
  ProblemMaker(5).fill(p);
  const EngineRun all = run(engine, p, 0, p.batch, p.batch, {kNarrow});
  const LossPlan plan(engine, p.net, p.loss, p.batch, kNarrow);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(p.params), x = engine.upload(p.x, {p.batch, 2}), sigma = engine.upload(p.sigma),
             eps = engine.upload(p.eps, {p.batch, 2});
  LossPlan::In in{params, {x}};
  in.batch.sigma = sigma, in.batch.eps = eps;
  for (const int wanted : {1, 2, 4, 3, 6}) {
    auto loss = engine.allocate<Estimate>();
    auto grad = engine.allocate<float>(p.net.param_count());
    auto grad_x = engine.allocate<float>({p.batch, 2});
    LossPlan::Out out;
    if ((wanted & 1) != 0) out.loss = loss.data();
    if ((wanted & 2) != 0) out.grad = grad;
    if ((wanted & 4) != 0) out.grad_x = grad_x;
    plan.run(queue, in, out);
    SCOPED_TRACE(wanted);
    if ((wanted & 1) != 0) {
      const Estimate got = queue.read_one(loss);
      EXPECT_EQ(std::memcmp(&got, &all.loss, sizeof got), 0);
    }
    if ((wanted & 2) != 0) {
      EXPECT_TRUE(same_bits(queue.read(grad), all.outcome.grad));
    }
    if ((wanted & 4) != 0) {
      EXPECT_TRUE(same_bits(queue.read(grad_x), all.outcome.grad_x));
    }
  }
  queue.synchronize();
}

/// A sample's loss and gradient do not depend on its micro-batch, and gradients of micro-batches add up.
TEST_F(CudaNarrow, MicroBatchesAddUp) {
  const Engine engine = Engine::cuda();
  Problem p;
  p.net = net_of(64, true);
  p.loss = {Dsm{}, {}, weighting::Edm{}};
  p.batch = 100;
  p.perturbed = true;
  ProblemMaker(6).fill(p);
  const RunOptions options{kNarrow};
  const EngineRun whole = run(engine, p, 0, 100, 100, options), head = run(engine, p, 0, 33, 100, options),
                  tail = run(engine, p, 33, 67, 100, options);
  for (std::size_t n = 0; n < 100; ++n)
    EXPECT_EQ(whole.outcome.per_sample[n], n < 33 ? head.outcome.per_sample[n] : tail.outcome.per_sample[n - 33]);
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < whole.outcome.grad.size(); ++i) {
    const double sum = static_cast<double>(head.outcome.grad[i]) + static_cast<double>(tail.outcome.grad[i]);
    difference += std::pow(static_cast<double>(whole.outcome.grad[i]) - sum, 2);
    size += std::pow(sum, 2);
  }
  EXPECT_LT(difference, 1e-10 * size);
}

// ---- scores

/// A problem whose samples have scores, with directions [M][N][dim] that are given.
struct ScoreProblem : Problem {
  ScoreProblem(const MlpShape& of, int projections, std::int64_t samples, std::uint64_t seed) {
    net = of;
    loss.objective = Ssm{projections};
    batch = samples;
    ProblemMaker(seed).fill(*this);
    const auto dim = static_cast<std::size_t>(net.dim);
    for (auto v = directions.begin(); v != directions.end();) {
      planes.emplace_back();
      for (std::int64_t n = 0; n < batch; ++n, v += net.dim) planes.back().emplace_back(v, v + static_cast<int>(dim));
    }
  }
  std::vector<std::vector<std::vector<float>>> planes;
};

struct ScoreRun {
  WantedScores<float> wanted;
  std::vector<float> exact;  // divergence
  Route route;
};
/// @param shares_sigma  all samples have the first sigma, in an array of one element
ScoreRun run_scores(const Engine& engine, const ScoreProblem& p, const Compute& compute, bool shares_sigma,
                    bool products = true) {
  const auto m = static_cast<int>(p.planes.size());
  const ScorePlan plan(engine, p.net, p.batch, m, Projection::rademacher, compute);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(p.params), x = engine.upload(p.x, {p.batch, p.net.dim}),
             v = engine.upload(p.directions, {m, p.batch, p.net.dim});
  const auto sigma = engine.upload(shares_sigma ? std::vector<float>(1, p.sigma[0]) : p.sigma);
  auto score = engine.allocate<float>({p.batch, p.net.dim}), jvp = engine.allocate<float>({m, p.batch, p.net.dim});
  auto estimate = engine.allocate<float>(p.batch), exact = engine.allocate<float>(p.batch);
  ScorePlan::In in{params, {x}};
  in.batch.sigma = sigma;
  if (products) in.batch.directions = v;
  ScorePlan::Out out;
  out.score = score;
  if (products) out.jvp = jvp, out.divergence_estimate = estimate, out.divergence = exact;
  plan.run(queue, in, out);
  return {{queue.read(score), queue.read(jvp), queue.read(estimate)}, queue.read(exact), plan.report(p.batch).route};
}

/// The command's default network in few dimensions, and plain ones.
TEST_F(CudaNarrow, ScoresAgreeWithTheReference) {
  const Engine engine = Engine::cuda();
  MlpShape wide = MlpShape::score(7, {128, 100});
  wide.parameterization = parameterization::Edm{0.7};
  int which = 0;
  for (const MlpShape& net : {MlpShape::diffusion(2), net_of(64, true), wide}) {
    MlpShape shape = net;
    if (shape.parameterization.kind == Parameterization::Kind::plain) shape.parameterization = parameterization::Ncsn{};
    ScoreProblem p(shape, 2, amount<std::int64_t>(21, 3000), static_cast<std::uint64_t>(which));
    choose_rounding(static_cast<std::uint64_t>(which));
    SCOPED_TRACE(p.describe());
    const bool shares_sigma = which++ % 2 == 0;
    if (shares_sigma) std::fill(p.sigma.begin(), p.sigma.end(), p.sigma[0]);
    const ScoreRun got = run_scores(engine, p, {Precision::bf16}, shares_sigma);
    EXPECT_EQ(got.route, Route::narrow);
    expect_scores(p, p.planes, got.wanted, Precision::bf16);
    const ScoreRun fused = run_scores(engine, p, kFused, shares_sigma);
    EXPECT_EQ(fused.route, Route::fused);
    double difference = 0, size = 0;
    for (std::size_t n = 0; n < got.exact.size(); ++n) {
      difference += std::pow(static_cast<double>(got.exact[n]) - static_cast<double>(fused.exact[n]), 2);
      size += std::pow(static_cast<double>(fused.exact[n]), 2);
    }
    EXPECT_LT(difference, std::pow(0.05, 2) * size);
    // A score has the same bits whatever else is wanted.
    EXPECT_TRUE(same_bits(got.wanted.score, run_scores(engine, p, kNarrow, shares_sigma, false).wanted.score));
  }
}

// ---- the choice of the route

TEST_F(CudaNarrow, IsChosenWhereAKernelIsCompiled) {
  const Engine engine = Engine::cuda();
  const Loss dsm{Dsm{}, schedule::Single{1}}, antithetic{Dsm{Dsm::Variance::antithetic}, schedule::Single{1}};
  const MlpShape net = net_of(2, false), other = MlpShape::score(3, {64, 64, 64});
  const std::int64_t large = std::int64_t{1} << 20;
  const auto report = [&](const MlpShape& of, const Loss& loss, Compute compute, std::int64_t max_batch) {
    return LossPlan(engine, of, loss, max_batch, compute).report(max_batch);
  };
  const PlanReport chosen = report(net, dsm, {Precision::bf16}, large);
  EXPECT_EQ(chosen.route, Route::narrow);
  EXPECT_EQ(chosen.launches, 2);
  EXPECT_EQ(chosen.text.rfind("narrow: a kernel compiled for this shape, 64 rows per tile, ", 0), 0u) << chosen.text;
  EXPECT_EQ(report(net, dsm, kNarrow, 1).route, Route::narrow);
  EXPECT_EQ(report(net, antithetic, {Precision::bf16}, large).route, Route::narrow);
  EXPECT_EQ(report(net, dsm, kFused, large).route, Route::fused);

  MlpShape residual = net;
  residual.residual = true;
  struct Case {
    MlpShape net;
    Loss loss;
    Precision precision;
    const char* why;
  };
  for (const Case& each :
       {Case{net, dsm, Precision::fp32, "operands are not bf16"},
        Case{other, antithetic, Precision::bf16, "no kernel is compiled for this shape and variance reduction"},
        Case{net, {Ssm{1}}, Precision::bf16, "the loss has directions"},
        Case{other, dsm, Precision::bf16, "no kernel is compiled for this shape"},
        Case{residual, dsm, Precision::bf16, "no kernel is compiled for this shape"}}) {
    const PlanReport got = report(each.net, each.loss, {each.precision}, large);
    EXPECT_EQ(got.route, Route::fused);
    EXPECT_NE(got.text.find(std::string("; not narrow: ") + each.why), std::string::npos) << got.text;
    try {
      LossPlan(engine, each.net, each.loss, large, {each.precision, Route::narrow});
      ADD_FAILURE() << "accepted: " << each.why;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_EQ(error.argument(), "compute.route");
      EXPECT_EQ(
          std::string(error.what()),
          std::string("compute.route: expected automatic, fused or layered, because ") + each.why + ", got narrow");
    }
  }
  const PlanReport small = report(net, dsm, {Precision::bf16}, 64);
  EXPECT_EQ(small.route, Route::fused);
  EXPECT_NE(small.text.find("; not narrow: max_batch is below "), std::string::npos) << small.text;
  const auto score_report = [&](const MlpShape& of, Compute compute) {
    return ScorePlan(engine, of, 4, 1, Projection::gaussian, compute).report(4);
  };
  const PlanReport score = score_report(residual, {Precision::bf16});
  EXPECT_EQ(score.route, Route::narrow);
  EXPECT_EQ(score.launches, 1);
  EXPECT_EQ(score_report(net, kFused).route, Route::fused);
  const PlanReport wide = score_report(MlpShape::score(65, {64}), {Precision::bf16});
  EXPECT_EQ(wide.route, Route::fused);
  EXPECT_NE(wide.text.find("; not narrow: no kernel is compiled for this shape"), std::string::npos) << wide.text;
  EXPECT_THROW(ScorePlan(engine, MlpShape::score(65, {64}), 4, 0, Projection::gaussian, kNarrow), Error);
  EXPECT_THROW(LossPlan(engine, MlpShape::energy(2, {64, 64, 64}), dsm, 4, kNarrow), Error);
}

}  // namespace
}  // namespace scorematch::testing_support
