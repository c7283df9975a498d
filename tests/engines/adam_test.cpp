// Adam against the algorithms of the papers in double, one step at a time from the engine's state, and its bookkeeping.
#include "scorematch/adam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;
using Floats = std::vector<float>;

constexpr double kFloatRoundoff = 0x1p-24;

Floats floats(const Vector& values) { return {values.begin(), values.end()}; }
Floats random_floats(std::int64_t n, unsigned seed) { return floats(normal_values(n, seed)); }

/// Adam with the parameters that it updates.
class Trainer {
 public:
  Trainer(const Engine& engine, const Floats& start, const Adam::Options& options)
      : engine_(engine),
        queue_(engine, 0),
        params_(engine.upload(start)),
        adam_(engine, static_cast<std::int64_t>(start.size()), options) {}

  void step(const Floats& grad, double loss_scale = 1) {
    const auto on_engine = engine_.upload(grad);
    adam_.step(queue_, params_, on_engine, loss_scale);
  }
  Floats params() { return queue_.read(params_); }
  Adam::Snapshot snapshot() { return adam_.snapshot(queue_); }
  Adam::Progress progress() { return adam_.progress(queue_); }
  void restore(const Adam::Snapshot& snapshot) { adam_.restore(queue_, snapshot); }
  void set_learning_rate(double rate) { adam_.set_learning_rate(queue_, rate); }

 private:
  Engine engine_;
  Queue queue_;
  Buffer<float> params_;
  Adam adam_;
};

struct Number {
  double value = 0, error = 0;  // error: the largest allowed
};

/// Kingma & Ba 2015, algorithm 1, on one parameter, with the decay of Loshchilov & Hutter 2019, algorithm 2, line 12.
/// `u` bounds each rounding of the engine's arithmetic. Storing a result rounds it once more.
struct PaperStep {
  Number theta, m, v, average;

  PaperStep(const Adam::Options& o, double rate, std::int64_t step, double g, double theta_0, double m_0, double v_0,
            double average_0, double u) {
    const auto t = static_cast<double>(step);
    const double w1 = 1 - o.beta1, w2 = 1 - o.beta2, w3 = 1 - o.ema_decay, decay = rate * o.weight_decay;
    // g is off by 2 u. m + w1 (g - m): 2 for g, then -, w1, *. The rounding of the sum is that of storing.
    m.value = o.beta1 * m_0 + w1 * g;
    m.error = stored(m.value) + 5 * u * w1 * (std::abs(g) + std::abs(m_0));
    // v + w2 (g g - v): 4 for g, then *, -, w2, *.
    v.value = o.beta2 * v_0 + w2 * g * g;
    v.error = stored(v.value) + 8 * u * w2 * (g * g + v_0);
    // Because w2 (g^2 + v) <= 2 v' for beta2 >= 1/2, v' is off by at most 17 u and its root by 8.5 u. Then come sqrt,
    // 1 / sqrt(bias), *, epsilon and +.
    const double denominator = std::sqrt(v.value / (1 - std::pow(o.beta2, t))) + o.epsilon;
    const double pace = rate / (1 - std::pow(o.beta1, t)), move = pace * m.value / denominator;
    const double off_m = 5 * u * w1 * (std::abs(g) + std::abs(m_0)) + u * std::abs(m.value);
    theta.value = theta_0 - decay * theta_0 - move;
    theta.error =
        stored(theta.value) + 4 * u * std::abs(theta_0) + pace * off_m / denominator + (14 + 4) * u * std::abs(move);
    average.value = o.ema_decay * average_0 + w3 * theta.value;
    average.error =
        stored(average.value) + 2 * w3 * theta.error + 4 * u * w3 * (std::abs(theta.value) + std::abs(average_0));
  }

  static double stored(double value) { return kFloatRoundoff * 1.001 * std::abs(value); }
};

class Steps : public EngineTest {
 protected:
  double u = unit_roundoff(engine);
};
INSTANTIATE_TEST_SUITE_P(Engines, Steps, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

struct Setting {
  Adam::Options options;
  double loss_scale = 1;
};

std::vector<Setting> settings() {
  std::vector<Setting> all(6);
  all[1].options.weight_decay = 0.1;
  all[2].options.max_grad_norm = 3;  // less than the norm of most gradients here
  all[3].options.ema_decay = 0.9;
  all[4].loss_scale = 1024;
  all[5] = {{0.05, 0.5, 0.9, 1e-3, 0.2, 5, 0.99}, 0.125};
  return all;
}

TEST_P(Steps, FollowThePapers) {
  for (const Setting& setting : settings())
    for (const std::int64_t n : {1, 15, 16, 17, 33}) {
      const Adam::Options& o = setting.options;
      Trainer trainer(engine, random_floats(n, 1), o);
      for (unsigned t = 1; t <= 20; ++t) {
        const Floats before = trainer.params();
        const Adam::Snapshot from = trainer.snapshot();
        Floats grad = random_floats(n, 100 + t);
        for (float& each : grad) each *= t % 3 == 0 ? 1e-3f : 1.0f;  // some are clipped, and v both falls and rises
        double square = 0;
        for (const float each : grad) square += std::pow(static_cast<double>(each) / setting.loss_scale, 2);
        trainer.step(grad, setting.loss_scale);

        const Adam::Snapshot to = trainer.snapshot();
        EXPECT_EQ(to.progress.step, t);
        EXPECT_EQ(to.progress.skipped, 0);
        EXPECT_NEAR(to.progress.grad_norm, std::sqrt(square), 1e-14 * std::sqrt(square));
        const double norm = std::sqrt(square),
                     clip = o.max_grad_norm > 0 && norm > o.max_grad_norm ? o.max_grad_norm / norm : 1;
        const Floats after = trainer.params();
        for (std::size_t i = 0; i < before.size(); ++i) {
          const double theta = static_cast<double>(before[i]),
                       g = clip * static_cast<double>(grad[i]) / setting.loss_scale,
                       average = from.ema.empty() ? 0
                                 : t == 1         ? theta
                                                  : static_cast<double>(from.ema[i]);
          const PaperStep want(o, o.learning_rate, t, g, theta, static_cast<double>(from.first_moment[i]),
                               static_cast<double>(from.second_moment[i]), average, u);
          ASSERT_NEAR(static_cast<double>(to.first_moment[i]), want.m.value, want.m.error);
          ASSERT_NEAR(static_cast<double>(to.second_moment[i]), want.v.value, want.v.error);
          ASSERT_NEAR(static_cast<double>(after[i]), want.theta.value, want.theta.error);
          if (to.ema.empty()) continue;
          ASSERT_NEAR(static_cast<double>(to.ema[i]), want.average.value, want.average.error);
        }
        EXPECT_EQ(to.ema.empty(), o.ema_decay == 0);
      }
    }
}

// Each parameter follows the papers with the factors of its groups, in ranges that end within and between vectors.
TEST_P(Steps, TakeTheFactorsOfTheGroups) {
  constexpr std::int64_t kCount = 70000;  // several blocks of every engine
  Adam::Options options{0.05, 0.5, 0.9, 1e-3, 0.2, 0, 0.99};
  options.groups = {{0, 3, 0.5, 0}, {10, 20, 2, 3}, {15, 5, 0.25, 0.5}, {40000, 30000, 0, 1}, {69999, 1, 1, 4}};
  const auto factors = [&](std::int64_t i) {
    ParamGroup all;
    for (const ParamGroup& group : options.groups)
      if (i >= group.begin && i < group.begin + group.count)
        all.learning_rate *= group.learning_rate, all.weight_decay *= group.weight_decay;
    return all;
  };
  const Floats start = random_floats(kCount, 1);
  Trainer trainer(engine, start, options);
  for (unsigned t = 1; t <= 3; ++t) {
    const Floats before = trainer.params(), grad = random_floats(kCount, 100 + t);
    const Adam::Snapshot from = trainer.snapshot();
    trainer.step(grad);
    const Adam::Snapshot to = trainer.snapshot();
    const Floats after = trainer.params();
    for (std::size_t i = 0; i < after.size(); ++i) {
      const ParamGroup group = factors(static_cast<std::int64_t>(i));
      Adam::Options o = options;
      o.weight_decay *= group.weight_decay;
      const double theta = static_cast<double>(before[i]);
      const PaperStep want(o, o.learning_rate * group.learning_rate, t, static_cast<double>(grad[i]), theta,
                           static_cast<double>(from.first_moment[i]), static_cast<double>(from.second_moment[i]),
                           t == 1 ? theta : static_cast<double>(from.ema[i]), u);
      ASSERT_NEAR(static_cast<double>(to.first_moment[i]), want.m.value, want.m.error) << i;
      ASSERT_NEAR(static_cast<double>(to.second_moment[i]), want.v.value, want.v.error) << i;
      ASSERT_NEAR(static_cast<double>(after[i]), want.theta.value, want.theta.error) << i;
      ASSERT_NEAR(static_cast<double>(to.ema[i]), want.average.value, want.average.error) << i;
      if (group.learning_rate == 0) {
        ASSERT_EQ(after[i], start[i]) << i;
      }
    }
  }
}

// Groups whose factors are 1 change no bit.
TEST_P(Steps, OfGroupsLikeTheRestAreAsWithoutGroups) {
  constexpr std::int64_t kCount = 20000;
  Adam::Options without{0.05, 0.5, 0.9, 1e-3, 0.2, 5, 0.99}, with = without;
  with.groups = {{5, 1000, 2, 0.5}, {5, 1000, 0.5, 2}, {16383, 2, 1, 1}};
  Trainer a(engine, random_floats(kCount, 1), without), b(engine, random_floats(kCount, 1), with);
  for (unsigned t = 0; t < 3; ++t) a.step(random_floats(kCount, 10 + t)), b.step(random_floats(kCount, 10 + t));
  EXPECT_EQ(a.params(), b.params());
  EXPECT_EQ(a.snapshot().ema, b.snapshot().ema);
}

TEST(ParamGroups, CoverALayerAndTheBiases) {
  const MlpShape net = MlpShape::score(3, {5, 4});
  const std::vector<ParamGroup> biases = bias_groups(net, 2);
  const std::vector<MlpShape::Layer> layers = net.layers();
  ASSERT_EQ(biases.size(), 3u);
  std::int64_t at = 0;
  for (int l = 0; l < 3; ++l) {
    const auto& layer = layers[static_cast<std::size_t>(l)];
    const ParamGroup bias = biases[static_cast<std::size_t>(l)], whole = layer_group(net, l, 0.5, 3);
    EXPECT_EQ(bias.begin, layer.bias);
    EXPECT_EQ(bias.count, layer.out);
    EXPECT_EQ(bias.learning_rate, 2);
    EXPECT_EQ(bias.weight_decay, 0);
    EXPECT_EQ(whole.begin, at);
    at += whole.count;
    EXPECT_EQ(whole.learning_rate, 0.5);
    EXPECT_EQ(whole.weight_decay, 3);
  }
  EXPECT_EQ(at, net.param_count());
  EXPECT_EQ(layer_group(net, 1, 1).weight_decay, 1);
  EXPECT_THROW(layer_group(net, 3, 1), Error);
  EXPECT_THROW(layer_group(net, -1, 1), Error);
}

// With bias correction, a constant gradient always gives m^ = g and v^ = g^2, so each parameter moves by the rate.
TEST_P(Steps, OfAConstantGradientAreAllAsLong) {
  constexpr int kSteps = 50;
  Adam::Options options;
  options.learning_rate = 0.01;
  const Floats grad = {3, -0.5f, 1e-3f};
  Trainer trainer(engine, {0, 0, 0}, options);
  for (int t = 0; t < kSteps; ++t) trainer.step(grad);
  const Floats got = trainer.params();
  // m and v forget roundings after 10 and 1000 steps. So m is off by at most 10 u and v by 50 u, which is halved in its
  // root. The step itself adds 20 u.
  for (std::size_t i = 0; i < 3; ++i) {
    const double g = static_cast<double>(grad[i]), want = -kSteps * 0.01 * g / (std::abs(g) + 1e-8);
    EXPECT_NEAR(static_cast<double>(got[i]), want, (10 + 25 + 20 + kSteps) * kFloatRoundoff * std::abs(want));
  }
}

TEST_P(Steps, WithoutGradientDecayByTheRate) {
  Adam::Options options;
  options.learning_rate = 0.125;
  options.weight_decay = 0.5;
  options.ema_decay = 0.5;
  Trainer trainer(engine, {1, -3}, options);
  double want = 1, average = 1;
  for (int t = 0; t < 20; ++t) {
    trainer.step({0, 0});
    want *= 1 - 0.0625;
    average = (average + want) / 2;
  }
  // One rounding per step each for the product, the sum and the average.
  EXPECT_NEAR(static_cast<double>(trainer.params()[0]), want, 40 * kFloatRoundoff * want);
  EXPECT_NEAR(static_cast<double>(trainer.snapshot().ema[0]), average, 60 * kFloatRoundoff * average);
  EXPECT_NEAR(static_cast<double>(trainer.params()[1]), -3 * want, 120 * kFloatRoundoff * want);
}

TEST_P(Steps, AverageOfConstantParametersIsThemselves) {
  Adam::Options options;
  options.learning_rate = 0;
  options.ema_decay = 0.999;
  const Floats start = random_floats(100, 5);
  Trainer trainer(engine, start, options);
  for (unsigned t = 0; t < 30; ++t) trainer.step(random_floats(100, t));
  EXPECT_EQ(trainer.params(), start);
  EXPECT_EQ(trainer.snapshot().ema, start);
}

TEST_P(Steps, WithAGradientThatIsNotFiniteAreSkippedAndCounted) {
  constexpr std::int64_t kCount = 40;
  Adam::Options options;
  options.ema_decay = 0.9;
  options.weight_decay = 0.1;
  options.max_grad_norm = 1;
  Trainer trainer(engine, random_floats(kCount, 1), options), undisturbed(engine, random_floats(kCount, 1), options);
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity()};
  for (unsigned t = 0; t < 6; ++t) {
    Floats grad = random_floats(kCount, 10 + t);
    const Floats params = trainer.params();
    const Adam::Snapshot before = trainer.snapshot();
    Floats broken = grad;
    broken[t * 7] = bad[t % 3];
    trainer.step(broken);
    const Adam::Snapshot after = trainer.snapshot();
    EXPECT_EQ(trainer.params(), params);
    EXPECT_EQ(after.first_moment, before.first_moment);
    EXPECT_EQ(after.second_moment, before.second_moment);
    EXPECT_EQ(after.ema, t == 0 ? params : before.ema);
    EXPECT_EQ(after.progress.step, t);
    EXPECT_EQ(after.progress.skipped, t + 1);
    EXPECT_EQ(after.progress.learning_rate, before.progress.learning_rate);
    EXPECT_FALSE(std::isfinite(after.progress.grad_norm));
    trainer.step(grad);
    undisturbed.step(grad);
    EXPECT_EQ(trainer.params(), undisturbed.params());
    EXPECT_EQ(trainer.snapshot().ema, undisturbed.snapshot().ema);
  }
}

TEST_P(Steps, WhoseSquareIsBeyondFloatAreSkippedUnlessClipped) {
  Adam::Options plain, clipped;
  clipped.max_grad_norm = 1;
  const Floats start = random_floats(20, 1);
  Floats huge = random_floats(20, 2);
  huge[3] = 1e30f;
  Trainer skips(engine, start, plain), clips(engine, start, clipped);
  skips.step(huge);
  EXPECT_EQ(skips.params(), start);
  EXPECT_EQ(skips.progress().skipped, 1);
  clips.step(huge);
  EXPECT_EQ(clips.progress().step, 1);
  for (const float each : clips.snapshot().second_moment) EXPECT_TRUE(std::isfinite(each));
  EXPECT_NE(clips.params()[3], start[3]);
}

TEST_P(Steps, TakeANewLearningRateAtOnce) {
  Adam::Options slow, fast;
  slow.learning_rate = 1e-3;
  fast.learning_rate = 0.5;
  const Floats start = random_floats(20, 1), grad = random_floats(20, 2);
  Trainer changed(engine, start, slow), reference(engine, start, fast);
  changed.set_learning_rate(0.5);
  changed.step(grad);
  reference.step(grad);
  EXPECT_EQ(changed.params(), reference.params());
  EXPECT_EQ(changed.progress().learning_rate, 0.5);
  changed.set_learning_rate(0);
  changed.step(grad);
  EXPECT_EQ(changed.params(), reference.params());
  EXPECT_EQ(changed.progress().step, 2);
}

TEST_P(Steps, KeepTheirOptionsWhenTheStateIsRestored) {
  constexpr std::int64_t kCount = 10;
  const Adam::Options old{0.01, 0.8, 0.99, 1e-7, 0.05, 20, 0.9}, mine{0.5, 0.1, 0.2, 1, 0, 0, 0.5};
  Trainer before(engine, random_floats(kCount, 1), old);
  before.step(random_floats(kCount, 2));
  Trainer after(engine, before.params(), mine);
  after.restore(before.snapshot());
  const Adam::Snapshot got = after.snapshot();
  EXPECT_EQ(got.options.beta1, mine.beta1);
  EXPECT_EQ(got.options.weight_decay, mine.weight_decay);
  EXPECT_EQ(got.progress.learning_rate, mine.learning_rate);
  EXPECT_EQ(got.progress.step, 1);
  EXPECT_EQ(got.first_moment, before.snapshot().first_moment);
}

TEST_P(Steps, GoOnToTheSameBitsFromASnapshot) {
  constexpr std::int64_t kCount = 1000;
  const Adam::Options options{0.01, 0.8, 0.99, 1e-7, 0.05, 20, 0.9};
  Trainer whole(engine, random_floats(kCount, 1), options);
  whole.set_learning_rate(0.02);
  for (unsigned t = 0; t < 5; ++t) whole.step(random_floats(kCount, 10 + t));
  Trainer fresh(engine, whole.params(), whole.snapshot().options);
  fresh.set_learning_rate(0);
  fresh.step(random_floats(kCount, 99));  // changes only state that restore() must replace
  fresh.restore(whole.snapshot());
  fresh.set_learning_rate(whole.progress().learning_rate);
  for (unsigned t = 5; t < 10; ++t) {
    whole.step(random_floats(kCount, 10 + t));
    fresh.step(random_floats(kCount, 10 + t));
  }
  EXPECT_EQ(fresh.params(), whole.params());
  const Adam::Snapshot a = fresh.snapshot(), b = whole.snapshot();
  EXPECT_EQ(a.first_moment, b.first_moment);
  EXPECT_EQ(a.second_moment, b.second_moment);
  EXPECT_EQ(a.ema, b.ema);
  EXPECT_EQ(a.progress.step, 10);
  EXPECT_EQ(a.progress.learning_rate, 0.02);
  EXPECT_EQ(a.progress.grad_norm, b.progress.grad_norm);
  EXPECT_EQ(a.options.weight_decay, options.weight_decay);
}

// ---- blocks and threads of the cpu engine

bool has_cpu() { return engine_names().size() > 1; }

TEST(CpuSteps, AreTheSameBitsForAnyNumberOfThreads) {
  if (!has_cpu()) GTEST_SKIP() << "no cpu engine in this build";
  const Adam::Options options{0.01, 0.9, 0.999, 1e-8, 0.1, 10, 0.9};  // clipped, so the norm depends on all elements
  for (const std::int64_t n : {1, 16383, 16384, 16385, 100003}) {
    std::vector<Adam::Snapshot> snapshots;
    std::vector<Floats> params;
    for (const int threads : {1, 2, 3, 8}) {
      Trainer trainer(Engine::cpu(threads), random_floats(n, 1), options);
      for (unsigned t = 0; t < 3; ++t) trainer.step(random_floats(n, 2 + t));
      snapshots.push_back(trainer.snapshot());
      params.push_back(trainer.params());
      EXPECT_EQ(params.back(), params.front());
      EXPECT_EQ(snapshots.back().first_moment, snapshots.front().first_moment);
      EXPECT_EQ(snapshots.back().second_moment, snapshots.front().second_moment);
      EXPECT_EQ(snapshots.back().ema, snapshots.front().ema);
      EXPECT_EQ(snapshots.back().progress.grad_norm, snapshots.front().progress.grad_norm);
    }
  }
}

TEST(CpuSteps, OfAnElementDoNotDependOnItsPlace) {
  if (!has_cpu()) GTEST_SKIP() << "no cpu engine in this build";
  constexpr std::int64_t kCount = 2 * 16384 + 5;
  Adam::Options options;
  options.weight_decay = 0.1;
  const Floats start = random_floats(kCount, 1), grad = random_floats(kCount, 2);
  Trainer whole(Engine::cpu(2), start, options);
  for (int t = 0; t < 3; ++t) whole.step(grad);
  const Floats got = whole.params();
  for (const std::size_t i : {0, 1, 15, 16383, 16384, 16385, 32767, 32768, 32772}) {
    Trainer alone(Engine::cpu(1), {start[i]}, options);
    for (int t = 0; t < 3; ++t) alone.step({grad[i]});
    EXPECT_EQ(alone.params()[0], got[i]) << i;
  }
}

}  // namespace
}  // namespace scorematch::testing_support
