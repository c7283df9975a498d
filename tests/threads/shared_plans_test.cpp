// Plans and a NoiseState that several threads use at once, each with its own queue: every thread gets the results of a
// single-threaded run.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "scorematch/scorematch.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::int64_t kBatch = 40;  // ThreadSanitizer takes fifty times as long
constexpr int kTurns = 2;
#else
constexpr std::int64_t kBatch = 150;
constexpr int kTurns = 4;
#endif
constexpr int kDim = 3, kThreads = 5;

using Values = std::vector<float>;

/// Expects `work` to return bit-identical results in every thread and turn and when run alone.
void expect_the_same(const std::function<Values()>& work) {
  const Values alone = work();
  EXPECT_FALSE(alone.empty());
  std::vector<std::vector<Values>> results(kThreads);
  std::vector<std::thread> threads;
  for (auto& each : results)
    threads.emplace_back([&work, &each] {
      for (int turn = 0; turn < kTurns; ++turn) each.push_back(work());
    });
  for (auto& each : threads) each.join();
  for (const auto& each : results)
    for (const Values& got : each) EXPECT_TRUE(got == alone);
}

class SharedPlans : public testing::TestWithParam<std::string> {
 protected:
  Engine engine = engine_named(GetParam());
  MlpShape net = MlpShape::diffusion(kDim);
  NoiseState noise{engine, 3};
  Buffer<float> params = engine.upload(net.initial_params(1));
  Buffer<float> x = engine.upload(normal_values(kBatch * kDim), {kBatch, kDim});

 private:
  static Values normal_values(std::int64_t count) {
    std::mt19937_64 generator(5);
    std::normal_distribution<float> normal;
    Values values(static_cast<std::size_t>(count));
    for (float& each : values) each = normal(generator);
    return values;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, SharedPlans, testing::Values("reference", "cpu"),
                         [](const auto& info) { return info.param; });

TEST_P(SharedPlans, OfLosses) {
  for (const Objective& objective : {Objective(Dsm{}), Objective(Ssm{2})}) {
    Loss loss = Loss::diffusion();
    loss.objective = objective;
    const LossPlan plan(engine, net, loss, kBatch);
    expect_the_same([&] {
      Queue queue(engine, plan.workspace_bytes());
      auto grad = engine.allocate<float>(net.param_count());
      plan.run(queue, {params, x, noise}, {nullptr, grad});
      return queue.read(grad);
    });
  }
}

TEST_P(SharedPlans, OfSamplers) {
  const SamplerPlan plan(engine, net, ProbabilityFlow{0.002, 80, 3, 7}, kBatch);
  expect_the_same([&] {
    Queue queue(engine, plan.workspace_bytes());
    auto samples = engine.allocate<float>({kBatch, kDim});
    plan.run(queue, params, noise, samples);
    return queue.read(samples);
  });
}

TEST_P(SharedPlans, OfDirections) {
  const DirectionPlan plan(engine, kDim, 2, Projection::sphere, kBatch);
  expect_the_same([&] {
    Queue queue(engine, 0);
    auto directions = engine.allocate<float>({2, kBatch, kDim});
    plan.run(queue, noise, directions);
    return queue.read(directions);
  });
}

}  // namespace
}  // namespace scorematch::testing_support
