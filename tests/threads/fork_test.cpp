// The cpu engine after fork(), as in Python's multiprocessing: a child has none of its parent's threads.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "scorematch/scorematch.h"

namespace scorematch {
namespace {

constexpr int kDim = 8, kRows = 600;

/// Everything that a child needs is made before it is forked off.
class Problem {
 public:
  explicit Problem(int threads) : engine_(Engine::cpu(threads)), plan_(engine_, net(), Loss::diffusion(), kRows) {
    std::vector<float> rows(kRows * kDim);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 17) / 17;
    x_ = engine_.upload(rows, {kRows, kDim});
    params_ = engine_.upload(net().initial_params(1, Initialization::torch));
  }

  /// The gradient, on a queue of its own.
  std::vector<float> gradient() const {
    Queue queue(engine_, plan_.workspace_bytes());
    const NoiseState noise(engine_, 3);
    auto grad = engine_.allocate<float>(net().param_count());
    auto loss = engine_.allocate<Estimate>();
    plan_.run(queue, {params_, {x_, noise}}, {loss.data(), grad});
    return queue.read(grad);
  }

 private:
  static MlpShape net() { return MlpShape::score(kDim, {32, 32}); }

  Engine engine_;
  LossPlan plan_;
  Buffer<float> x_, params_;
};

/// Whether a child of this process gets the same gradient, within 30 seconds.
bool child_agrees(const Problem& problem, const std::vector<float>& expected) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);  // ends a child that waits for a thread that it does not have
    bool agrees = true;
    for (int turn = 0; turn < 3; ++turn) agrees = agrees && problem.gradient() == expected;
    ::_exit(agrees ? 0 : 1);
  }
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Fork : public testing::Test {
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer allows no threads in the child of a process with threads";
#endif
  }
};

TEST_F(Fork, AChildComputesWithThreadsOfItsOwn) {
  for (const int threads : {1, 2, 5}) {
    const Problem problem(threads);
    const std::vector<float> expected = problem.gradient();
    EXPECT_TRUE(child_agrees(problem, expected)) << threads << " threads";
    EXPECT_EQ(problem.gradient(), expected);
  }
}

TEST_F(Fork, AnotherThreadMayBeComputing) {
  const Problem problem(2);
  const std::vector<float> expected = problem.gradient();
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) EXPECT_EQ(problem.gradient(), expected);
  });
  for (int turn = 0; turn < 20; ++turn) EXPECT_TRUE(child_agrees(problem, expected));
  stop = true;
  other.join();
}

TEST_F(Fork, AGrandchildComputesToo) {
  const Problem problem(3);
  const std::vector<float> expected = problem.gradient();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    const bool mine = problem.gradient() == expected;
    ::_exit(mine && child_agrees(problem, expected) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(Fork, TheParentsEngineEndsInAChild) {
  auto parents = std::make_unique<Problem>(2);
  const std::vector<float> expected = parents->gradient();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    parents.reset();  // joins no thread of the parent
    const bool agrees = Problem(2).gradient() == expected;
    ::_exit(agrees ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(parents->gradient(), expected);
}

}  // namespace
}  // namespace scorematch
