// Adam refuses each bad argument by name and writes nothing.
#include <optional>

#include "scorematch/adam.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kCount = 6;

struct AdamCall {
  explicit AdamCall(const Engine& engine_)
      : engine(engine_), adam(engine_, kCount, {1e-3, 0.9, 0.999, 1e-8, 0, 0, 0.5}) {
    params = {memory.fill<float>(kCount), kCount};
    grad = {memory.fill<float>(kCount), kCount};
    Queue queue(engine, 0);
    snapshot = adam.snapshot(queue);
  }
  void run() {
    Queue queue(queue_engine.value_or(engine), 0);
    if (act) return act(queue);
    adam.step(queue, params, grad, loss_scale);
  }

  Engine engine;
  Memory memory{engine};
  Adam adam;
  View params;
  ConstView grad;
  double loss_scale = 1;
  Adam::Snapshot snapshot;
  std::optional<Engine> queue_engine;
  std::function<void(Queue&)> act;  // instead of a step
};

std::vector<BadCall<AdamCall>> bad_steps() {
  using C = AdamCall;
  const auto step = [](C&) {};
  return {
      {"no params", step, [](C& c) { c.params = {}; }, {"params", "[6]", "nothing"}},
      {"params short", step, [](C& c) { c.params.shape = 5; }, {"params", "[6]", "[5] float32"}},
      {"params misaligned",
       step,
       [](C& c) { shift(c.params, 1); },
       {"params", "an address that is a multiple of 4", "1 bytes past a multiple"}},
      {"params float64",
       step,
       [](C& c) {
         c.params = {c.memory.fill<double>(6), 6};
       },
       {"params", "[6] float32", "[6] float64"}},
      {"params strided", step, [](C& c) { c.params.stride[0] = 0; }, {"params", "a last axis of stride 1", "0"}},
      {"no grad", step, [](C& c) { c.grad = {}; }, {"grad", "[6]", "nothing"}},
      {"grad long", step, [](C& c) { c.grad.shape = 7; }, {"grad", "[6]", "[7] float32"}},
      {"grad float64",
       step,
       [](C& c) {
         c.grad = {c.memory.fill<double>(6), 6};
       },
       {"grad", "[6] float32", "[6] float64"}},
      {"params in the memory of grad",
       step,
       [](C& c) { c.params.data = const_cast<void*>(c.grad.data); },
       {"params", "memory of its own", "memory shared with grad"}},
      {"loss_scale 0", step, [](C& c) { c.loss_scale = 0; }, {"loss_scale", "a finite value > 0", "0"}},
      {"loss_scale not a number", step, [](C& c) { c.loss_scale = kNan; }, {"loss_scale", "a finite value > 0", "nan"}},
      {"queue of another engine",
       step,
       [](C& c) { c.queue_engine = another(c.engine); },
       {"queue", "a queue of the same engine", "one of another engine"}},
  };
}

class BadAdam : public Engines {};

TEST_P(BadAdam, Steps) { expect_all_refused(engine(), bad_steps()); }

TEST_P(BadAdam, Options) {
  const auto make = [](auto change) {
    return [=](const Engine& engine) {
      Adam::Options options;
      change(options);
      Adam(engine, kCount, options);
    };
  };
  using O = Adam::Options;
  const char *fraction = "in [0, 1)", *not_negative = "a finite value >= 0";
  expect_all_refused(
      engine(),
      std::vector<BadMake>{
          {"no parameters", [](const Engine& e) { Adam(e, 0, {}); }, {"param_count", "between 1 and", "0"}},
          {"parameters past 2^63 bytes",
           [](const Engine& e) { Adam(e, std::int64_t{1} << 62, {}); },
           {"param_count", "between 1 and 1099511627776", "4611686018427387904"}},
          {"rate negative", make([](O& o) { o.learning_rate = -1; }), {"learning_rate", not_negative, "-1"}},
          {"rate not a number", make([](O& o) { o.learning_rate = kNan; }), {"learning_rate", not_negative, "nan"}},
          {"beta1 1", make([](O& o) { o.beta1 = 1; }), {"beta1", fraction, "1"}},
          {"beta2 negative", make([](O& o) { o.beta2 = -0.5; }), {"beta2", fraction, "-0.5"}},
          {"epsilon 0", make([](O& o) { o.epsilon = 0; }), {"epsilon", "between 1.2e-38 and 3.4e38", "0"}},
          {"epsilon below float32",
           make([](O& o) { o.epsilon = 1e-60; }),
           {"epsilon", "between 1.2e-38 and 3.4e38", "1e-60"}},
          {"decay infinite", make([](O& o) { o.weight_decay = kInf; }), {"weight_decay", not_negative, "inf"}},
          {"norm negative", make([](O& o) { o.max_grad_norm = -1; }), {"max_grad_norm", not_negative, "-1"}},
          {"average not a number", make([](O& o) { o.ema_decay = kNan; }), {"ema_decay", fraction, "nan"}},
          {"group before the first parameter",
           make([](O& o) {
             o.groups = {{0, 1}, {-1, 2}};
           }),
           {"groups[1].begin", "between 0 and 1099511627776", "-1"}},
          {"group of nothing",
           make([](O& o) {
             o.groups = {{2, 0}};
           }),
           {"groups[0].count", "between 1 and 1099511627776", "0"}},
          {"group past the last parameter",
           make([](O& o) {
             o.groups = {{4, 3}};
           }),
           {"groups[0]", "elements of the 6 parameters", "3 from element 4"}},
          {"group with a negative rate",
           make([](O& o) {
             o.groups = {{0, 1, -1}};
           }),
           {"groups[0].learning_rate", not_negative, "-1"}},
          {"group with a decay not a number",
           make([](O& o) {
             o.groups = {{0, 1, 1, kNan}};
           }),
           {"groups[0].weight_decay", not_negative, "nan"}},
          {"too many groups",
           make([](O& o) {
             o.groups.assign(4097, {0, 1});
           }),
           {"groups", "at most 4096", "4097"}},
      });
}

TEST_P(BadAdam, Snapshots) {
  const Engine on = engine();
  const auto restoring = [](AdamCall& c) {
    c.act = [&c](Queue& queue) {
      c.adam.restore(queue, c.snapshot);
      c.params.data = c.memory.fill<float>(kCount);  // a valid call writes
    };
  };
  const auto spoil = [](auto change) { return [=](AdamCall& c) { change(c.snapshot); }; };
  using S = Adam::Snapshot;
  expect_all_refused(
      on, std::vector<BadCall<AdamCall>>{
              {"first moment short",
               restoring,
               spoil([](S& s) { s.first_moment.pop_back(); }),
               {"first_moment", "6 values", "5"}},
              {"first moment not a number",
               restoring,
               spoil([](S& s) { s.first_moment[2] = static_cast<float>(kNan); }),
               {"first_moment", "finite values", "nan at 2"}},
              {"second moment long",
               restoring,
               spoil([](S& s) { s.second_moment.push_back(0); }),
               {"second_moment", "6 values", "7"}},
              {"second moment negative",
               restoring,
               spoil([](S& s) { s.second_moment[0] = -1; }),
               {"second_moment", "values >= 0", "-1"}},
              {"no average", restoring, spoil([](S& s) { s.ema.clear(); }), {"ema", "6 values", "0"}},
              {"average infinite",
               restoring,
               spoil([](S& s) { s.ema[5] = static_cast<float>(kInf); }),
               {"ema", "finite values", "inf at 5"}},
              {"a missing average",
               restoring,
               spoil([](S& s) { s.ema.clear(), s.options.ema_decay = 0; }),
               {"ema_decay", "> 0, as in this Adam", "0"}},
              {"step negative",
               restoring,
               spoil([](S& s) { s.progress.step = -1; }),
               {"progress.step", "between 0 and", "-1"}},
              {"skipped negative",
               restoring,
               spoil([](S& s) { s.progress.skipped = -1; }),
               {"progress.skipped", "between 0 and", "-1"}},
              {"rate not a number",
               restoring,
               spoil([](S& s) { s.progress.learning_rate = kNan; }),
               {"progress.learning_rate", "a finite value >= 0", "nan"}},
              {"group of other parameters",
               restoring,
               spoil([](S& s) {
                 s.options.groups = {{0, 7}};
               }),
               {"groups[0]", "elements of the 6 parameters", "7 from element 0"}},
              {"options bad", restoring, spoil([](S& s) { s.options.beta1 = 2; }), {"beta1", "in [0, 1)", "2"}},
              {"queue of another engine",
               restoring,
               [](AdamCall& c) { c.queue_engine = another(c.engine); },
               {"queue", "a queue of the same engine", "one of another engine"}},
          });

  // A refused snapshot changes nothing.
  AdamCall call(on);
  S bad = call.snapshot;
  bad.options.beta1 = 0.25;
  bad.progress.step = 77;
  bad.second_moment[3] = -1;
  Queue queue(on, 0), stranger(another(on), 0);
  EXPECT_THROW(call.adam.restore(queue, bad), Error);
  EXPECT_EQ(call.adam.snapshot(queue).options.beta1, 0.9);
  EXPECT_EQ(call.adam.progress(queue).step, 0);
  const Refusal other{"queue", "a queue of the same engine", "one of another engine"};
  expect_refused(other, [&] { call.adam.progress(stranger); });
  expect_refused(other, [&] { call.adam.snapshot(stranger); });
  expect_refused(other, [&] { call.adam.set_learning_rate(stranger, 1); });
  expect_refused({"learning_rate", "a finite value >= 0", "inf"}, [&] { call.adam.set_learning_rate(queue, kInf); });
  EXPECT_EQ(call.adam.progress(queue).learning_rate, 1e-3);
  const Adam without(on, kCount, {});
  expect_refused({"ema_decay", "> 0 for an average", "0"}, [&] { without.ema(); });
}

INSTANTIATE_TEST_SUITE_P(On, BadAdam, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
