// cuRAND against our noise: its Philox is bit-identical to ours, and a plan accepts numbers that its generator draws
// instead of those of the library.
#include <cuda_runtime.h>
#define QUALIFIERS static inline  // compiles its Philox as host code
#include <curand.h>
#include <curand_philox4x32_x.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "scorematch/loss.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

TEST(Curand, PhiloxIsOursOnTheHost) {
  std::mt19937_64 generator(1);
  for (int i = 0; i < 200000; ++i) {
    const std::uint64_t low = generator(), high = generator(), key = generator();
    const auto word = [](std::uint64_t value, int half) { return static_cast<unsigned>(value >> 32 * half); };
    const uint4 theirs = curand_Philox4x32_10(make_uint4(word(low, 0), word(low, 1), word(high, 0), word(high, 1)),
                                              make_uint2(word(key, 0), word(key, 1)));
    const philox::Block ours = philox::philox4x32_10({{word(low, 0), word(low, 1), word(high, 0), word(high, 1)}}, key);
    ASSERT_EQ(theirs.x, ours.word[0]);
    ASSERT_EQ(theirs.y, ours.word[1]);
    ASSERT_EQ(theirs.z, ours.word[2]);
    ASSERT_EQ(theirs.w, ours.word[3]);
  }
}

TEST(Curand, ItsGeneratorIsAnotherSourceOfNoise) {
  constexpr std::int64_t kBatch = 20000;
  constexpr int kDim = 3;
  std::vector<float> drawn(kBatch * kDim);
  curandGenerator_t generator = nullptr;
  ASSERT_EQ(curandCreateGeneratorHost(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandSetPseudoRandomGeneratorSeed(generator, 5), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandGenerateNormal(generator, drawn.data(), drawn.size(), 0, 1), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandDestroyGenerator(generator), CURAND_STATUS_SUCCESS);

  const Engine engine = Engine::reference();
  const MlpShape net = MlpShape::score(kDim, {8});
  const LossPlan plan(engine, net, {Dsm{}, schedule::Single{0.5}}, kBatch);
  Queue queue(engine, plan.workspace_bytes());
  const auto params = engine.upload(net.initial_params(1, Initialization::torch)),
             eps = engine.upload(drawn, {kBatch, kDim}),
             x = engine.upload(std::vector<float>(drawn.size(), 0.3f), {kBatch, kDim});
  const NoiseState noise(engine, 1);
  auto loss = engine.allocate<Estimate>();
  plan.run(queue, {params, {x, noise}}, {loss.data()});
  const Estimate ours = queue.read_one(loss);
  plan.run(queue, {params, {x, {}, {}, eps}}, {loss.data()});
  const Estimate theirs = queue.read_one(loss);
  EXPECT_NE(ours.mean, theirs.mean);
  EXPECT_NEAR(ours.mean, theirs.mean, 5 * std::hypot(ours.standard_error(), theirs.standard_error()));
}

}  // namespace
}  // namespace scorematch
