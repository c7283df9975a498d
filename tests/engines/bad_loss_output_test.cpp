// LossPlan::run refuses each bad output, reduction and queue by name and writes nothing.
#include "support/loss_refusal.h"

namespace scorematch::test {
namespace {

using Row = BadCall<LossCall>;
using C = LossCall;

std::vector<Row> bad_outputs() {
  return {
      {"loss misaligned",
       drawn,
       [](C& c) { c.out.loss = reinterpret_cast<Estimate*>(reinterpret_cast<char*>(c.out.loss.data) + 4); },
       {"loss", "an address that is a multiple of 8", "4 bytes past a multiple"}},
      {"grad short", drawn, [](C& c) { c.out.grad.shape = 30; }, {"grad", "[31]", "[30] float32"}},
      {"grad float64",
       drawn,
       [](C& c) {
         c.out.grad = {c.memory.take<double>(kParams), kParams};
       },
       {"grad", "[31] float32", "[31] float64"},
       On::f32},
      {"grad_x short",
       drawn,
       [](C& c) {
         c.out.grad_x.shape = {4, 3};
       },
       {"grad_x", "[5, 3]", "[4, 3] float32"}},
      {"grad_x with rows that overlap",
       drawn,
       [](C& c) { c.out.grad_x.stride[0] = 0; },
       {"grad_x", "a row stride of at least 3", "0"}},
      {"loss_per_sample short",
       drawn,
       [](C& c) { c.out.loss_per_sample.shape = 4; },
       {"loss_per_sample", "[5]", "[4] float32"}},
      {"grad in the memory of params",
       drawn,
       [](C& c) { c.out.grad.data = const_cast<void*>(c.in.params.data); },
       {"grad", "memory of its own", "memory shared with params"}},
      {"grad_x in the memory of x",
       drawn,
       [](C& c) { c.out.grad_x.data = const_cast<void*>(c.in.batch.x.data); },
       {"grad_x", "memory of its own", "memory shared with x"}},
      {"grad_x one row into eps",
       with_eps,
       [](C& c) {
         c.in.batch.eps.data = c.memory.fill<float>(2 * kBatch * kDim);
         c.out.grad_x.data = static_cast<float*>(const_cast<void*>(c.in.batch.eps.data)) + 14;
       },
       {"grad_x", "memory of its own", "memory shared with eps"}},
      {"loss_per_sample in grad",
       drawn,
       [](C& c) { c.out.loss_per_sample.data = static_cast<float*>(c.out.grad.data) + 30; },
       {"grad", "memory of its own", "memory shared with loss_per_sample"}},
      {"loss in grad",
       drawn,
       [](C& c) { c.out.loss = static_cast<Estimate*>(c.out.grad.data); },
       {"loss", "memory of its own", "memory shared with grad"}},
      {"rows of another batch",
       drawn,
       [](C& c) {
         c.out.rows = {c.memory.fill<std::int64_t>(4), {4}};
       },
       {"rows", "[5] int64", "[4] int64"}},
      {"rows as numbers",
       drawn,
       [](C& c) {
         c.out.rows = {c.memory.fill<float>(5), {5}};
       },
       {"rows", "[5] int64", "[5] float32"}},
      {"loss over rows",
       gathered,
       [](C& c) { c.out.loss = static_cast<Estimate*>(const_cast<void*>(c.in.batch.rows.data)); },
       {"loss", "memory of its own", "memory shared with rows"}},
  };
}

std::vector<Row> bad_surroundings() {
  const auto accumulating = [](C& c) { c.reduction = {kBatch, true, 1.0}, *c.out.loss = {}; };
  return {
      {"normaliser negative", drawn, [](C& c) { c.reduction.normaliser = -1; }, {"normaliser", "at least 0", "-1"}},
      {"loss_scale 0", drawn, [](C& c) { c.reduction.loss_scale = 0; }, {"loss_scale", "a finite value > 0", "0"}},
      {"loss_scale negative",
       drawn,
       [](C& c) { c.reduction.loss_scale = -2; },
       {"loss_scale", "a finite value > 0", "-2"}},
      {"loss_scale not a number",
       drawn,
       [](C& c) { c.reduction.loss_scale = kNan; },
       {"loss_scale", "a finite value > 0", "nan"}},
      {"loss_scale infinite",
       drawn,
       [](C& c) { c.reduction.loss_scale = kInf; },
       {"loss_scale", "a finite value > 0", "inf"}},
      {"accumulation without the sample count of the batch",
       accumulating,
       [](C& c) { c.reduction.normaliser = 0; },
       {"normaliser", "the sample count of the whole batch, as `accumulate` is set", "0"}},
      {"queue of another engine",
       drawn,
       [](C& c) { c.queue_engine = another(c.engine), c.workspace_bytes = 1 << 20; },
       {"queue", "a queue of the same engine", "one of another engine"}},
      {"queue of another engine of the same kind",
       drawn,
       [](C& c) { c.queue_engine = Engine::reference(), c.workspace_bytes = 1 << 20; },
       {"queue", "a queue of the same engine", "one of another engine"},
       On::reference},
      {"no workspace", drawn, [](C& c) { c.workspace_bytes = 0; }, {"queue.workspace_bytes", "at least", "0"}, On::f32},
      {"x in the workspace",
       drawn,
       [](C& c) { c.x_in_workspace = true; },
       {"queue.workspace", "memory of its own", "memory shared with x"},
       On::f32},
  };
}

class BadLossOutput : public Engines {};

TEST_P(BadLossOutput, Outputs) { expect_all_refused(engine(), bad_outputs()); }
TEST_P(BadLossOutput, Surroundings) { expect_all_refused(engine(), bad_surroundings()); }

INSTANTIATE_TEST_SUITE_P(On, BadLossOutput, engines(), engine_name);

// Two column ranges of one table are interleaved in memory but share no bytes.
TEST(BadLossOverlap, ColumnsOfOneTableAreNone) {
  const Engine engine = Engine::reference();
  LossCall call(engine);
  float* table = call.memory.fill<float>(kBatch * 2 * kDim);
  call.in.batch.x = ConstView(table, {kBatch, kDim}).with_row_stride(2 * kDim);
  call.out.grad_x = View(table + kDim, {kBatch, kDim}).with_row_stride(2 * kDim);
  EXPECT_NO_THROW(call.run());
  for (const std::int64_t shift : {kDim - 1, kDim + 1}) {  // one column too far left, and one too far right
    call.out.grad_x.data = table + shift;
    expect_refused({"grad_x", "memory of its own", "memory shared with x"}, [&] { call.run(); });
  }
}

}  // namespace
}  // namespace scorematch::test
