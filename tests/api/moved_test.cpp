// Objects that have been moved from: engines and plans are copied by a move, queues and Adam refuse every call by name.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "scorematch/scorematch.h"
#include "support/refusal.h"

namespace scorematch {
namespace {

using test::expect_refused;

constexpr int kDim = 2, kRows = 4;

class Moved : public testing::Test {
 protected:
  Engine engine = Engine::reference();
  MlpShape net = MlpShape::diffusion(kDim);
  Queue queue{engine, 1 << 22};
  Buffer<float> params = engine.upload(net.initial_params(1));
  Buffer<float> x = engine.upload(std::vector<float>(kRows * kDim, 0.5f), {kRows, kDim});
  Buffer<float> out = engine.allocate<float>({kRows, kDim});
  Buffer<Estimate> loss = engine.allocate<Estimate>();
  NoiseState noise{engine, 3};
};

TEST_F(Moved, EnginesAreStillEngines) {
  Engine first = Engine::reference();
  const Engine second = std::move(first);
  EXPECT_EQ(first.kind(), Engine::Kind::reference);
  EXPECT_EQ(first.allocate<float>(3).size(), 3);
  first = std::move(engine);
  EXPECT_EQ(engine.description(), second.description());
}

TEST_F(Moved, PlansStillCompute) {
  LossPlan plan(engine, net, Loss::diffusion(), kRows);
  const LossPlan second = std::move(plan);
  plan.run(queue, {params, {x, noise}}, {loss});
  const double before = queue.read_one(loss).mean;
  second.run(queue, {params, {x, noise}}, {loss});
  EXPECT_EQ(queue.read_one(loss).mean, before);
  EXPECT_EQ(plan.workspace_bytes(), second.workspace_bytes());

  LossPlan other(engine, net, Loss::diffusion(), 1);
  other = std::move(plan);
  plan.run(queue, {params, {x, noise}}, {loss});

  ScorePlan score(engine, net, kRows);
  const ScorePlan score2 = std::move(score);
  const auto sigma = engine.upload(std::vector<float>{0.5f});
  score.run(queue, {params, {x, {}, sigma}}, {out});
  SamplerPlan sampler(engine, net, ProbabilityFlow{}, kRows);
  const SamplerPlan sampler2 = std::move(sampler);
  sampler.run(queue, params, noise, {out});
  LikelihoodPlan likelihood(engine, net, Likelihood{0.1, 10, 2}, kRows);
  const LikelihoodPlan likelihood2 = std::move(likelihood);
  likelihood.run(queue, {params, {x}}, {{}, out, loss});
  PerturbPlan perturb(engine, kDim, schedule::Single{}, kRows);
  const PerturbPlan perturb2 = std::move(perturb);
  perturb.run(queue, {x, noise}, {{}, {}, out});
  DirectionPlan directions(engine, kDim, 1, Projection::sphere, kRows);
  const DirectionPlan directions2 = std::move(directions);
  auto v = engine.allocate<float>({1, kRows, kDim});
  directions.run(queue, noise, v);
  HeadPlan head(engine, kDim, {Dsm{}, schedule::Single{}}, kRows);
  const HeadPlan head2 = std::move(head);
  head.run(queue, {{{}, noise}, x}, {loss});
}

TEST_F(Moved, QueuesRefuseByName) {
  Queue second = std::move(queue);
  const auto refused = [](const auto& call) {
    expect_refused({"queue", "a queue", "one that has been moved from"}, call);
  };
  refused([&] { queue.synchronize(); });
  refused([&] { queue.stream(); });
  refused([&] { queue.read(x); });
  refused([&] { queue.read_one(loss); });
  refused([&] { queue.read_f32(x); });
  const std::vector<float> host(kRows * kDim);
  refused([&] { queue.write(x, host.data()); });
  refused([&] { noise.advance(queue); });
  refused([&] { noise.read(queue); });
  const LossPlan plan(engine, net, Loss::diffusion(), kRows);
  refused([&] { plan.run(queue, {params, {x, noise}}, {loss}); });
  Adam adam(engine, net.param_count(), {});
  refused([&] { adam.step(queue, params, params); });
  refused([&] { adam.progress(queue); });
  queue = std::move(second);
  queue.synchronize();
}

TEST_F(Moved, AdamRefusesByName) {
  Adam adam(engine, net.param_count(), {});
  const auto grad = engine.allocate<float>(net.param_count());
  Adam second = std::move(adam);
  const auto refused = [](const auto& call) {
    expect_refused({"adam", "an Adam", "one that has been moved from"}, call);
  };
  refused([&] { adam.step(queue, params, grad); });
  refused([&] { adam.set_learning_rate(queue, 1); });
  refused([&] { adam.ema(); });
  refused([&] { adam.progress(queue); });
  refused([&] { adam.snapshot(queue); });
  refused([&] { adam.restore(queue, second.snapshot(queue)); });
  adam = std::move(second);
  adam.step(queue, params, grad);
}

// ---- what callers hand over

TEST_F(Moved, ArraysOfTheCallerAreCopied) {
  const float host[] = {1, 2, 3, 4, 5, 6};
  auto here = engine.upload(host, {3, 2});
  EXPECT_EQ(here.shape().extent[0], 3);
  std::vector<float> back(6);
  queue.read(here, back.data());
  EXPECT_EQ(back, std::vector<float>(host, host + 6));
  expect_refused({"host", "memory to copy from", "nothing"}, [&] {
    engine.upload(static_cast<const float*>(nullptr), {3, 2});
  });
  expect_refused({"host", "memory to copy to", "nothing"}, [&] { queue.read(here, static_cast<float*>(nullptr)); });
}

}  // namespace
}  // namespace scorematch
