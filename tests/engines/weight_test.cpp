// Weights of samples: each multiplies the loss of its sample and all gradients of that loss.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/engine_test.h"
#include "support/loss_case.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t kBatch = 37;
constexpr double kFloatRoundoff = 0x1p-24;

std::vector<MlpShape> networks() {
  MlpShape score = MlpShape::score(3, {16, 16}), energy = MlpShape::energy(3, {16});
  score.parameterization = parameterization::Edm{0.7};
  energy.conditioning = conditioning::LogSigma{};
  return {score, energy};
}

class Weight : public EngineTest {
 protected:
  void expect_same(const Vector& got, const Vector& want) {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_EQ(got[i], want[i]) << i;
  }
  /// Within the roundings of sums in another order.
  void expect_close(const Vector& got, const Vector& want) {
    ASSERT_EQ(got.size(), want.size());
    double most = 0;
    for (const double each : want) most = std::max(most, std::abs(each));
    const double unit = GetParam() == "reference" ? 0x1p-53 : kFloatRoundoff;
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 256 * unit * most) << i;
  }

  /// Calls test(case) for every objective and network, with sigma, eps and directions given.
  template <class Test>
  void for_each_case(const Test& test) {
    unsigned seed = 1;
    for (const MlpShape& net : networks())
      for (const auto& [name, objective] : objectives()) {
        SCOPED_TRACE(name + " " + std::to_string(seed));
        test(random_case(net, {objective, schedule::None{}, weighting::Sigma2{}}, kBatch, ++seed));
      }
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Weight, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// A product with a power of two is exact.
TEST_P(Weight, OfTwoDoublesEverything) {
  for_each_case([&](LossCase c) {
    const Evaluation once = evaluate(engine, c);
    c.weight.assign(kBatch, 2.0);
    const Evaluation twice = evaluate(engine, c);
    const auto doubled = [](Vector values) {
      for (double& each : values) each *= 2;
      return values;
    };
    EXPECT_EQ(twice.loss.count, once.loss.count);
    EXPECT_EQ(twice.loss.mean, 2 * once.loss.mean);
    EXPECT_EQ(twice.loss.m2, 4 * once.loss.m2);
    expect_same(twice.per_sample, doubled(once.per_sample));
    expect_same(twice.grad, doubled(once.grad));
    expect_same(twice.grad_x, doubled(once.grad_x));
  });
}

TEST_P(Weight, BelongsToItsSample) {
  for_each_case([&](LossCase c) {
    const Evaluation all = evaluate(engine, c);
    Vector sum(c.params.size(), 0.0);
    const Vector weight = normal_values(kBatch, 90);
    for (const std::size_t n : {std::size_t{0}, std::size_t{17}, std::size_t{kBatch - 1}}) {
      c.weight.assign(kBatch, 0.0);
      c.weight[n] = weight[n];
      const Evaluation one = evaluate(engine, c);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one.grad[i];
      for (std::size_t k = 0; k < static_cast<std::size_t>(kBatch); ++k) {
        if (k == n) continue;
        ASSERT_EQ(one.per_sample[k], 0.0);
        for (std::size_t j = 3 * k; j < 3 * k + 3; ++j) ASSERT_EQ(one.grad_x[j], 0.0);
      }
      expect_close({one.per_sample[n]}, {static_cast<double>(static_cast<float>(weight[n])) * all.per_sample[n]});
    }
    c.weight.assign(kBatch, 0.0);
    for (const std::size_t n : {std::size_t{0}, std::size_t{17}, std::size_t{kBatch - 1}}) c.weight[n] = weight[n];
    expect_close(evaluate(engine, c).grad, sum);
  });
}

// Samples of weight 0 do not change the others, so they are as if they were not in the batch.
TEST_P(Weight, OfZeroRemovesASample) {
  for_each_case([&](LossCase c) {
    const LossCase whole = c;
    constexpr std::int64_t kKept = 20;
    c.weight.assign(kBatch, 0.0);
    std::fill_n(c.weight.begin(), kKept, 1.0);
    const Evaluation with_zeros = evaluate(engine, c);

    LossCase fewer = whole;
    fewer.batch = kKept;
    for (Vector* each : {&fewer.x, &fewer.eps, &fewer.true_score}) each->resize(each->empty() ? 0 : 3 * kKept);
    fewer.sigma.resize(kKept);
    fewer.directions.clear();
    for (int m = 0; m < needs_of(c.loss.objective).projections; ++m) {
      const auto begin = whole.directions.begin() + 3 * m * kBatch;
      fewer.directions.insert(fewer.directions.end(), begin, begin + 3 * kKept);
    }
    Evaluation only = evaluate(engine, fewer);
    for (Vector* each : {&only.grad, &only.grad_x})
      for (double& value : *each) value *= static_cast<double>(kKept) / static_cast<double>(kBatch);
    only.grad_x.resize(with_zeros.grad_x.size());
    expect_close(with_zeros.grad, only.grad);
    expect_close(with_zeros.grad_x, only.grad_x);
    EXPECT_NEAR(with_zeros.loss.mean, only.loss.mean * kKept / kBatch, 1e-5 * std::abs(only.loss.mean));
  });
}

}  // namespace
}  // namespace scorematch::testing_support
