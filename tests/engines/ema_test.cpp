// Ema against its recursion in double, and against the average that Adam has.
#include "scorematch/ema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "scorematch/adam.h"
#include "support/engine_test.h"
#include "support/refusal.h"

namespace scorematch::testing_support {
namespace {

std::vector<float> random_floats(std::int64_t n, unsigned seed) {
  const std::vector<double> values = normal_values(n, seed);
  return {values.begin(), values.end()};
}

class Averages : public EngineTest {
 protected:
  std::vector<float> read(Queue& queue, const Ema& ema) { return queue.read_f32(ema.average()); }
};
INSTANTIATE_TEST_SUITE_P(Engines, Averages, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// Below, at and above the width of the rows in which engines compute it.
TEST_P(Averages, FollowTheirRecursion) {
  for (const std::int64_t n : {1, 17, 1023, 1024, 1025, 5000}) {
    Queue queue(engine, 0);
    Ema ema(engine, n, 0.9);
    const auto start = engine.upload(random_floats(n, 1));
    ema.start(queue, start);
    EXPECT_EQ(read(queue, ema), random_floats(n, 1));
    for (unsigned t = 2; t < 6; ++t) {
      const std::vector<float> before = read(queue, ema), params = random_floats(n, t);
      const auto on_engine = engine.upload(params);
      ema.update(queue, on_engine);
      const std::vector<float> after = read(queue, ema);
      for (std::size_t i = 0; i < after.size(); ++i) {
        const double a = static_cast<double>(before[i]), p = static_cast<double>(params[i]);
        // Two products and two sums, and the weight and the average are rounded.
        ASSERT_NEAR(static_cast<double>(after[i]), 0.9 * a + 0.1 * p,
                    0x1p-24 * (5 * 0.1 * (std::abs(a) + std::abs(p)) + 2 * (std::abs(a) + std::abs(p))));
      }
    }
  }
}

// A weight of 1e-4, rounded, and its complement, rounded, would not add up to 1.
TEST_P(Averages, OfConstantParametersAreThemselves) {
  Queue queue(engine, 0);
  Ema ema(engine, 100, 0.9999);
  const auto params = engine.upload(random_floats(100, 5));
  ema.start(queue, params);
  for (int t = 0; t < 100; ++t) ema.update(queue, params);
  EXPECT_EQ(read(queue, ema), random_floats(100, 5));
}

TEST_P(Averages, AreThoseOfAdam) {
  constexpr std::int64_t kCount = 3000;
  constexpr double kDecay = 0.95;
  Adam::Options options;
  options.learning_rate = 0.1, options.ema_decay = kDecay;
  Adam adam(engine, kCount, options);
  Ema ema(engine, kCount, kDecay);
  Queue queue(engine, 0);
  auto params = engine.upload(random_floats(kCount, 1));
  ema.start(queue, params);
  constexpr int kSteps = 20;
  for (unsigned t = 0; t < kSteps; ++t) {
    const auto grad = engine.upload(random_floats(kCount, 10 + t));
    adam.step(queue, params, grad);
    ema.update(queue, params);
  }
  const std::vector<float> got = read(queue, ema), want = queue.read_f32(adam.ema());
  // Each step rounds both averages, and 3 more operations on the change, which is at most 2 here.
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i], kSteps * 0x1p-24f * (4 * std::abs(want[i]) + 8)) << i;
}

TEST_P(Averages, SettleWhenTheirStartIsForgotten) {
  const Ema ema(engine, 1, 0.9);  // 0.9^44 = 0.0097
  EXPECT_FALSE(ema.is_settled(43));
  EXPECT_TRUE(ema.is_settled(44));
  EXPECT_EQ(ema.decay(), 0.9);
}

TEST_P(Averages, RefuseWhatTheyCannotAverage) {
  using test::expect_refused;
  expect_refused({"param_count", "between 1 and", "0"}, [&] { Ema(engine, 0, 0.9); });
  for (const double decay : {0.0, 1.0, -0.5, std::nan("")})
    expect_refused({"decay", "in (0, 1)", ""}, [&] { Ema(engine, 3, decay); });
  Queue queue(engine, 0), stranger(test::another(engine), 0);
  Ema ema(engine, 3, 0.9);
  const auto params = engine.upload(random_floats(3, 1)), longer = engine.upload(random_floats(4, 1));
  const auto doubles = engine.allocate<double>(3);
  expect_refused({"ema", "one with a start", "an update before start()"}, [&] { ema.update(queue, params); });
  expect_refused({"queue", "a queue of the same engine", "one of another engine"},
                 [&] { ema.start(stranger, params); });
  ema.start(queue, params);
  expect_refused({"params", "[3]", "nothing"}, [&] { ema.update(queue, {}); });
  expect_refused({"params", "[3]", "[4] float32"}, [&] { ema.update(queue, longer); });
  expect_refused({"params", "[3] float32", "[3] float64"}, [&] { ema.update(queue, doubles); });
  expect_refused({"average", "memory of its own", "memory shared with params"},
                 [&] { ema.update(queue, ema.average()); });
  EXPECT_EQ(read(queue, ema), random_floats(3, 1));
  Ema other = std::move(ema);
  expect_refused({"ema", "an Ema", "one that has been moved from"}, [&] { ema.average(); });
  EXPECT_EQ(read(queue, other), random_floats(3, 1));
}

}  // namespace
}  // namespace scorematch::testing_support
