// The workspace formula against the memory that the process really takes. A separate program, because peaks are per
// process.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "scorematch/scorematch.h"

namespace scorematch {
namespace {

/// The bytes in a line of /proc/self/status; 0 if there is none.
std::size_t status(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, key.size(), key) == 0) return std::stoull(line.substr(key.size() + 1)) * 1024;
  return 0;
}

/// Resets VmHWM to the memory in use now. Returns whether that was possible.
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

MlpShape net(MlpShape::Kind kind = MlpShape::Kind::score) {
  MlpShape net = MlpShape::score(kDim, {96, 96, 96});
  net.kind = kind;
  net.parameterization = parameterization::Edm{};
  return net;
}

// On the cpu engine, for batches of at least the size that has the most chunks.
TEST(Memory, WorkspaceDoesNotGrowWithTheBatch) {
  for (const Engine& engine : {Engine::cpu(2), Engine::reference()})
    for (const MlpShape& each : {net(), net(MlpShape::Kind::energy)})
      for (int i = 0; i < 5; ++i) {
        const std::size_t small = LossPlan(engine, each, every_objective(i), 1 << 14).workspace_bytes();
        EXPECT_EQ(LossPlan(engine, each, every_objective(i), std::int64_t{1} << 30).workspace_bytes(), small);
        EXPECT_EQ(ScorePlan(engine, each, 1024, 4).workspace_bytes(),
                  ScorePlan(engine, each, std::int64_t{1} << 30, 4).workspace_bytes());
      }
}

/// The table in docs/architecture.md, section "Workspace, in bytes".
TEST(Memory, WorkspaceIsAsDocumented) {
  const auto rounded = [](std::size_t width) { return (width + 15) / 16 * 16; };
  const std::size_t d = rounded(5), e = rounded(6), H = rounded(40) + rounded(24), W = rounded(40), h = rounded(24);
  const std::size_t R = 64, T = 2, C = 16;
  for (const bool is_energy : {false, true}) {
    MlpShape shape = MlpShape::score(5, {40, 24});
    shape.conditioning = conditioning::LogSigma{};
    if (is_energy) shape.kind = MlpShape::Kind::energy;
    const std::size_t out = rounded(is_energy ? 1 : 5);
    const std::size_t weights = e * W + W * h + h * out, biases = W + h + out;
    const std::size_t P = weights + biases, Q = 2 * weights + biases + h * out;
    const auto loss = [&](const Objective& objective) {
      return LossPlan(Engine::cpu(2), shape, {objective, schedule::Single{1}}, 1024).workspace_bytes();
    };
    const std::size_t plain = is_energy ? 5 * d + 2 * e + 6 * H + 4 * W + 2 * h : 5 * d + e + 2 * H + 3 * W;
    const std::size_t sliced =
        is_energy ? 5 * d + 4 * e + 11 * H + 4 * W + 2 * h : 5 * d + 2 * e + 6 * H + 4 * W + 2 * h;
    const std::size_t score = is_energy ? 4 * d + 4 * e + 11 * H + 4 * W + h : 4 * d + std::max(2 * W, 2 * e + 4 * H);
    EXPECT_EQ(loss(Dsm{}), T * 4 * Q + 4 * C * P + T * (4 * R * plain + 16 * R));
    EXPECT_EQ(loss(Ssm{3}), T * 4 * Q + 4 * C * P + T * (4 * R * sliced + 16 * R));
    EXPECT_EQ(loss(Ism{}), T * 4 * Q + 4 * C * P + T * (4 * R * sliced + 16 * R));
    EXPECT_EQ(ScorePlan(Engine::cpu(2), shape, 1024, 2).workspace_bytes(), T * 4 * Q + T * (4 * R * score + 8 * R));
  }
}

/// Packed parameters of more than 512 KB exist once; smaller ones once per thread.
TEST(Memory, OnlySmallParametersArePackedByEveryThread) {
  constexpr std::size_t d = 16, width = 480;
  const auto of_another_thread = [&](int layers) {
    const auto loss = [&](int threads) {
      const MlpShape shape = MlpShape::score(d, std::vector<int>(static_cast<std::size_t>(layers), width));
      return LossPlan(Engine::cpu(threads), shape, {Dsm{}, schedule::Single{1}}, 1024).workspace_bytes();
    };
    return loss(3) - loss(2);
  };
  const auto tile = [](std::size_t layers) { return 64 * (4 * (6 * d + 2 * layers * width + 3 * width) + 16); };
  EXPECT_EQ(of_another_thread(1), tile(1) + 4 * (2 * 2 * d * width + width + d + d * width));
  EXPECT_EQ(of_another_thread(2), tile(2));
}

TEST(Memory, AScoreOfAWideNetHasScratchForItsProducts) {
  const std::size_t d = 16, W = 304, R = 64;  // 5 and 300, padded
  const std::size_t Q = 2 * (d * W + W * d) + W + d + W * d;
  const ScorePlan plan(Engine::cpu(1), MlpShape::score(5, {300}), 1024, 2);
  EXPECT_EQ(plan.workspace_bytes(), 4 * Q + 4 * R * (4 * d + 2 * d + 4 * W + W) + 8 * R);
}

/// The formulas of the same page for samplers and likelihoods.
TEST(Memory, ArraysOverTheBatchAreAsDocumented) {
  MlpShape shape = net(MlpShape::Kind::energy);
  for (const auto& [engine, element] : {std::pair{Engine::cpu(2), 4u}, std::pair{Engine::reference(), 8u}}) {
    const std::size_t score = ScorePlan(engine, shape, 100).workspace_bytes(),
                      array = (element * 100 * kDim + 255) / 256 * 256, value = (element * 100 + 255) / 256 * 256;
    const auto sampler = [&, e = engine](const Sampler& s) { return SamplerPlan(e, shape, s, 100).workspace_bytes(); };
    EXPECT_EQ(sampler(ProbabilityFlow{}), 4 * array + score);
    for (const Sampler& s : {Sampler(AnnealedLangevin{}), Sampler(ReverseSde{}), Sampler(Langevin{0.5})})
      EXPECT_EQ(sampler(s), 2 * array + score);
    EXPECT_EQ(sampler(Langevin{0.5, 0.1, 5, 1, true}), 4 * array + 3 * value + score);
    EXPECT_EQ(LikelihoodPlan(engine, shape, {}, 100).workspace_bytes(), 4 * array + 2 * value + score);
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
  for (const MlpShape& each : {net(), net(MlpShape::Kind::energy)}) {
    const auto bytes = [&](int projections) {
      return LossPlan(Engine::cpu(2), each, {Ssm{projections}}, 1024).workspace_bytes();
    };
    EXPECT_EQ(bytes(1), bytes(512));
  }
}

TEST(Memory, PeakIsTheWorkspaceAndTheArrays) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "a sanitizer uses memory of its own";
#endif
  const Engine engine = Engine::cpu(2);
  auto x = engine.allocate<float>({kBatch, kDim});
  auto params = engine.upload(net().initial_params(1, Initialization::torch));
  auto grad = engine.allocate<float>(net().param_count());
  auto loss = engine.allocate<Estimate>();
  const NoiseState noise(engine, 1);
  for (int i = 0; i < 5; ++i) {
    const LossPlan plan(engine, net(), every_objective(i), kBatch);
    // Allocated memory counts once it is written, so the workspace is written first.
    auto workspace = engine.allocate<double>(static_cast<std::int64_t>(plan.workspace_bytes() / sizeof(double)) + 1);
    Queue queue(engine, workspace.data(), plan.workspace_bytes());
    plan.run(queue, {params, {x.samples(0, 200), noise}}, {loss.data(), grad});  // libraries allocate at first use
    if (!reset_peak()) GTEST_SKIP() << "this system does not let a process reset its peak";
    const std::size_t before = status("VmRSS");
    plan.run(queue, {params, {x.samples(0, i == 2 ? kBatch / 8 : kBatch), noise}}, {loss.data(), grad});
    const std::size_t peak = status("VmHWM");
    ASSERT_GT(peak, 0u);
    // Beyond the caller's arrays and the workspace, only a few pages of stack and bookkeeping.
    EXPECT_LT(peak, before + (1u << 20)) << "objective " << i;
  }
}

}  // namespace
}  // namespace scorematch
