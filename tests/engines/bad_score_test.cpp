// ScorePlan::run and SamplerPlan::run refuse each bad argument by name and write nothing.
#include <optional>

#include "engine/backend.h"
#include "scorematch/sampler.h"
#include "scorematch/score.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kBatch = 5, kDim = 3, kParams = 31;

struct ScoreCall {
  explicit ScoreCall(const Engine& engine_) : engine(engine_), noise(engine_, 1) {
    net.parameterization = parameterization::Ncsn{};
    in.params = {memory.fill<float>(kParams), kParams};
    in.batch.x = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.batch.sigma = {memory.fill<float>(kBatch), kBatch};
    in.batch.noise = noise;
    out.score = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
    out.divergence = {memory.take<float>(kBatch), kBatch};
  }
  void run() {
    const ScorePlan plan(engine, net, 8, projections);
    Queue queue(queue_engine.value_or(engine), workspace_bytes.value_or(plan.workspace_bytes()));
    plan.run(queue, in, out);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState noise;
  MlpShape net = MlpShape::score(kDim, {4});
  int projections = 2;
  ScorePlan::In in;
  ScorePlan::Out out;
  std::optional<Engine> queue_engine;
  std::optional<std::size_t> workspace_bytes;
};

struct SamplerCall {
  explicit SamplerCall(const Engine& engine_) : engine(engine_), state(engine_, 1), noise(state) {
    net.parameterization = parameterization::Edm{0.5};
    params = {memory.fill<float>(kParams), kParams};
    x = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
  }
  void run() {
    const ProbabilityFlow flow{0.1, 2.0, 3, 7.0};
    const auto zero = [](Queue& queue, ConstView, ConstView, View score) { write_zeros(queue, score); };
    const SamplerPlan plan = own_net ? SamplerPlan(engine, kDim, zero, flow, 8)
                             : chain ? SamplerPlan(engine, net, Langevin{0.5, 0.1, 3, 1, true}, 8)
                                     : SamplerPlan(engine, net, flow, 8);
    Queue queue(queue_engine.value_or(engine), plan.workspace_bytes() - missing_bytes);
    SamplerPlan::Out out;
    out.x = x, out.acceptance = acceptance, out.acceptance_per_sample = acceptance_per_sample;
    plan.run(queue, params, noise, out);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState state;
  NoiseRef noise;
  MlpShape net = MlpShape::score(kDim, {4});
  bool own_net = false, chain = false;
  ConstView params;
  View x, acceptance_per_sample;
  Estimate* acceptance = nullptr;
  std::optional<Engine> queue_engine;
  std::size_t missing_bytes = 0;
};

void score_only(ScoreCall&) {}
void sigma_free(ScoreCall& c) { c.net.parameterization = parameterization::Plain{}, c.in.batch.sigma = {}; }
void along(ScoreCall& c) {
  c.in.batch.directions = {c.memory.fill<float>(2 * kBatch * kDim), {2, kBatch, kDim}};
  c.out.jvp = {c.memory.take<float>(2 * kBatch * kDim), {2, kBatch, kDim}};
}
void estimated(ScoreCall& c) { c.out.divergence_estimate = {c.memory.take<float>(kBatch), kBatch}; }

std::vector<BadCall<ScoreCall>> bad_scores() {
  using C = ScoreCall;
  return {
      {"no params", score_only, [](C& c) { c.in.params = {}; }, {"params", "[31]", "nothing"}},
      {"params long", score_only, [](C& c) { c.in.params.shape = 32; }, {"params", "[31]", "[32] float32"}},
      {"params float64",
       score_only,
       [](C& c) {
         c.in.params = {c.memory.fill<double>(kParams), kParams};
       },
       {"params", "[31] float32", "[31] float64"},
       On::f32},
      {"no x", score_only, [](C& c) { c.in.batch.x = {}; }, {"x", "[any, 3]", "nothing"}},
      {"x with too few columns",
       score_only,
       [](C& c) {
         c.in.batch.x.shape = {5, 1};
       },
       {"x", "[any, 3]", "[5, 1] float32"}},
      {"x without rows",
       score_only,
       [](C& c) {
         c.in.batch.x.shape = {0, 3};
       },
       {"x", "a batch of 1 to 8", "0"}},
      {"x past max_batch",
       score_only,
       [](C& c) {
         c.in.batch.x.shape = {9, 3};
       },
       {"x", "a batch of 1 to 8", "9"}},
      {"x of 2^62 rows",
       score_only,
       [](C& c) { c.in.batch.x.shape.extent[0] = std::int64_t{1} << 62; },
       {"x", "an array within the address space", "[4611686018427387904, 3] float32"}},
      {"no sigma", score_only, [](C& c) { c.in.batch.sigma = {}; }, {"sigma", "[5] or [1]", "nothing"}},
      {"sigma short", score_only, [](C& c) { c.in.batch.sigma.shape = 4; }, {"sigma", "[5]", "[4] float32"}},
      {"sigma 0",
       score_only,
       [](C& c) { set_float(c.in.batch.sigma, 3, 0); },
       {"sigma", "finite values > 0", "0 at 3"},
       On::host},
      {"sigma that the net ignores",
       sigma_free,
       [](C& c) {
         c.in.batch.sigma = {c.memory.fill<float>(5), 5};
       },
       {"sigma", "nothing (the network does not use it)", "[5] float32"}},
      {"directions that nothing uses",
       score_only,
       [](C& c) {
         c.in.batch.directions = {c.memory.fill<float>(30), {2, 5, 3}};
       },
       {"directions", "nothing (neither jvp nor divergence_estimate is wanted)", "[2, 5, 3] float32"}},
      {"directions past projections",
       along,
       [](C& c) {
         c.in.batch.directions = {c.memory.fill<float>(45), {3, 5, 3}};
       },
       {"directions", "1 to 2 directions", "3"}},
      {"no directions at all",
       along,
       [](C& c) {
         c.in.batch.directions.shape = {0, 5, 3};
       },
       {"directions", "1 to 2 directions", "0"}},
      {"directions with too few columns",
       along,
       [](C& c) {
         c.in.batch.directions.shape = {2, 5, 2};
       },
       {"directions", "[any, 5, 3]", "[2, 5, 2] float32"}},
      {"no noise for directions",
       estimated,
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw directions from", "nothing"}},
      {"jvp of a plan without projections",
       along,
       [](C& c) { c.projections = 0; },
       {"jvp", "nothing, as the plan was made with projections = 0", "an output"}},
      {"divergence estimate of a plan without projections",
       estimated,
       [](C& c) { c.projections = 0; },
       {"divergence_estimate", "nothing, as the plan was made with projections = 0", "an output"}},
      {"jvp of fewer directions",
       along,
       [](C& c) {
         c.out.jvp.shape = {1, 5, 3};
       },
       {"jvp", "[2, 5, 3]", "[1, 5, 3] float32"}},
      {"jvp whose planes overlap",
       along,
       [](C& c) { c.out.jvp.stride[0] = 14; },
       {"jvp", "a plane stride of at least 15", "14"}},
      {"jvp in the memory of directions",
       along,
       [](C& c) { c.out.jvp.data = const_cast<void*>(c.in.batch.directions.data); },
       {"jvp", "memory of its own", "memory shared with directions"}},
      {"eps",
       score_only,
       [](C& c) { c.in.batch.eps = c.in.batch.x; },
       {"eps", "nothing (the score is evaluated at x itself)", "[5, 3] float32"}},
      {"rows",
       score_only,
       [](C& c) {
         c.in.batch.rows = {c.memory.copy<std::int64_t>({0, 1, 2, 3, 4}), 5};
       },
       {"rows", "nothing (the score is evaluated at x itself)", "[5] int64"}},
      {"draw_rows",
       score_only,
       [](C& c) { c.in.batch.draw_rows = 5; },
       {"draw_rows", "0, as the score is evaluated at x itself", "5"}},
      {"true score",
       score_only,
       [](C& c) { c.in.batch.true_score = c.in.batch.x; },
       {"true_score", "nothing (only losses use it)", "[5, 3] float32"}},
      {"weight",
       score_only,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<float>(5), {5}};
       },
       {"weight", "nothing (only losses use it)", "[5] float32"}},
      {"score in the memory of x",
       score_only,
       [](C& c) { c.out.score.data = const_cast<void*>(c.in.batch.x.data); },
       {"score", "memory of its own", "memory shared with x"}},
      {"score short",
       score_only,
       [](C& c) {
         c.out.score.shape = {4, 3};
       },
       {"score", "[5, 3]", "[4, 3] float32"}},
      {"divergence a matrix",
       score_only,
       [](C& c) {
         c.out.divergence.shape = {5, 1};
       },
       {"divergence", "[5]", "[5, 1] float32"}},
      {"divergence in score",
       score_only,
       [](C& c) { c.out.divergence.data = c.out.score.data; },
       {"score", "memory of its own", "memory shared with divergence"}},
      {"divergence estimate short",
       estimated,
       [](C& c) { c.out.divergence_estimate.shape = 4; },
       {"divergence_estimate", "[5]", "[4] float32"}},
      {"log-density of a score net",
       score_only,
       [](C& c) { c.out.log_density = c.out.divergence; },
       {"log_density", "nothing (only energy nets have one)", "[5] float32"}},
      {"queue of another engine",
       score_only,
       [](C& c) { c.queue_engine = another(c.engine), c.workspace_bytes = 1 << 20; },
       {"queue", "a queue of the same engine", "one of another engine"}},
      {"a workspace a byte short",
       score_only,
       [](C& c) {  // too wide for a fused kernel, which may need no workspace
         c.net.hidden = {300};
         c.workspace_bytes = ScorePlan(c.engine, c.net, 8, 2).workspace_bytes() - 1;
       },
       {"queue.workspace_bytes", "at least", ""},
       On::f32},
  };
}

std::vector<BadCall<SamplerCall>> bad_samples() {
  using C = SamplerCall;
  const auto library = [](C&) {};
  const auto own = [](C& c) { c.own_net = true, c.params = {}; };
  const auto corrected = [](C& c) {
    c.chain = true, c.net.kind = MlpShape::Kind::energy;
    c.params = {c.memory.fill<float>(21), 21};
    c.acceptance = c.memory.take<Estimate>(1);
    c.acceptance_per_sample = {c.memory.take<float>(kBatch), kBatch};
  };
  return {
      {"no params", library, [](C& c) { c.params = {}; }, {"params", "[31]", "nothing"}},
      {"params short", library, [](C& c) { c.params.shape = 30; }, {"params", "[31]", "[30] float32"}},
      {"params of a net of the caller's",
       own,
       [](C& c) {
         c.params = {c.memory.fill<float>(31), 31};
       },
       {"params", "nothing (the plan uses the caller's score function)", "[31] float32"}},
      {"no noise", library, [](C& c) { c.noise = {}; }, {"noise", "a NoiseState to draw the start from", "nothing"}},
      {"acceptance of a flow",
       library,
       [](C& c) { c.acceptance = c.memory.take<Estimate>(1); },
       {"acceptance", "nothing, as this sampler accepts every step", "an output"}},
      {"acceptance of each sample of a flow",
       library,
       [](C& c) {
         c.acceptance_per_sample = {c.memory.take<float>(kBatch), kBatch};
       },
       {"acceptance_per_sample", "nothing, as this sampler accepts every step", "an output"}},
      {"acceptance of fewer samples",
       corrected,
       [](C& c) { c.acceptance_per_sample.shape = kBatch - 1; },
       {"acceptance_per_sample", "[5]", "[4] float32"},
       On::host},
      {"acceptance over the samples",
       corrected,
       [](C& c) { c.acceptance_per_sample.data = c.x.data; },
       {"x", "memory of its own", "memory shared with acceptance_per_sample"},
       On::host},
      {"noise past its end",
       library,
       [](C& c) { c.noise.sample_offset = (std::int64_t{1} << 48) - 1; },
       {"noise.sample_offset", "samples below 2^48", "281474976710655 past"}},
      {"no x", library, [](C& c) { c.x = {}; }, {"x", "[N, 3]", "nothing"}},
      {"x with too few columns",
       library,
       [](C& c) {
         c.x.shape = {5, 2};
       },
       {"x", "[any, 3]", "[5, 2] float32"}},
      {"x without rows",
       library,
       [](C& c) {
         c.x.shape = {0, 3};
       },
       {"x", "a batch of 1 to 8", "0"}},
      {"x past max_batch",
       library,
       [](C& c) {
         c.x = {c.memory.take<float>(27), {9, 3}};
       },
       {"x", "a batch of 1 to 8", "9"}},
      {"x with rows that overlap", library, [](C& c) { c.x.stride[0] = 1; }, {"x", "a row stride of at least 3", "1"}},
      {"x float64",
       library,
       [](C& c) {
         c.x = {c.memory.take<double>(15), {5, 3}};
       },
       {"x", "[any, 3] float32", "[5, 3] float64"},
       On::f32},
      {"x in params",
       library,
       [](C& c) { c.x.data = const_cast<void*>(c.params.data); },
       {"x", "memory of its own", "memory shared with params"}},
      {"queue of another engine",
       library,
       [](C& c) { c.queue_engine = another(c.engine); },
       {"queue", "a queue of the same engine", "one of another engine"}},
      {"a workspace a byte short",
       library,
       [](C& c) { c.missing_bytes = 1; },
       {"queue.workspace_bytes", "at least", ""}},
  };
}

class BadScore : public Engines {};

TEST_P(BadScore, Scores) { expect_all_refused(engine(), bad_scores()); }
TEST_P(BadScore, Samples) { expect_all_refused(engine(), bad_samples()); }

// An exception of the caller's network passes through, and x stays unchanged.
TEST_P(BadScore, SamplerLeavesXWhereTheScoreThrows) {
  SamplerCall call(engine());
  int calls = 0;
  const auto third_throws = [&](Queue& queue, ConstView, ConstView, View score) {
    if (++calls == 3) throw std::runtime_error("no score today");
    write_zeros(queue, score);
  };
  const SamplerPlan plan(call.engine, kDim, third_throws, ProbabilityFlow{}, 8);
  Queue queue(call.engine, plan.workspace_bytes());
  const Memory::Snapshot before = call.memory.bytes();
  EXPECT_THROW(plan.run(queue, {}, call.noise, call.x), std::runtime_error);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(call.memory.bytes() == before);
}

INSTANTIATE_TEST_SUITE_P(On, BadScore, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
