// The workspace formula against what the process really takes. In a program of its own: peaks are the process's.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "scorematch/scorematch.h"

namespace scorematch {
namespace {

/// Bytes, of a line of /proc/self/status; 0 where there is none.
std::size_t status(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, key.size(), key) == 0) return std::stoull(line.substr(key.size() + 1)) * 1024;
  return 0;
}

/// Whether VmHWM could be set back to what is in use now.
bool reset_peak() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5";
  out.flush();
  return out.good();
}

constexpr std::int64_t kBatch = 1 << 17;
constexpr int kDim = 8;

Loss every_objective(int i) {
  const Objective objectives[] = {Dsm{}, Dsm{Dsm::Variance::antithetic}, Ism{}, Ssm{8}, SsmVr{8}};
  return {objectives[i], schedule::LogNormal{}, weighting::Edm{}};
}

MlpShape net() {
  MlpShape net = MlpShape::score(kDim, {96, 96, 96});
  net.parameterization = parameterization::Edm{};
  return net;
}

TEST(Memory, WorkspaceDoesNotGrowWithTheBatch) {
  for (const Engine& engine : {Engine::cpu(2), Engine::reference()})
    for (int i = 0; i < 5; ++i) {
      const std::size_t small = LossPlan(engine, net(), every_objective(i), 1024).workspace_bytes();
      EXPECT_EQ(LossPlan(engine, net(), every_objective(i), std::int64_t{1} << 30).workspace_bytes(), small);
      EXPECT_EQ(ScorePlan(engine, net(), 1024, 4).workspace_bytes(),
                ScorePlan(engine, net(), std::int64_t{1} << 30, 4).workspace_bytes());
    }
}

TEST(Memory, WorkspaceGrowsByOneWorkerAThread) {
  const auto bytes = [](int threads) {
    return LossPlan(Engine::cpu(threads), net(), every_objective(3), 1024).workspace_bytes();
  };
  EXPECT_EQ(bytes(3) - bytes(2), bytes(2) - bytes(1));
  EXPECT_GT(bytes(2), bytes(1));
}

TEST(Memory, DirectionsCostNone) {
  const auto bytes = [](int projections) {
    return LossPlan(Engine::cpu(2), net(), {Ssm{projections}}, 1024).workspace_bytes();
  };
  EXPECT_EQ(bytes(1), bytes(512));
}

TEST(Memory, PeakIsTheWorkspaceAndTheArrays) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "a sanitizer keeps memory of its own";
#endif
  const Engine engine = Engine::cpu(2);
  auto x = engine.allocate<float>({kBatch, kDim});
  auto params = engine.upload(net().initial_params(1));
  auto grad = engine.allocate<float>(net().param_count());
  auto loss = engine.allocate<Estimate>();
  const NoiseState noise(engine, 1);
  for (int i = 0; i < 5; ++i) {
    const LossPlan plan(engine, net(), every_objective(i), kBatch);
    Queue queue(engine, plan.workspace_bytes());
    plan.run(queue, {params, x.samples(0, 200), noise}, {loss.data(), grad});  // what libraries set up at first use
    if (!reset_peak()) GTEST_SKIP() << "this system does not let a process set back its peak";
    const std::size_t before = status("VmRSS");
    plan.run(queue, {params, x.samples(0, i == 2 ? kBatch / 8 : kBatch), noise}, {loss.data(), grad});
    const std::size_t peak = status("VmHWM");
    ASSERT_GT(peak, 0u);
    // Beyond what the caller gave, nothing but small change: a few pages of stack and bookkeeping.
    EXPECT_LT(peak, before + (1u << 20)) << "objective " << i;
  }
}

}  // namespace
}  // namespace scorematch
