// PerturbPlan::run and DirectionPlan::run refuse each bad argument by name and write nothing.
#include <optional>

#include "scorematch/perturbation.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kBatch = 5, kDim = 3, kInput = kDim + 1;

struct PerturbCall {
  explicit PerturbCall(const Engine& engine_) : engine(engine_), noise(engine_, 1) {
    in.x = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.noise = noise;
    out.net_input = {memory.take<float>(kBatch * kInput), {kBatch, kInput}};
    out.sigma = {memory.take<float>(kBatch), kBatch};
    out.x_tilde = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
    out.eps = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
  }
  void run() {
    const PerturbPlan plan(engine, kDim, schedule, 8, parameterization::Edm{0.5}, conditioning::LogSigma{});
    Queue queue(queue_engine.value_or(engine), 0);
    plan.run(queue, in, out);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState noise;
  NoiseSchedule schedule = schedule::LogNormal{};
  Batch in;
  PerturbPlan::Out out;
  std::optional<Engine> queue_engine;
};

struct DirectionCall {
  explicit DirectionCall(const Engine& engine_) : engine(engine_), state(engine_, 1), noise(state) {
    directions = {memory.take<float>(2 * kBatch * kDim), {2, kBatch, kDim}};
  }
  void run() {
    const DirectionPlan plan(engine, kDim, 2, Projection::sphere, 8);
    Queue queue(queue_engine.value_or(engine), 0);
    plan.run(queue, noise, directions);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState state;
  NoiseRef noise;
  View directions;
  std::optional<Engine> queue_engine;
};

using Row = BadCall<PerturbCall>;
using C = PerturbCall;

void drawn(C&) {}
void given(C& c) {
  c.in.sigma = {c.memory.fill<float>(1), 1};
  c.in.eps = {c.memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
  c.in.noise = {};
  c.schedule = schedule::None{};
}
void gathered(C& c) { c.in.rows = {c.memory.copy<std::int64_t>({4, 4, 0, 1, 2}), kBatch}; }
void rows_drawn(C& c) { c.in.draw_rows = kBatch; }

std::vector<Row> bad_perturbations() {
  return {
      {"no x", drawn, [](C& c) { c.in.x = {}; }, {"x", "[any, 3]", "nothing"}},
      {"x with too many columns",
       drawn,
       [](C& c) {
         c.in.x.shape = {3, 4};
       },
       {"x", "[any, 3]", "[3, 4] float32"}},
      {"x without rows",
       drawn,
       [](C& c) {
         c.in.x.shape = {0, 3};
       },
       {"x", "a batch of 1 to 8", "0"}},
      {"x float64",
       drawn,
       [](C& c) {
         c.in.x = {c.memory.fill<double>(15), {5, 3}};
       },
       {"x", "[any, 3] float32", "[5, 3] float64"},
       On::f32},
      {"no noise", drawn, [](C& c) { c.in.noise = {}; }, {"noise", "a NoiseState to draw sigma from", "nothing"}},
      {"noise with a negative offset",
       drawn,
       [](C& c) { c.in.noise.sample_offset = -7; },
       {"noise.sample_offset", "at least 0", "-7"}},
      {"no sigma and no schedule",
       given,
       [](C& c) { c.in.sigma = {}; },
       {"sigma", "[5] or [1], as the loss has no schedule", "nothing"}},
      {"sigma negative",
       given,
       [](C& c) { set_float(c.in.sigma, 0, -0.5); },
       {"sigma", "finite values > 0", "-0.5 at 0"},
       On::host},
      {"sigma of two values",
       given,
       [](C& c) {
         c.in.sigma = {c.memory.fill<float>(2), 2};
       },
       {"sigma", "[5]", "[2] float32"}},
      {"no eps and no noise",
       given,
       [](C& c) { c.in.eps = {}; },
       {"noise", "a NoiseState to draw eps from", "nothing"}},
      {"eps of another batch",
       given,
       [](C& c) {
         c.in.eps.shape = {4, 3};
       },
       {"eps", "[5, 3]", "[4, 3] float32"}},
      {"too many rows drawn", rows_drawn, [](C& c) { c.in.draw_rows = 9; }, {"draw_rows", "a batch of 1 to 8", "9"}},
      {"a row before the data",
       gathered,
       [](C& c) { *static_cast<std::int64_t*>(const_cast<void*>(c.in.rows.data)) = -1; },
       {"rows", "in [0, 5)", "-1 at 0"},
       On::host},
      {"directions",
       drawn,
       [](C& c) {
         c.in.directions = {c.memory.fill<float>(15), {1, 5, 3}};
       },
       {"directions", "nothing (a perturbation has none)", "[1, 5, 3] float32"}},
      {"true score",
       drawn,
       [](C& c) { c.in.true_score = c.in.x; },
       {"true_score", "nothing (only losses use it)", "[5, 3] float32"}},
      {"weight",
       drawn,
       [](C& c) {
         c.in.weight = {c.memory.fill<float>(5), {5}};
       },
       {"weight", "nothing (only losses use it)", "[5] float32"}},
      {"net_input without features",
       drawn,
       [](C& c) {
         c.out.net_input.shape = {5, 3};
       },
       {"net_input", "[5, 4]", "[5, 3] float32"}},
      {"sigma of one value out", drawn, [](C& c) { c.out.sigma.shape = 1; }, {"sigma", "[5]", "[1] float32"}},
      {"x_tilde short",
       drawn,
       [](C& c) {
         c.out.x_tilde.shape = {4, 3};
       },
       {"x_tilde", "[5, 3]", "[4, 3] float32"}},
      {"x_tilde in the memory of x",
       drawn,
       [](C& c) { c.out.x_tilde.data = const_cast<void*>(c.in.x.data); },
       {"x_tilde", "memory of its own", "memory shared with x"}},
      {"eps in the memory of eps",
       given,
       [](C& c) { c.out.eps.data = const_cast<void*>(c.in.eps.data); },
       {"eps", "memory of its own", "memory shared with eps"}},
      {"eps in net_input",
       drawn,
       [](C& c) { c.out.eps.data = c.out.net_input.data; },
       {"net_input", "memory of its own", "memory shared with eps"}},
      {"eps int64",
       drawn,
       [](C& c) {
         c.out.eps = {c.memory.take<std::int64_t>(15), {5, 3}};
       },
       {"eps", "[5, 3] float32", "[5, 3] int64"}},
      {"queue of another engine",
       drawn,
       [](C& c) { c.queue_engine = another(c.engine); },
       {"queue", "a queue of the same engine", "one of another engine"}},
  };
}

std::vector<BadCall<DirectionCall>> bad_directions() {
  using D = DirectionCall;
  const auto drawn_directions = [](D&) {};
  return {
      {"no noise",
       drawn_directions,
       [](D& c) { c.noise = {}; },
       {"noise", "a NoiseState to draw directions from", "nothing"}},
      {"noise past its end",
       drawn_directions,
       [](D& c) { c.noise.sample_offset = std::int64_t{1} << 50; },
       {"noise.sample_offset", "samples below 2^48", "1125899906842624 past"}},
      {"no directions",
       drawn_directions,
       [](D& c) { c.directions = {}; },
       {"directions", "memory to write to", "nothing"}},
      {"directions too few",
       drawn_directions,
       [](D& c) {
         c.directions.shape = {1, 5, 3};
       },
       {"directions", "[2, any, 3]", "[1, 5, 3] float32"}},
      {"directions with too few columns",
       drawn_directions,
       [](D& c) {
         c.directions.shape = {2, 5, 2};
       },
       {"directions", "[2, any, 3]", "[2, 5, 2] float32"}},
      {"directions of negative samples",
       drawn_directions,
       [](D& c) { c.directions.shape.extent[1] = -1; },
       {"directions", "[2, any, 3]", "[2, -1, 3] float32"}},
      {"directions of no samples",
       drawn_directions,
       [](D& c) {
         c.directions.shape = {2, 0, 3};
       },
       {"directions", "a batch of 1 to 8", "0"}},
      {"directions past max_batch",
       drawn_directions,
       [](D& c) {
         c.directions = {c.memory.take<float>(54), {2, 9, 3}};
       },
       {"directions", "a batch of 1 to 8", "9"}},
      {"directions whose planes overlap",
       drawn_directions,
       [](D& c) { c.directions.stride[0] = 12; },
       {"directions", "a plane stride of at least 15", "12"}},
      {"directions float64",
       drawn_directions,
       [](D& c) {
         c.directions = {c.memory.take<double>(30), {2, 5, 3}};
       },
       {"directions", "[2, any, 3] float32", "[2, 5, 3] float64"},
       On::f32},
      {"queue of another engine",
       drawn_directions,
       [](D& c) { c.queue_engine = another(c.engine); },
       {"queue", "a queue of the same engine", "one of another engine"}},
  };
}

class BadPerturbation : public Engines {};

TEST_P(BadPerturbation, Perturbations) { expect_all_refused(engine(), bad_perturbations()); }
TEST_P(BadPerturbation, Directions) { expect_all_refused(engine(), bad_directions()); }

// Planes may also be interleaved row by row: [N, M, d] in memory.
TEST_P(BadPerturbation, InterleavedDirectionsAreGood) {
  DirectionCall apart(engine()), in_turn(engine());
  apart.run();
  in_turn.directions.stride[0] = kDim;
  in_turn.directions.stride[1] = 2 * kDim;
  in_turn.run();
  const auto *a = static_cast<float*>(apart.directions.data), *b = static_cast<float*>(in_turn.directions.data);
  for (std::int64_t m = 0; m < 2; ++m)
    for (std::int64_t n = 0; n < kBatch; ++n)
      for (std::int64_t i = 0; i < kDim; ++i)
        EXPECT_EQ(a[(m * kBatch + n) * kDim + i], b[(n * 2 + m) * kDim + i]) << m << ' ' << n << ' ' << i;
}

INSTANTIATE_TEST_SUITE_P(On, BadPerturbation, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
