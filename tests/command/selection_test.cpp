// The selection of the parameters for sampling: the last ones, or those with the best held-out loss.
#include "cli/training/selection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

/// Held-out rows at distances r from the origin of the plane, and scores A x with A = -a I. The SSM-VR loss of a row
/// with a Rademacher direction is exactly -2 a + a^2 r^2 / 2.
class SelectionOfScores : public testing::Test {
 protected:
  bool prefers_best(double best, double last, const std::vector<float>& distances) {
    cli::Matrix rows{static_cast<std::int64_t>(distances.size()), 2, {}};
    for (const float each : distances) rows.values.insert(rows.values.end(), {each, 0});
    cli::HeldOut held_out(engine_, net_, {SsmVr{1, Projection::rademacher}}, rows, nullptr, 1);
    Queue queue(engine_, held_out.workspace_bytes());
    const std::vector<float> chosen = params(best);
    const auto best_params = engine_.upload(chosen), last_params = engine_.upload(params(last));
    cli::Selection selection(true);
    selection.consider(100, *held_out.loss(queue, best_params), [&] { return chosen; });
    selection.consider(200, *held_out.loss(queue, last_params), [&] { return params(last); });
    EXPECT_EQ(selection.best_step(), 100);
    return selection.prefers_best(held_out, queue, last_params);
  }

 private:
  static std::vector<float> params(double a) {
    const auto each = static_cast<float>(-a);
    return {each, 0, 0, each, 0, 0};
  }

  Engine engine_ = Engine::reference();
  MlpShape net_ = MlpShape::score(2, {});
};

TEST_F(SelectionOfScores, TakesTheBestWhereTheLastAreClearlyWorse) {
  std::vector<float> distances;
  for (int i = 0; i < 100; ++i) distances.push_back(i % 2 == 0 ? 1 : 1.4f);
  EXPECT_TRUE(prefers_best(1, 3, distances));         // a difference of 1.98 +- 0.19
  EXPECT_FALSE(prefers_best(1.35, 1.37, distances));  // a difference of 0.0004 +- 0.0013
}

// 29 rows at 1 and one at 10: the last parameters are worse by 13.2 with a standard error of 13.2, which would be 1.65
// if they were as good as the best.
TEST_F(SelectionOfScores, TakesTheBestWhereTheLastHaveAFewHugeLosses) {
  std::vector<float> distances(30, 1);
  distances[7] = 10;
  EXPECT_TRUE(prefers_best(1, 3, distances));
}

}  // namespace
}  // namespace scorematch::testing_support
