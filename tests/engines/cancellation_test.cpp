// A call that the caller cancels with a flag throws and changes only its outputs. The same call without the flag gives
// the usual results.
#include <atomic>
#include <chrono>
#include <thread>

#include "scorematch/loss.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

class Cancellation : public EngineTest {};

TEST_P(Cancellation, ThrowsAndLeavesTheNextCallAsItWas) {
  MlpShape net = MlpShape::score(40, {48, 48});
  for (const Loss& loss : {Loss{Dsm{}, schedule::Single{0.5}, {}}, Loss{Ism{}, schedule::Single{0.5}, {}},
                           Loss{Ssm{3}, schedule::Single{0.5}, {}}}) {
    for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy}) {
      net.kind = kind;
      const std::int64_t batch = 96;
      const LossPlan plan(engine, net, loss, batch);
      Queue queue(engine, plan.workspace_bytes());
      const std::vector<double> z = normal_values(batch * net.dim, 1);
      const auto x = engine.upload(std::vector<float>(z.begin(), z.end()), {batch, net.dim});
      const auto params = engine.upload(net.initial_params(1));
      auto grad = engine.allocate<float>(net.param_count());
      auto estimate = engine.allocate<Estimate>();
      const NoiseState noise(engine, 2);
      LossPlan::In in{params, {x, noise}};
      plan.run(queue, in, {estimate.data(), grad});
      const std::vector<float> expected = queue.read(grad);
      const double mean = queue.read_one(estimate).mean;

      std::atomic<bool> flag{true};
      in.cancelled = &flag;
      try {
        plan.run(queue, in, {estimate.data(), grad});
        ADD_FAILURE() << "was not cancelled";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::cancelled) << error.what();
        EXPECT_EQ(error.argument(), "cancelled");
      }
      flag = false;
      plan.run(queue, in, {estimate.data(), grad});
      EXPECT_EQ(queue.read(grad), expected);
      EXPECT_EQ(queue.read_one(estimate).mean, mean);
    }
  }
}

// On the host, a call has finished when it returns. This one would take a minute and is cancelled after 0.1 seconds.
TEST_P(Cancellation, ComesInTheMiddleOfACall) {
  if (engine.kind() == Engine::Kind::cuda) GTEST_SKIP() << "its calls only enqueue";
  const MlpShape net = MlpShape::score(200, {256, 256});
  const std::int64_t batch = engine.kind() == Engine::Kind::reference ? 500 : 60000;
  const LossPlan plan(engine, net, {Ism{}, schedule::Single{0.5}, {}}, batch);
  Queue queue(engine, plan.workspace_bytes());
  const auto x = engine.upload(std::vector<float>(static_cast<std::size_t>(batch) * 200, 0.5f), {batch, net.dim});
  const auto params = engine.upload(net.initial_params(1));
  auto grad = engine.allocate<float>(net.param_count());
  const NoiseState noise(engine, 2);
  std::atomic<bool> flag{false};
  LossPlan::In in{params, {x, noise}};
  in.cancelled = &flag;
  std::chrono::steady_clock::time_point set;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    set = std::chrono::steady_clock::now();
    flag = true;
  });
  ErrorCode code = ErrorCode::io;
  try {
    plan.run(queue, in, {nullptr, grad});
  } catch (const Error& error) {
    code = error.code();
  }
  other.join();
  EXPECT_EQ(code, ErrorCode::cancelled);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - set).count(), 3);
}

INSTANTIATE_TEST_SUITE_P(Each, Cancellation, testing::ValuesIn(built_engine_names()),
                         [](const testing::TestParamInfo<std::string>& each) { return each.param; });

}  // namespace
}  // namespace scorematch::testing_support
