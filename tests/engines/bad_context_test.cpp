// Every plan refuses each bad context by name and writes nothing.
#include "scorematch/scorematch.h"
#include "support/loss_refusal.h"

namespace scorematch::test {
namespace {

using C = LossCall;
using Row = BadCall<LossCall>;

constexpr std::int64_t kColumns = 2;

void set_context(C& c, bool optional) {
  c.net.context = {kColumns, optional};
  const std::int64_t count = c.net.param_count();
  c.in.params = {c.memory.fill<float>(count), count};
  c.out.grad = {c.memory.take<float>(count), count};
  c.in.batch.context = {c.memory.fill<float>(kBatch * kColumns), {kBatch, kColumns}};
  c.out.grad_context = {c.memory.take<float>(kBatch * kColumns), {kBatch, kColumns}};
}
void needed(C& c) { set_context(c, false); }
void optional(C& c) {
  set_context(c, true);
  c.in.batch.present = {c.memory.fill<float>(kBatch), kBatch};
}
void labeled(C& c) {
  set_context(c, false);
  c.in.batch.context = {};
  c.in.batch.labels = {c.memory.copy<std::int64_t>({0, 1, 1, 0, 1}), kBatch};
}
void of_rows(C& c) {
  gathered(c);
  set_context(c, true);
  c.in.batch.context = {c.memory.fill<float>(kRows * kColumns), {kRows, kColumns}};
  c.in.batch.present = {c.memory.fill<float>(kRows), kRows};
}
void set_label(C& c, std::int64_t at, std::int64_t value) {
  static_cast<std::int64_t*>(const_cast<void*>(c.in.batch.labels.data))[at] = value;
}

std::vector<Row> bad_contexts() {
  return {
      {"none", needed, [](C& c) { c.in.batch.context = {}; }, {"context", "[5, 2] or [1, 2], or labels", "nothing"}},
      {"of a network without",
       drawn,
       [](C& c) {
         c.in.batch.context = {c.memory.fill<float>(10), {5, 2}};
       },
       {"context", "nothing (the network has none)", "[5, 2] float32"}},
      {"too few columns",
       needed,
       [](C& c) {
         c.in.batch.context.shape = {5, 1};
       },
       {"context", "[5, 2]", "[5, 1] float32"}},
      {"too few rows",
       needed,
       [](C& c) {
         c.in.batch.context.shape = {4, 2};
       },
       {"context", "[5, 2]", "[4, 2] float32"}},
      {"one axis", needed, [](C& c) { c.in.batch.context.shape = 10; }, {"context", "[5, 2]", "[10] float32"}},
      {"int64",
       needed,
       [](C& c) { c.in.batch.context.dtype = DType::i64; },
       {"context", "[5, 2] float32", "[5, 2] int64"}},
      {"misaligned",
       needed,
       [](C& c) { shift(c.in.batch.context, 2); },
       {"context", "an address that is a multiple of 4", "2 bytes past a multiple"}},
      {"of the samples instead of the rows",
       of_rows,
       [](C& c) {
         c.in.batch.context.shape = {5, 2};
       },
       {"context", "[7, 2]", "[5, 2] float32"}},
      {"present of the samples instead of the rows",
       of_rows,
       [](C& c) { c.in.batch.present.shape = 5; },
       {"present", "[7]", "[5] float32"}},
      {"present, not optional",
       needed,
       [](C& c) {
         c.in.batch.present = {c.memory.fill<float>(kBatch), kBatch};
       },
       {"present", "nothing (the network's context is not optional)", "[5] float32"}},
      {"present without a context",
       optional,
       [](C& c) { c.in.batch.context = {}; },
       {"present", "nothing (no context is given)", "[5] float32"}},
      {"present of another count",
       optional,
       [](C& c) { c.in.batch.present.shape = 4; },
       {"present", "[5]", "[4] float32"}},
      {"labels of another count",
       labeled,
       [](C& c) { c.in.batch.labels.shape = 4; },
       {"labels", "[5] or [1] int64", "[4] int64"}},
      {"labels of floats",
       labeled,
       [](C& c) { c.in.batch.labels.dtype = DType::f32; },
       {"labels", "[batch] int64", "[5] float32"}},
      {"labels and a context",
       labeled,
       [](C& c) {
         c.in.batch.context = {c.memory.fill<float>(10), {5, 2}};
       },
       {"context", "nothing (labels are given)", "[5, 2] float32"}},
      {"a label past the classes",
       labeled,
       [](C& c) { set_label(c, 3, 2); },
       {"labels", "in [0, 2)", "2 at 3"},
       On::host},
      {"a negative label", labeled, [](C& c) { set_label(c, 0, -1); }, {"labels", "in [0, 2)", "-1 at 0"}, On::host},
      {"dropped without noise",
       [](C& c) {
         optional(c);
         c.loss.context_dropout = 0.5;
         c.in.batch.sigma = {c.memory.fill<float>(kBatch), kBatch};
         c.in.batch.eps = {c.memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
       },
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw dropped contexts from", "nothing"}},
      {"a gradient of another shape",
       needed,
       [](C& c) {
         c.out.grad_context.shape = {5, 1};
       },
       {"grad_context", "[5, 2]", "[5, 1] float32"}},
      {"a gradient without a context",
       drawn,
       [](C& c) {
         c.out.grad_context = {c.memory.take<float>(10), {5, 2}};
       },
       {"grad_context", "nothing (the network has no context)", "[5, 2] float32"}},
      {"a gradient in the context's memory",
       needed,
       [](C& c) { c.out.grad_context.data = const_cast<void*>(c.in.batch.context.data); },
       {"grad_context", "memory of its own", "memory shared with context"}},
  };
}

MlpShape net_with(const Context& context) {
  MlpShape net = MlpShape::score(3, {4});
  net.parameterization = parameterization::Edm{};
  net.context = context;
  return net;
}
auto make_loss(const Context& context, double dropout) {
  return [=](const Engine& engine) {
    Loss loss{Dsm{}, schedule::Single{}};
    loss.context_dropout = dropout;
    LossPlan(engine, net_with(context), loss, 8);
  };
}
auto make_sampler(const Context& context, double guidance) {
  return [=](const Engine& engine) { SamplerPlan(engine, net_with(context), ProbabilityFlow{}, 8, guidance); };
}

std::vector<BadMake> bad_plans() {
  return {
      {"columns below 0", make_loss({-1}, 0), {"context.columns", "between 0 and 1048576", "-1"}},
      {"too many columns", make_loss({(1 << 20) + 1}, 0), {"context.columns", "between 0 and 1048576", "1048577"}},
      {"optional without columns",
       make_loss({0, true}, 0),
       {"context.optional", "false, as there are no columns", "true"}},
      {"dropout of 1", make_loss({2, true}, 1), {"context_dropout", "in [0, 1)", "1"}},
      {"dropout below 0", make_loss({2, true}, -0.5), {"context_dropout", "in [0, 1)", "-0.5"}},
      {"dropout NaN", make_loss({2, true}, kNan), {"context_dropout", "in [0, 1)", "nan"}},
      {"dropout of a needed context",
       make_loss({2}, 0.5),
       {"context_dropout", "0, as the network's context is not optional", "0.5"}},
      {"dropout without a context",
       make_loss({0}, 0.5),
       {"context_dropout", "0, as the network has no context", "0.5"}},
      {"dropout of a head",
       [](const Engine& engine) {
         Loss loss{Dsm{}, schedule::Single{}};
         loss.context_dropout = 0.25;
         HeadPlan(engine, 3, loss, 8);
       },
       {"context_dropout", "0, as PerturbPlan drops contexts", "0.25"}},
      {"dropout of a perturbation",
       [](const Engine& engine) { PerturbPlan(engine, 3, schedule::Single{}, 8, {}, {}, {2}, 0.25); },
       {"context_dropout", "0, as the network's context is not optional", "0.25"}},
      {"guidance of a needed context",
       make_sampler({2}, 3),
       {"guidance", "1, as the network's context is not optional", "3"}},
      {"guidance without a context", make_sampler({0}, 0), {"guidance", "1, as the network has no context", "0"}},
      {"guidance NaN", make_sampler({2, true}, kNan), {"guidance", "a finite value", "nan"}},
      {"guidance infinite", make_sampler({2, true}, -kInf), {"guidance", "a finite value", "-inf"}},
  };
}

class BadContext : public Engines {};

TEST_P(BadContext, OfALoss) { expect_all_refused(engine(), bad_contexts()); }
TEST_P(BadContext, OfAPlan) { expect_all_refused(engine(), bad_plans()); }

TEST_P(BadContext, OfScoresSamplersAndLikelihoods) {
  const Engine e = engine();
  const MlpShape net = net_with({2});
  Memory memory(e);
  const ConstView params(memory.fill<float>(net.param_count()), net.param_count()), x(memory.fill<float>(15), {5, 3}),
      sigma(memory.fill<float>(1), 1), context(memory.fill<float>(8), {4, 2});
  const View score(memory.take<float>(15), {5, 3}), samples(memory.take<float>(15), {5, 3}),
      value(memory.take<float>(5), 5);
  NoiseState noise(e, 1);
  for (const bool given : {false, true}) {
    const Refusal refusal{"context", given ? "[5, 2]" : "[5, 2] or [1, 2], or labels",
                          given ? "[4, 2] float32" : "nothing"};
    const ConstView bad = given ? context : ConstView();
    expect_refused(refusal, [&] {
      const ScorePlan plan(e, net, 8);
      Queue queue(e, plan.workspace_bytes());
      ScorePlan::In in{params, {x}};
      in.batch.sigma = sigma, in.batch.context = bad;
      plan.run(queue, in, {score});
    });
    expect_refused(refusal, [&] {
      const SamplerPlan plan(e, net, ProbabilityFlow{}, 8);
      Queue queue(e, plan.workspace_bytes());
      SamplerPlan::In in{params, noise};
      in.context = bad;
      plan.run(queue, in, {samples});
    });
    expect_refused(refusal, [&] {
      const LikelihoodPlan plan(e, net, {}, 8);
      Queue queue(e, plan.workspace_bytes());
      LikelihoodPlan::In in{params, {x}};
      in.batch.context = bad;
      plan.run(queue, in, {value});
    });
  }
  expect_refused({"context", "one for each sample, as guidance is 2", "nothing"}, [&] {
    const MlpShape free = net_with({2, true});
    const SamplerPlan plan(e, free, ProbabilityFlow{}, 8, 2);
    Queue queue(e, plan.workspace_bytes());
    plan.run(queue, {ConstView(memory.fill<float>(free.param_count()), free.param_count()), noise}, {samples});
  });
  expect_refused({"context", "nothing (the plan uses the caller's score function)", "[4, 2] float32"}, [&] {
    const SamplerPlan plan(
        e, 3, [](Queue&, ConstView, ConstView, View) {}, ProbabilityFlow{}, 8);
    Queue queue(e, plan.workspace_bytes());
    SamplerPlan::In in{{}, noise};
    in.context = context;
    plan.run(queue, in, {samples});
  });
}

INSTANTIATE_TEST_SUITE_P(On, BadContext, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
