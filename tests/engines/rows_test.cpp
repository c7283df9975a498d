// Out::rows says which rows of x are the samples, so that what belongs to a row can follow it.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "scorematch/loss.h"
#include "scorematch/perturbation.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

constexpr std::int64_t kRows = 1000, kBatch = 77;
constexpr int kDim = 3;

class Rows : public EngineTest {
 protected:
  std::vector<std::int64_t> read_rows() { return queue.read(rows); }

  MlpShape net = MlpShape::score(kDim, {8});
  LossPlan plan{engine, net, {Dsm{}, schedule::Single{0.5}}, kBatch};
  Queue queue{engine, plan.workspace_bytes()};
  Buffer<float> data = engine.upload(
      [] {
        const std::vector<double> all = normal_values(kRows * kDim, 1);
        return std::vector<float>(all.begin(), all.end());
      }(),
      {kRows, kDim});
  Buffer<float> params = engine.upload(net.initial_params(1, Initialization::torch));
  Buffer<std::int64_t> rows = engine.allocate<std::int64_t>(kBatch);
  NoiseState noise{engine, {3, 5, 7}};
};
INSTANTIATE_TEST_SUITE_P(Engines, Rows, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(Rows, ThatAreGivenAgainGiveTheSameLosses) {
  auto drawn = engine.allocate<float>(kBatch), given = engine.allocate<float>(kBatch);
  LossPlan::In in{params, {data, noise}};
  in.batch.draw_rows = kBatch;
  LossPlan::Out out;
  out.loss_per_sample = drawn;
  out.rows = rows;
  plan.run(queue, in, out);
  in.batch.draw_rows = 0;
  in.batch.rows = rows;
  plan.run(queue, in, {{}, {}, {}, given});
  EXPECT_EQ(queue.read(drawn), queue.read(given));
  const std::vector<std::int64_t> which = read_rows();
  EXPECT_GT(std::set<std::int64_t>(which.begin(), which.end()).size(), 60u);  // 74 of 77 are expected to differ
  for (const std::int64_t row : which) {
    EXPECT_GE(row, 0);
    EXPECT_LT(row, kRows);
  }
}

TEST_P(Rows, OfAPerturbationAreThoseOfTheLoss) {
  LossPlan::In in{params, {data, noise}};
  in.batch.draw_rows = kBatch;
  LossPlan::Out out;
  out.rows = rows;
  plan.run(queue, in, out);
  const std::vector<std::int64_t> of_loss = read_rows();
  const PerturbPlan perturb(engine, kDim, schedule::Single{0.5}, kBatch, {}, {});
  rows = engine.allocate<std::int64_t>(kBatch);
  PerturbPlan::Out perturbed;
  perturbed.rows = rows;
  perturb.run(queue, in.batch, perturbed);
  EXPECT_EQ(read_rows(), of_loss);
}

TEST_P(Rows, WithoutADrawAreTheBatchItself) {
  LossPlan::In in{params, {data.samples(0, kBatch), noise}};
  LossPlan::Out out;
  out.rows = rows;
  plan.run(queue, in, out);
  const std::vector<std::int64_t> got = read_rows();
  for (std::int64_t n = 0; n < kBatch; ++n) ASSERT_EQ(got[static_cast<std::size_t>(n)], n);
}

}  // namespace
}  // namespace scorematch::testing_support
