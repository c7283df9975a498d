// Where the gradients of several processes are added. tests/ptx/ptx_ranks_test.cpp trains.
#include "cli/ranks/gradient_sum.h"

#include <gtest/gtest.h>

#include "support/refusal.h"

namespace scorematch::cli {
namespace {

TEST(GradientSum, IsOnDevicesIfEachRankHasItsOwn) {
  EXPECT_EQ(why_on_host({{"a", ""}, {"b", ""}, {"c", ""}}), "");
  EXPECT_EQ(why_on_host({{"a", ""}, {"b", ""}, {"b", ""}, {"a", ""}}), "ranks 1 and 2 share a device");
  EXPECT_EQ(why_on_host({{"a", ""}, {"", "no NCCL"}, {"a", ""}}), "rank 1: no NCCL");
}

TEST(GradientSum, RefusesAChoiceWithoutEffect) {
  const std::unique_ptr<Ranks> alone = one_process();
  const Engine engine = Engine::reference();
  for (const char* by : {"mpi", "nccl"})
    test::expect_refused({"--gradients-by", "auto, because there is one process", by},
                         [&] { GradientSum(engine, 3, *alone, by); });
}

TEST(GradientSum, OfOneProcessIsItsGradient) {
  const std::unique_ptr<Ranks> alone = one_process();
  const Engine engine = Engine::reference();
  GradientSum sum(engine, 3, *alone, "auto");
  sum.agree();
  Queue queue(engine, sum.workspace_bytes());
  const std::vector<float> values = {1, -2, 3};
  Buffer<float> grad = engine.upload(values);
  sum.run(queue, grad, true);
  EXPECT_EQ(queue.read(grad), values);
  EXPECT_EQ(sum.way(), "");
  EXPECT_EQ(sum.reason(), "");
}

/// Two processes, of which the other one has the gradient (1, 1, 1).
class OfTwo final : public Ranks {
 public:
  OfTwo() : Ranks(0, 2) {}
  void together(const std::function<void()>& work) override { work(); }
  int signal() const override { return 0; }
  void sum(float* values, std::int64_t count) override {
    for (std::int64_t i = 0; i < count; ++i) values[i] += 1;
  }
  Estimate merged(const Estimate& mine) override { return mine; }
  std::string from_first(const std::string& text) override { return text; }
  std::vector<std::string> from_all(const std::string& text) override { return {text, text}; }
  EngineOptions share_of(const EngineOptions& options) override { return options; }
  void abandon(const char*) override {}
};

TEST(GradientSum, IsByMpiWithoutDevices) {
  OfTwo two;
  const Engine engine = Engine::reference();
  test::expect_refused({"--gradients-by", "auto or mpi with reference", "nccl"},
                       [&] { GradientSum(engine, 3, two, "nccl"); });
  for (const char* by : {"auto", "mpi"}) {
    GradientSum sum(engine, 3, two, by);
    sum.agree();
    Queue queue(engine, sum.workspace_bytes());
    Buffer<float> grad = engine.upload(std::vector<float>{1, -2, 3});
    sum.run(queue, grad, true);
    EXPECT_EQ(queue.read(grad), (std::vector<float>{2, -1, 4}));
    sum.run(queue, grad, false);  // without samples of its own
    EXPECT_EQ(queue.read(grad), (std::vector<float>{1, 1, 1}));
    EXPECT_EQ(sum.way(), "MPI");
    EXPECT_EQ(sum.reason(), "");
  }
}

}  // namespace
}  // namespace scorematch::cli
