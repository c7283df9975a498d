// The cpu engine on threads of the caller.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "scorematch/scorematch.h"
#include "support/refusal.h"

namespace scorematch {
namespace {

constexpr int kDim = 6, kRows = 700;

std::vector<float> gradient_on(const Engine& engine) {
  const MlpShape net = MlpShape::score(kDim, {24, 24});
  const LossPlan plan(engine, net, Loss::diffusion(), kRows);
  Queue queue(engine, plan.workspace_bytes());
  std::vector<float> rows(kRows * kDim);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 13) / 13;
  const auto x = engine.upload(rows, {kRows, kDim});
  const auto params = engine.upload(net.initial_params(1, Initialization::torch));
  const NoiseState noise(engine, 3);
  auto grad = engine.allocate<float>(net.param_count());
  auto loss = engine.allocate<Estimate>();
  plan.run(queue, {params, {x, noise}}, {loss.data(), grad});
  return queue.read(grad);
}

using Part = std::function<void(int)>;

TEST(CallersThreads, GiveTheSameBits) {
  const std::vector<float> expected = gradient_on(Engine::cpu(1));
  const auto at_once = [](int count, const Part& part) {
    std::vector<std::future<void>> parts;
    for (int i = 1; i < count; ++i) parts.push_back(std::async(std::launch::async, part, i));
    part(0);
    for (auto& each : parts) each.get();
  };
  const auto backwards = [](int count, const Part& part) {
    for (int i = count; i-- > 0;) part(i);
  };
  const auto only_the_last = [](int count, const Part& part) { part(count - 1); };
  const auto none = [](int, const Part&) {};  // against the rules, but the engine does not lose work
  for (const int threads : {1, 2, 3, 8}) {
    EXPECT_EQ(gradient_on(Engine::cpu({threads, at_once})), expected) << threads;
    EXPECT_EQ(gradient_on(Engine::cpu({threads, backwards})), expected) << threads;
    EXPECT_EQ(gradient_on(Engine::cpu({threads, only_the_last})), expected) << threads;
    EXPECT_EQ(gradient_on(Engine::cpu({threads, none})), expected) << threads;
  }
}

TEST(CallersThreads, AreAskedForDifferentParts) {
  std::mutex mutex;
  std::set<int> sizes;
  const Engine engine = Engine::cpu({4, [&](int count, const Part& part) {
                                       ASSERT_GE(count, 1);
                                       ASSERT_LE(count, 4);
                                       {
                                         const std::lock_guard<std::mutex> lock(mutex);
                                         sizes.insert(count);
                                       }
                                       for (int i = 0; i < count; ++i) part(i);
                                     }});
  gradient_on(engine);
  EXPECT_EQ(*sizes.rbegin(), 4);
  EXPECT_EQ(engine.description().substr(0, 14), "cpu: 4 threads");
}

TEST(CallersThreads, PassOnTheExecutorsFailure) {
  const Engine engine = Engine::cpu({2, [](int, const Part&) { throw std::runtime_error("the pool has stopped"); }});
  EXPECT_THROW(gradient_on(engine), std::runtime_error);
}

TEST(CallersThreads, FinishAnAdamStepThatHasBegun) {
  const std::vector<float> before(40'000, 1), grads(before.size(), 2);
  const auto count = static_cast<std::int64_t>(before.size());
  for (const int failing : {1, 2}) {  // the loop of the norm, the loop of the step
    int calls = 0;
    const Engine engine = Engine::cpu({4, [&](int parts, const Part& part) {
                                         part(parts - 1);
                                         if (++calls == failing) throw std::runtime_error("the pool has stopped");
                                       }});
    Adam adam(engine, count, {});
    Queue queue(engine, 0);
    auto params = engine.upload(before), grad = engine.upload(grads);
    EXPECT_THROW(adam.step(queue, params, grad), std::runtime_error);
    EXPECT_EQ(adam.progress(queue).step, failing - 1);
    const std::vector<float> after = queue.read(params);
    EXPECT_EQ(after.front() == 1, failing == 1);
    for (const float each : after) ASSERT_EQ(each, after.front());
  }
}

TEST(CallersThreads, AreChecked) {
  const auto alone = [](int, const Part& part) { part(0); };
  test::expect_refused({"executor.threads", "between 1 and 4096", "0"}, [&] { Engine::cpu({0, alone}); });
  test::expect_refused({"executor.threads", "between 1 and 4096", "4097"}, [&] { Engine::cpu({4097, alone}); });
  test::expect_refused({"executor.run", "a function", "nothing"}, [] { Engine::cpu(CpuExecutor{2, {}}); });
}

}  // namespace
}  // namespace scorematch
