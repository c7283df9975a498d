// cuRAND against our noise: its Philox is bit-identical to ours, and a plan accepts numbers that its generator draws
// instead of those of the library. scorematch/curand.h with generators on the host.
#include <cuda_runtime.h>
#define QUALIFIERS static inline  // compiles its Philox as host code
#include <curand.h>
#include <curand_philox4x32_x.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "scorematch/curand.h"
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

class CurandDraw : public testing::Test {
 protected:
  CurandDraw() {
    check_curand(curandCreateGeneratorHost(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10), "making a generator");
    check_curand(curandSetPseudoRandomGeneratorSeed(generator, 5), "seeding a generator");
  }
  ~CurandDraw() override { curandDestroyGenerator(generator); }

  template <class Call>
  static void expect_error(ErrorCode code, const char* argument, const std::string& words, const Call& call) {
    try {
      call();
      ADD_FAILURE() << "expected an error: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_EQ(error.argument(), argument) << error.what();
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }

  curandGenerator_t generator = nullptr;
};

TEST_F(CurandDraw, EpsAreItsNormalNumbers) {
  const Engine engine = Engine::cpu(1);
  Queue queue(engine, 0);
  auto eps = engine.allocate<float>({100, 3});
  draw_eps(queue, generator, eps);
  curandGenerator_t same = nullptr;
  std::vector<float> expected(300);
  ASSERT_EQ(curandCreateGeneratorHost(&same, CURAND_RNG_PSEUDO_PHILOX4_32_10), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandSetPseudoRandomGeneratorSeed(same, 5), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandGenerateNormal(same, expected.data(), expected.size(), 0, 1), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandDestroyGenerator(same), CURAND_STATUS_SUCCESS);
  EXPECT_EQ(queue.read(eps), expected);
  draw_eps(queue, generator, eps);
  EXPECT_NE(queue.read(eps), expected);  // it goes on
}

TEST_F(CurandDraw, RefusalsNameTheArgument) {
  const Engine engine = Engine::reference();
  Queue queue(engine, 0);
  auto eps = engine.allocate<float>({5, 3});
  auto wide = engine.allocate<double>({4, 2});
  const auto code = ErrorCode::invalid_argument;
  curandGenerator_t quasirandom = nullptr;
  ASSERT_EQ(curandCreateGeneratorHost(&quasirandom, CURAND_RNG_QUASI_SOBOL32), CURAND_STATUS_SUCCESS);
  ASSERT_EQ(curandSetQuasiRandomGeneratorDimensions(quasirandom, 2), CURAND_STATUS_SUCCESS);
  expect_error(code, "eps", "got 15; give part of a larger array", [&] { draw_eps(queue, quasirandom, eps); });
  ASSERT_EQ(curandDestroyGenerator(quasirandom), CURAND_STATUS_SUCCESS);
  expect_error(code, "eps", "expected float32, got float64", [&] { draw_eps(queue, generator, wide); });
  expect_error(code, "eps", "expected a stride of 2 elements along axis 0, without gaps, got 3", [&] {
    draw_eps(queue, generator, View(eps.data(), {5, 2}).with_row_stride(3));
  });
  EXPECT_EQ(queue.read(eps), std::vector<float>(15));
}

TEST_F(CurandDraw, ErrorsHaveTheNamesOfCurand) {
  const struct {
    curandStatus_t status;
    const char* name;
    ErrorCode code;
  } all[] = {{CURAND_STATUS_VERSION_MISMATCH, "VERSION_MISMATCH", ErrorCode::device_unavailable},
             {CURAND_STATUS_NOT_INITIALIZED, "NOT_INITIALIZED", ErrorCode::invalid_argument},
             {CURAND_STATUS_ALLOCATION_FAILED, "ALLOCATION_FAILED", ErrorCode::out_of_memory},
             {CURAND_STATUS_TYPE_ERROR, "TYPE_ERROR", ErrorCode::invalid_argument},
             {CURAND_STATUS_OUT_OF_RANGE, "OUT_OF_RANGE", ErrorCode::invalid_argument},
             {CURAND_STATUS_LENGTH_NOT_MULTIPLE, "LENGTH_NOT_MULTIPLE", ErrorCode::invalid_argument},
             {CURAND_STATUS_DOUBLE_PRECISION_REQUIRED, "DOUBLE_PRECISION_REQUIRED", ErrorCode::device_unavailable},
             {CURAND_STATUS_LAUNCH_FAILURE, "LAUNCH_FAILURE", ErrorCode::device_fault},
             {CURAND_STATUS_PREEXISTING_FAILURE, "PREEXISTING_FAILURE", ErrorCode::device_fault},
             {CURAND_STATUS_INITIALIZATION_FAILED, "INITIALIZATION_FAILED", ErrorCode::device_unavailable},
             {CURAND_STATUS_ARCH_MISMATCH, "ARCH_MISMATCH", ErrorCode::device_unavailable},
             {CURAND_STATUS_INTERNAL_ERROR, "INTERNAL_ERROR", ErrorCode::device_fault}};
  for (const auto& each : all)
    expect_error(each.code, each.code == ErrorCode::invalid_argument ? "generator" : "",
                 std::string("working: expected success, got CURAND_STATUS_") + each.name,
                 [&] { check_curand(each.status, "working"); });
  check_curand(CURAND_STATUS_SUCCESS, "working");
}

}  // namespace
}  // namespace scorematch
