// HeadPlan::run refuses each bad argument by name and writes nothing.
#include <optional>

#include "engine/backend.h"
#include "scorematch/head.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kBatch = 5, kDim = 3, kDirections = 2;

/// A batch of variance-reduced sliced score matching on the output of a caller's preconditioned network.
struct HeadCall {
  explicit HeadCall(const Engine& engine_) : engine(engine_), noise(engine_, 1) {
    in.output = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.batch.x = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.batch.noise = noise;
    in.jvp = {memory.fill<float>(kDirections * kBatch * kDim), {kDirections, kBatch, kDim}};
    out.loss = memory.take<Estimate>(1);
    out.grad_output = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
    out.grad_jvp = {memory.take<float>(kDirections * kBatch * kDim), {kDirections, kBatch, kDim}};
    out.loss_per_sample = {memory.take<float>(kBatch), kBatch};
  }
  void run() {
    const HeadPlan plan(engine, kDim, loss, 8, parameterization);
    Queue queue(queue_engine.value_or(engine), workspace_bytes.value_or(plan.workspace_bytes()));
    plan.run(queue, in, out, reduction);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState noise;
  Loss loss{SsmVr{kDirections}, schedule::LogNormal{}};
  Parameterization parameterization = parameterization::Edm{0.5};
  HeadPlan::In in;
  HeadPlan::Out out;
  Reduction reduction;
  std::optional<Engine> queue_engine;
  std::optional<std::size_t> workspace_bytes;
};

using Row = BadCall<HeadCall>;
using C = HeadCall;

void edm(C&) {}
void traced(C& c) {
  c.loss.objective = Ism{};
  c.in.jvp = {}, c.out.grad_jvp = {};
  c.in.trace = {c.memory.fill<float>(kBatch), kBatch};
  c.out.grad_trace = {c.memory.take<float>(kBatch), kBatch};
}
void explicit_score(C& c) {
  c.loss.objective = Esm{};
  c.in.jvp = {}, c.out.grad_jvp = {};
  c.in.batch.true_score = {c.memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
}
void plain(C& c) {  // the score itself, without noise
  c.loss = {SsmVr{kDirections}};
  c.parameterization = parameterization::Plain{};
  c.in.batch.x = {};
}
void accumulating(C& c) { c.reduction = {kBatch, true, 1.0}, *c.out.loss = {}; }

std::vector<Row> bad_inputs() {
  return {
      {"no output", edm, [](C& c) { c.in.output = {}; }, {"output", "[5, 3]", "nothing"}},
      {"output of another batch",
       edm,
       [](C& c) {
         c.in.output.shape = {4, 3};
       },
       {"output", "[5, 3]", "[4, 3] float32"}},
      {"output with too few columns",
       plain,
       [](C& c) {
         c.in.output.shape = {5, 2};
       },
       {"output", "[any, 3]", "[5, 2] float32"}},
      {"no output of a plain net", plain, [](C& c) { c.in.output = {}; }, {"output", "[any, 3]", "nothing"}},
      {"output past max_batch",
       plain,
       [](C& c) {
         c.in.output.shape = {9, 3};
       },
       {"output", "a batch of 1 to 8", "9"}},
      {"output int64", edm, [](C& c) { c.in.output.dtype = DType::i64; }, {"output", "[5, 3] float32", "[5, 3] int64"}},
      {"output float64",
       edm,
       [](C& c) {
         c.in.output = {c.memory.fill<double>(15), {5, 3}};
       },
       {"output", "[5, 3] float32", "[5, 3] float64"},
       On::f32},
      {"no x", edm, [](C& c) { c.in.batch.x = {}; }, {"x", "[any, 3]", "nothing"}},
      {"x with too few columns",
       edm,
       [](C& c) {
         c.in.batch.x.shape = {5, 2};
       },
       {"x", "[any, 3]", "[5, 2] float32"}},
      {"x that nothing uses",
       plain,
       [](C& c) { c.in.batch.x = c.in.output; },
       {"x", "nothing (the parameterization has a = 0)", "[5, 3] float32"}},
      {"rows without x",
       plain,
       [](C& c) {
         c.in.batch.rows = {c.memory.fill<std::int64_t>(kBatch), kBatch};
       },
       {"rows", "nothing (there is no x)", "[5] int64"}},
      {"draw_rows without x", plain, [](C& c) { c.in.batch.draw_rows = 5; }, {"draw_rows", "0, as there is no x", "5"}},
      {"a row past the data",
       edm,
       [](C& c) {
         c.in.batch.rows = {c.memory.copy<std::int64_t>({0, 1, 2, 3, 5}), kBatch};
       },
       {"rows", "in [0, 5)", "5 at 4"},
       On::host},
      {"no noise", edm, [](C& c) { c.in.batch.noise = {}; }, {"noise", "a NoiseState to draw sigma from", "nothing"}},
      {"noise past its end",
       edm,
       [](C& c) { c.in.batch.noise.sample_offset = std::int64_t{1} << 48; },
       {"noise.sample_offset", "samples below 2^48", "281474976710656 past"}},
      {"sigma short",
       edm,
       [](C& c) {
         c.in.batch.sigma = {c.memory.fill<float>(4), 4};
       },
       {"sigma", "[5]", "[4] float32"}},
      {"sigma 0",
       edm,
       [](C& c) {
         c.in.batch.sigma = {c.memory.copy<float>({0}), 1};
       },
       {"sigma", "finite values > 0", "0 at 0"},
       On::host},
      {"sigma that nothing uses",
       plain,
       [](C& c) {
         c.in.batch.sigma = {c.memory.fill<float>(5), 5};
       },
       {"sigma", "nothing (neither the objective nor the network uses it)", "[5] float32"}},
      {"eps with too few columns",
       edm,
       [](C& c) {
         c.in.batch.eps = {c.memory.fill<float>(10), {5, 2}};
       },
       {"eps", "[5, 3]", "[5, 2] float32"}},
      {"directions too few",
       edm,
       [](C& c) {
         c.in.batch.directions = {c.memory.fill<float>(15), {1, 5, 3}};
       },
       {"directions", "[2, 5, 3]", "[1, 5, 3] float32"}},
      {"no jvp", edm, [](C& c) { c.in.jvp = {}; }, {"jvp", "[2, 5, 3]", "nothing"}},
      {"jvp of one direction",
       edm,
       [](C& c) {
         c.in.jvp.shape = {1, 5, 3};
       },
       {"jvp", "[2, 5, 3]", "[1, 5, 3] float32"}},
      {"jvp misaligned",
       edm,
       [](C& c) { shift(c.in.jvp, 2); },
       {"jvp", "an address that is a multiple of 4", "2 bytes past a multiple"}},
      {"jvp that nothing uses",
       explicit_score,
       [](C& c) {
         c.in.jvp = {c.memory.fill<float>(30), {2, 5, 3}};
       },
       {"jvp", "nothing (only sliced objectives use it)", "[2, 5, 3] float32"}},
      {"no trace", traced, [](C& c) { c.in.trace = {}; }, {"trace", "[5]", "nothing"}},
      {"trace short", traced, [](C& c) { c.in.trace.shape = 4; }, {"trace", "[5]", "[4] float32"}},
      {"trace that nothing uses",
       edm,
       [](C& c) {
         c.in.trace = {c.memory.fill<float>(5), 5};
       },
       {"trace", "nothing (only Ism uses it)", "[5] float32"}},
      {"no true score", explicit_score, [](C& c) { c.in.batch.true_score = {}; }, {"true_score", "[5, 3]", "nothing"}},
      {"true score that nothing uses",
       edm,
       [](C& c) {
         c.in.batch.true_score = {c.memory.fill<float>(15), {5, 3}};
       },
       {"true_score", "nothing (only Esm uses it)", "[5, 3] float32"}},
      {"weight of another batch",
       explicit_score,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<float>(4), {4}};
       },
       {"weight", "[5]", "[4] float32"}},
  };
}

std::vector<Row> bad_outputs() {
  return {
      {"grad_output short",
       edm,
       [](C& c) {
         c.out.grad_output.shape = {4, 3};
       },
       {"grad_output", "[5, 3]", "[4, 3] float32"}},
      {"grad_output in the memory of output",
       edm,
       [](C& c) { c.out.grad_output.data = const_cast<void*>(c.in.output.data); },
       {"grad_output", "memory of its own", "memory shared with output"}},
      {"grad_jvp in the memory of jvp",
       edm,
       [](C& c) { c.out.grad_jvp.data = const_cast<void*>(c.in.jvp.data); },
       {"grad_jvp", "memory of its own", "memory shared with jvp"}},
      {"grad_jvp whose planes overlap",
       edm,
       [](C& c) { c.out.grad_jvp.stride[0] = 0; },
       {"grad_jvp", "a plane stride of at least 15", "0"}},
      {"grad_jvp of one direction",
       edm,
       [](C& c) {
         c.out.grad_jvp.shape = {1, 5, 3};
       },
       {"grad_jvp", "[2, 5, 3]", "[1, 5, 3] float32"}},
      {"grad_jvp without jvp",
       traced,
       [](C& c) {
         c.out.grad_jvp = {c.memory.take<float>(30), {2, 5, 3}};
       },
       {"grad_jvp", "nothing (only sliced objectives have it)", "[2, 5, 3] float32"}},
      {"grad_trace short", traced, [](C& c) { c.out.grad_trace.shape = 4; }, {"grad_trace", "[5]", "[4] float32"}},
      {"grad_trace without trace",
       edm,
       [](C& c) {
         c.out.grad_trace = {c.memory.take<float>(5), 5};
       },
       {"grad_trace", "nothing (only Ism has it)", "[5] float32"}},
      {"loss misaligned",
       edm,
       [](C& c) { c.out.loss = reinterpret_cast<Estimate*>(reinterpret_cast<char*>(c.out.loss.data) + 4); },
       {"loss", "an address that is a multiple of 8", "4 bytes past a multiple"}},
      {"loss_per_sample in grad_output",
       edm,
       [](C& c) { c.out.loss_per_sample.data = c.out.grad_output.data; },
       {"grad_output", "memory of its own", "memory shared with loss_per_sample"}},
      {"loss_scale 0", edm, [](C& c) { c.reduction.loss_scale = 0; }, {"loss_scale", "a finite value > 0", "0"}},
      {"accumulation without the sample count of the batch",
       accumulating,
       [](C& c) { c.reduction.normaliser = 0; },
       {"normaliser", "the sample count of the whole batch, as `accumulate` is set", "0"}},
      {"queue of another engine",
       edm,
       [](C& c) { c.queue_engine = another(c.engine), c.workspace_bytes = 1 << 20; },
       {"queue", "a queue of the same engine", "one of another engine"}},
      {"no workspace", edm, [](C& c) { c.workspace_bytes = 0; }, {"queue.workspace_bytes", "at least", "0"}, On::f32},
  };
}

class BadHead : public Engines {};

TEST_P(BadHead, Inputs) { expect_all_refused(engine(), bad_inputs()); }
TEST_P(BadHead, Outputs) { expect_all_refused(engine(), bad_outputs()); }

INSTANTIATE_TEST_SUITE_P(On, BadHead, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
