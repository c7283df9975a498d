// LikelihoodPlan refuses each bad option and each bad argument by name and writes nothing.
#include <optional>

#include "scorematch/likelihood.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kBatch = 5, kDim = 3, kParams = 31;
constexpr const char* kFloat = "between 1.2e-38 and 3.4e38, the range of float32";

MlpShape good_net() {
  MlpShape net = MlpShape::score(kDim, {4});
  net.parameterization = parameterization::Edm{0.5};
  return net;
}

template <class Change>
auto make_with(const Change& change) {
  return [=](const Engine& engine) {
    Likelihood options;
    change(options);
    LikelihoodPlan(engine, good_net(), options, 8);
  };
}

std::vector<BadMake> bad_options() {
  using L = Likelihood;
  const auto score = [](Queue&, ConstView, ConstView, View, View) {};
  const auto evaluate = [](Queue&, const NetworkCall&) {};
  return {
      {"sigma_min 0", make_with([](L& l) { l.sigma_min = 0; }), {"likelihood.sigma_min", kFloat, "0"}},
      {"sigma_max infinite", make_with([](L& l) { l.sigma_max = kInf; }), {"likelihood.sigma_max", kFloat, "inf"}},
      {"downwards",
       make_with([](L& l) { l.sigma_min = 100; }),
       {"likelihood.sigma_max", "at least twice sigma_min 100", "80"}},
      {"one level",
       make_with([](L& l) { l.sigma_min = l.sigma_max = 0.1; }),
       {"likelihood.sigma_max", "at least twice sigma_min 0.1", "0.1"}},
      {"no steps", make_with([](L& l) { l.steps = 0; }), {"likelihood.steps", "between 1 and 2^23", "0"}},
      {"too many steps",
       make_with([](L& l) { l.steps = std::numeric_limits<int>::max(); }),
       {"likelihood.steps", "between 1 and 2^23", "2147483647"}},
      {"rho 0", make_with([](L& l) { l.rho = 0; }), {"likelihood.rho", "a finite value > 0", "0"}},
      {"rho not a number", make_with([](L& l) { l.rho = kNan; }), {"likelihood.rho", "a finite value > 0", "nan"}},
      {"prior negative", make_with([](L& l) { l.prior_deviation = -1; }), {"likelihood.prior_deviation", kFloat, "-1"}},
      {"prior not a number",
       make_with([](L& l) { l.prior_deviation = kNan; }),
       {"likelihood.prior_deviation", kFloat, "nan"}},
      {"projections negative",
       make_with([](L& l) { l.projections = -1; }),
       {"projections", "between 1 and 16384", "-1"}},
      {"distribution unknown",
       make_with([](L& l) { l.distribution = static_cast<Projection>(7); }),
       {"distribution", "between 0 and 5", "7"}},
      {"network that ignores sigma",
       [](const Engine& e) { LikelihoodPlan(e, MlpShape::score(3, {4}), {}, 8); },
       {"net", "a network that uses sigma", "one that ignores it"}},
      {"no batch", [](const Engine& e) { LikelihoodPlan(e, good_net(), {}, 0); }, {"max_batch", "between 1 and", "0"}},
      {"no score function",
       [](const Engine& e) { LikelihoodPlan(e, 3, nullptr, {}, 8); },
       {"score", "a function", "nothing"}},
      {"score function of no dimension",
       [=](const Engine& e) { LikelihoodPlan(e, 0, score, {}, 8); },
       {"dim", "between 1 and 1048576", "0"}},
      {"directions of a score function",
       [=](const Engine& e) {
         Likelihood options;
         options.projections = 2;
         LikelihoodPlan(e, 3, score, options, 8);
       },
       {"likelihood.projections", "0, as the score function computes the divergence", "2"}},
      {"own network without a function",
       [](const Engine& e) {
         LikelihoodPlan(e, OwnNetwork{3, nullptr}, {}, 8);
       },
       {"net.evaluate", "a function", "nothing"}},
      {"own network with a wrong option",
       [=](const Engine& e) {
         Likelihood options;
         options.steps = 0;
         LikelihoodPlan(e, OwnNetwork{3, evaluate}, options, 8);
       },
       {"likelihood.steps", "between 1 and 2^23", "0"}},
      {"own network with a negative number of directions",
       [=](const Engine& e) {
         Likelihood options;
         options.projections = -1;
         LikelihoodPlan(e, OwnNetwork{3, evaluate}, options, 8);
       },
       {"projections", "between 1 and 16384", "-1"}},
      {"scratch past 2^63 bytes",
       [=](const Engine& e) { LikelihoodPlan(e, 1 << 20, score, {}, std::int64_t{1} << 40); },
       {"max_batch", "at most 137438953471, as the likelihood needs 4 arrays of this size", "1099511627776"}},
  };
}

struct LikelihoodCall {
  explicit LikelihoodCall(const Engine& engine_) : engine(engine_), state(engine_, 1) {
    in.params = {memory.fill<float>(kParams), kParams};
    in.batch.x = {memory.fill<float>(kBatch * kDim), {kBatch, kDim}};
    in.batch.noise = state;
    out.log_likelihood = {memory.take<float>(kBatch), kBatch};
    out.latent = {memory.take<float>(kBatch * kDim), {kBatch, kDim}};
    out.mean = memory.take<Estimate>(1);
  }
  void run() {
    Likelihood options;
    options.steps = 2, options.projections = 1;
    const auto zero = [](Queue& queue, ConstView, ConstView, View score, View divergence) {
      write_zeros(queue, score);
      write_zeros(queue, divergence);
    };
    Likelihood exact = options;
    exact.projections = 0;
    const OwnNetwork network{kDim, [](Queue& queue, const NetworkCall& call) {
                               write_zeros(queue, call.output);
                               write_zeros(queue, call.jvp);
                             }};
    const LikelihoodPlan plan = own_net       ? LikelihoodPlan(engine, kDim, zero, exact, 8)
                                : own_network ? LikelihoodPlan(engine, network, options, 8)
                                              : LikelihoodPlan(engine, good_net(), options, 8);
    Queue queue(queue_engine.value_or(engine), plan.workspace_bytes() - missing_bytes);
    plan.run(queue, in, out);
  }

  Engine engine;
  Memory memory{engine};
  NoiseState state;
  bool own_net = false, own_network = false;
  LikelihoodPlan::In in;
  LikelihoodPlan::Out out;
  std::optional<Engine> queue_engine;
  std::size_t missing_bytes = 0;
};

std::vector<BadCall<LikelihoodCall>> bad_calls() {
  using C = LikelihoodCall;
  const auto library = [](C&) {};
  const auto own = [](C& c) { c.own_net = true, c.in.params = {}; };
  const auto own_network = [](C& c) { c.own_network = true, c.in.params = {}; };
  return {
      {"no params", library, [](C& c) { c.in.params = {}; }, {"params", "[31]", "nothing"}},
      {"params with a score function of the caller's",
       own,
       [](C& c) {
         c.in.params = {c.memory.fill<float>(31), 31};
       },
       {"params", "nothing (the plan uses the caller's score function)", "[31] float32"}},
      {"params with a network of the caller's",
       own_network,
       [](C& c) {
         c.in.params = {c.memory.fill<float>(31), 31};
       },
       {"params", "nothing (the network is the caller's)", "[31] float32"}},
      {"no noise for the directions of an own network",
       own_network,
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw directions from", "nothing"}},
      {"scratch too small for an own network",
       own_network,
       [](C& c) { c.missing_bytes = 1; },
       {"queue.workspace_bytes", "at least", ""}},
      {"no x", library, [](C& c) { c.in.batch.x = {}; }, {"x", "[any, 3]", "nothing"}},
      {"x of another width",
       library,
       [](C& c) {
         c.in.batch.x = {c.memory.fill<float>(20), {5, 4}};
       },
       {"x", "[any, 3]", "[5, 4] float32"}},
      {"x of too many rows",
       library,
       [](C& c) {
         c.in.batch.x = {c.memory.fill<float>(27), {9, 3}};
       },
       {"x", "a batch of 1 to 8", "9"}},
      {"sigma",
       library,
       [](C& c) {
         c.in.batch.sigma = {c.memory.fill<float>(1), 1};
       },
       {"sigma", "nothing (the plan has its own levels)", "[1] float32"}},
      {"eps",
       library,
       [](C& c) { c.in.batch.eps = c.in.batch.x; },
       {"eps", "nothing (no noise is added to x)", "[5, 3] float32"}},
      {"directions",
       library,
       [](C& c) {
         c.in.batch.directions = {c.memory.fill<float>(15), {1, 5, 3}};
       },
       {"directions", "nothing (they are drawn from noise)", "[1, 5, 3] float32"}},
      {"true score",
       library,
       [](C& c) { c.in.batch.true_score = c.in.batch.x; },
       {"true_score", "nothing (only losses use it)", "[5, 3] float32"}},
      {"weight",
       library,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<float>(5), {5}};
       },
       {"weight", "nothing (only losses use it)", "[5] float32"}},
      {"rows",
       library,
       [](C& c) {
         c.in.batch.rows = {c.memory.copy<std::int64_t>({0, 1, 2, 3, 4}), 5};
       },
       {"rows", "nothing (x is the batch)", "[5] int64"}},
      {"draw_rows", library, [](C& c) { c.in.batch.draw_rows = 5; }, {"draw_rows", "0, as x is the batch", "5"}},
      {"no noise for directions",
       library,
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw directions from", "nothing"}},
      {"values of fewer samples",
       library,
       [](C& c) { c.out.log_likelihood.shape = 4; },
       {"log_likelihood", "[5]", "[4] float32"}},
      {"latent of another width",
       library,
       [](C& c) {
         c.out.latent = {c.memory.take<float>(10), {5, 2}};
       },
       {"latent", "[5, 3]", "[5, 2] float32"}},
      {"latent over x",
       library,
       [](C& c) { c.out.latent.data = const_cast<void*>(c.in.batch.x.data); },
       {"latent", "memory of its own", "memory shared with x"}},
      {"queue of another engine",
       library,
       [](C& c) { c.queue_engine = another(c.engine); },
       {"queue", "a queue of the same engine", "one of another engine"},
       On::host},
      {"scratch too small", library, [](C& c) { c.missing_bytes = 1; }, {"queue.workspace_bytes", "at least", ""}},
  };
}

class BadLikelihood : public Engines {};

TEST_P(BadLikelihood, Options) { expect_all_refused(engine(), bad_options()); }
TEST_P(BadLikelihood, Calls) { expect_all_refused(engine(), bad_calls()); }

INSTANTIATE_TEST_SUITE_P(On, BadLikelihood, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
