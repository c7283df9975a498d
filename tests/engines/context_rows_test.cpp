// Rows gather their context, too; labels are the rows of one-hot contexts; dropped contexts are absent ones;
// micro-batches have the contexts of the whole.
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "scorematch/loss.h"
#include "scorematch/perturbation.h"
#include "support/engine_test.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t kBatch = 37, kRows = 50;
constexpr int kDim = 3, kColumns = 2;

class ContextRowsTest : public EngineTest {
 protected:
  struct Given {
    bool labels = false, present = true, gathered = true;
    double dropout = 0;
  };
  /// The losses and gradients of `count` samples from `first` on, with drawn rows and noise.
  Evaluation run(const Given& given, std::int64_t first = 0, std::int64_t count = kBatch) {
    Loss loss{Dsm{}, schedule::Single{0.5}};
    loss.context_dropout = given.dropout;
    const LossPlan plan(engine, net, loss, count);
    Queue queue(engine, plan.workspace_bytes());
    const Buffer<float> x = float_rows(x_values, kDim, given.gathered),
                        context = float_rows(one_hot, kColumns, given.gathered),
                        present = float_rows(present_values, 1, given.gathered);
    const Buffer<std::int64_t> labels = engine.upload(label_values);
    auto grad = engine.allocate<float>(net.param_count()), per_sample = engine.allocate<float>(count),
         grad_x = engine.allocate<float>({count, kDim}), grad_context = engine.allocate<float>({count, kColumns});
    auto estimate = engine.allocate<Estimate>();
    LossPlan::In in{params, {x, noise.from(first)}};
    if (given.gathered) in.batch.draw_rows = count;
    if (given.labels)
      in.batch.labels = labels;
    else
      in.batch.context = context;
    if (given.present) in.batch.present = ConstView(present.data(), present.size());
    LossPlan::Out out{estimate.data(), grad, grad_x, per_sample};
    out.grad_context = grad_context;
    Reduction reduction;
    reduction.normaliser = kBatch;
    plan.run(queue, in, out, reduction);
    const auto doubles = [&](const Buffer<float>& from) {
      const std::vector<float> values = queue.read(from);
      return Vector(values.begin(), values.end());
    };
    return {queue.read_one(estimate), doubles(per_sample), doubles(grad), doubles(grad_x), doubles(grad_context)};
  }
  /// All rows, or those that the samples draw.
  Buffer<float> float_rows(const Vector& all, int width, bool gathered) {
    std::vector<float> rows;
    for (std::int64_t n = 0; n < (gathered ? kRows : kBatch); ++n) {
      const std::int64_t row = gathered ? n : drawn_row(n);
      rows.insert(rows.end(), all.begin() + row * width, all.begin() + (row + 1) * width);
    }
    return engine.upload(rows, {gathered ? kRows : kBatch, width});
  }
  philox::Block words(philox::Purpose purpose, std::int64_t n) const {
    return philox::philox4x32_10(philox::counter(purpose, 5, static_cast<std::uint64_t>(7 + n), 0), 3);
  }
  std::int64_t drawn_row(std::int64_t n) const {
    return static_cast<std::int64_t>(philox::index(words(philox::Purpose::row, n), kRows));
  }
  static void expect_same(const Evaluation& got, const Evaluation& want) {
    EXPECT_EQ(got.per_sample, want.per_sample);
    EXPECT_EQ(got.grad, want.grad);
    EXPECT_EQ(got.grad_x, want.grad_x);
    EXPECT_EQ(got.grad_context, want.grad_context);
  }

  MlpShape net = [] {
    MlpShape made = MlpShape::score(kDim, {16, 16});
    made.parameterization = parameterization::Edm{0.7};
    made.conditioning = conditioning::LogSigma{};
    made.context = {kColumns, true};
    return made;
  }();
  Vector x_values = normal_values(kRows * kDim, 1), one_hot, present_values;
  std::vector<std::int64_t> label_values;
  Buffer<float> params = [&] {
    const Vector values = uniform_values(net.param_count(), 2);
    return engine.upload(std::vector<float>(values.begin(), values.end()));
  }();
  NoiseState noise{engine, {3, 5, 7}};

  void SetUp() override {
    EngineTest::SetUp();
    for (std::int64_t n = 0; n < kRows; ++n) {
      label_values.push_back(n * n % kColumns);
      for (int k = 0; k < kColumns; ++k) one_hot.push_back(k == label_values.back() ? 1 : 0);
      present_values.push_back(n % 5 == 0 ? 0 : 1);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ContextRowsTest, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(ContextRowsTest, AreGatheredWithTheRows) {
  const Evaluation drawn = run({}), given = run({false, true, false});
  expect_same(drawn, given);
  bool differs = false;
  for (const double each : run({false, false}).per_sample) differs = differs || each != drawn.per_sample[0];
  EXPECT_TRUE(differs);
}

TEST_P(ContextRowsTest, OfClassesAreLabels) { expect_same(run({true}), run({})); }

TEST_P(ContextRowsTest, AreDroppedWithTheirProbability) {
  constexpr double kDropout = 0.4;
  const Evaluation dropped = run({false, false, true, kDropout}), whole = run({false, false});
  Given without{false, false, true, 0};
  const std::vector<double> kept = present_values;
  int count = 0;
  // A mask over the rows cannot express dropped samples, as samples share rows, so each is compared with both losses.
  present_values.assign(kRows, 0);
  without.present = true;
  const Evaluation none = run(without);
  for (std::int64_t n = 0; n < kBatch; ++n) {
    const bool drop = words(philox::Purpose::context, n).word[0] < static_cast<std::uint32_t>(kDropout * 0x1p32);
    count += drop;
    const auto at = static_cast<std::size_t>(n);
    EXPECT_EQ(dropped.per_sample[at], (drop ? none : whole).per_sample[at]) << n;
    for (std::size_t k = 0; k < kColumns; ++k)
      EXPECT_EQ(dropped.grad_context[kColumns * at + k], drop ? 0 : whole.grad_context[kColumns * at + k]) << n;
  }
  EXPECT_GT(count, 6);  // 15 are expected, with a standard deviation of 3
  EXPECT_LT(count, 24);
  EXPECT_NE(none.per_sample, whole.per_sample);
}

TEST_P(ContextRowsTest, AreTheSameInMicroBatches) {
  const Given given{false, true, true, 0.4};
  const Evaluation whole = run(given);
  Vector per_sample, grad_context;
  for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 16}, {16, kBatch - 16}}) {
    const Evaluation part = run(given, first, count);
    per_sample.insert(per_sample.end(), part.per_sample.begin(), part.per_sample.end());
    grad_context.insert(grad_context.end(), part.grad_context.begin(), part.grad_context.end());
  }
  EXPECT_EQ(per_sample, whole.per_sample);
  EXPECT_EQ(grad_context, whole.grad_context);
}

TEST_P(ContextRowsTest, OfAPerturbationAreColumnsOfItsInput) {
  const PerturbPlan plan(engine, kDim, schedule::Single{0.5}, kBatch, net.parameterization, net.conditioning,
                         net.context, 0.4);
  Queue queue(engine, 0);
  const Buffer<float> x = float_rows(x_values, kDim, true), context = float_rows(one_hot, kColumns, true);
  constexpr int kInputs = kDim + 1 + kColumns + 1;
  auto input = engine.allocate<float>({kBatch, kInputs});
  Batch batch{x, noise};
  batch.draw_rows = kBatch;
  batch.context = context;
  PerturbPlan::Out out;
  out.net_input = input;
  plan.run(queue, batch, out);
  const std::vector<float> got = queue.read(input);
  for (std::int64_t n = 0; n < kBatch; ++n) {
    const bool drop = words(philox::Purpose::context, n).word[0] < static_cast<std::uint32_t>(0.4 * 0x1p32);
    const float* columns = &got[static_cast<std::size_t>(n * kInputs + kDim + 1)];
    for (int k = 0; k <= kColumns; ++k) {
      const double given = k == kColumns ? 1 : one_hot[static_cast<std::size_t>(drawn_row(n) * kColumns + k)];
      EXPECT_EQ(static_cast<double>(columns[k]), drop ? 0 : given) << n << " " << k;
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
