// Every instruction of kernels/device/ptx.cuh against its definition, on the executor and on a GPU. All tests on the
// executor rely on this agreement.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "cuda/cuda_fixture.h"
#include "cuda/ptx_cases.h"
#include "scorematch/queue.h"

namespace scorematch::testing_support {
namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

class PtxConformance : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (!IsSkipped()) engine_ = std::make_unique<Engine>(Engine::cuda());
  }
  void TearDown() override { engine_.reset(); }

  template <class T>
  std::vector<T> read(const Buffer<T>& from) const {
    return Queue(*engine_, 0).read(from);
  }
  std::unique_ptr<Engine> engine_;
  std::mt19937 generator_{1};
};

TEST_F(PtxConformance, Conversions) {
  std::vector<float> in = {0.0f,          -0.0f,           1.0f,  -1.0f,   1.00390625f, 1.01171875f,
                           3.3895314e38f, 1e-40f,          0.1f,  -0.1f,   65504.0f,    1.00048828125f,
                           1.00146484f,   -1.00048828125f, 1e38f, -1e-38f, HUGE_VALF,   -HUGE_VALF};
  while (in.size() < 32) in.push_back(std::uniform_real_distribution<float>(-9, 9)(generator_));
  auto input = engine_->upload(in);
  auto bf16 = engine_->allocate<std::uint16_t>(32);
  auto pair = engine_->allocate<std::uint32_t>(32), tf32 = engine_->allocate<std::uint32_t>(32);
  ASSERT_EQ(kernels::launch_convert({input.data(), bf16.data(), pair.data(), tf32.data()}, nullptr), 0);
  const auto halves = read(bf16);
  const auto pairs = read(pair), shorts = read(tf32);
  const auto to_bf16 = [](float value) {  // to nearest, ties to even
    const std::uint32_t bits = bits_of(value);
    return std::isinf(value) ? bits >> 16 : (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  };
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_EQ(halves[i], to_bf16(in[i])) << in[i];
    EXPECT_EQ(pairs[i], to_bf16(in[i]) | to_bf16(in[i ^ 1]) << 16) << in[i];
    // Ties away from zero; ldexp and round do not depend on the bits.
    int exponent = 0;
    const float fraction = std::frexp(in[i], &exponent);
    exponent = std::max(exponent, -125);  // subnormal numbers have fewer bits
    const double steps = std::ldexp(static_cast<double>(in[i]), 11 - exponent);
    const auto want = std::isinf(in[i]) ? in[i] : static_cast<float>(std::ldexp(std::round(steps), exponent - 11));
    EXPECT_EQ(shorts[i], bits_of(fraction == 0 ? in[i] : want)) << in[i];
  }
}

/// Within the bounds of the PTX manual.
TEST_F(PtxConformance, Approximations) {
  std::vector<float> in = {1e-6f, -1e-6f, 0.5f, -0.5f, 1.0f, -1.0f, 3.1415926f, -3.1415926f, 1.0001f, 0.9999f};
  while (in.size() < 32) in.push_back(std::uniform_real_distribution<float>(-3.14f, 3.14f)(generator_));
  auto input = engine_->upload(in);
  std::vector<Buffer<float>> out;
  for (int i = 0; i < 7; ++i) out.push_back(engine_->allocate<float>(32));
  ASSERT_EQ(kernels::launch_approximations({input.data(), out[0].data(), out[1].data(), out[2].data(), out[3].data(),
                                            out[4].data(), out[5].data(), out[6].data()},
                                           nullptr),
            0);
  const auto tanhs = read(out[0]), powers = read(out[1]), inverses = read(out[2]), logarithms = read(out[3]),
             roots = read(out[4]), sines = read(out[5]), cosines = read(out[6]);
  for (std::size_t i = 0; i < 32; ++i) {
    const double x = static_cast<double>(in[i]);
    EXPECT_NEAR(static_cast<double>(tanhs[i]), std::tanh(x), 0x1p-10 * std::abs(std::tanh(x))) << x;
    EXPECT_NEAR(static_cast<double>(powers[i]), std::exp2(x), 0x1p-21 * std::exp2(x)) << x;
    EXPECT_NEAR(static_cast<double>(inverses[i]), 1 / x, 0x1p-22 * std::abs(1 / x)) << x;
    EXPECT_NEAR(static_cast<double>(logarithms[i]), std::log2(std::abs(x)),
                0x1p-21 * (1 + std::abs(std::log2(std::abs(x)))))
        << x;
    EXPECT_NEAR(static_cast<double>(roots[i]), std::sqrt(std::abs(x)), 0x1p-22 * std::sqrt(std::abs(x))) << x;
    EXPECT_NEAR(static_cast<double>(sines[i]), std::sin(x), 0x1p-20) << x;
    EXPECT_NEAR(static_cast<double>(cosines[i]), std::cos(x), 0x1p-20) << x;
  }
}

/// Each thread adds in program order, so the sums are exact and repeatable.
TEST_F(PtxConformance, AdditionsOfPairs) {
  auto sums = engine_->upload(std::vector<float>(64, 0.25f));
  ASSERT_EQ(kernels::launch_add_pairs(sums.data(), nullptr), 0);
  const auto got = read(sums);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(got[2 * lane], 3.25f) << lane;
    EXPECT_EQ(got[2 * lane + 1], 0.25f + 4 * static_cast<float>(lane)) << lane;
  }
}

TEST_F(PtxConformance, AsynchronousCopies) {
  std::vector<unsigned char> in(32 * 16);
  for (auto& each : in) each = static_cast<unsigned char>(1 + generator_() % 255);
  auto input = engine_->upload(in);
  auto output = engine_->allocate<unsigned char>(32 * 16);
  ASSERT_EQ(kernels::launch_copy({input.data(), output.data()}, nullptr), 0);
  const auto out = read(output);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 16; ++i) {
      const auto at = static_cast<std::size_t>(lane * 16 + i);
      EXPECT_EQ(out[at], i < lane % 17 ? in[at] : 0) << lane << " " << i;
    }
}

TEST_F(PtxConformance, MatrixFragments) {
  std::vector<std::uint16_t> in(4 * 64);
  for (auto& each : in) each = static_cast<std::uint16_t>(generator_());
  auto input = engine_->upload(in);
  auto two = engine_->allocate<std::uint32_t>(64), four = engine_->allocate<std::uint32_t>(128),
       turned = engine_->allocate<std::uint32_t>(128);
  ASSERT_EQ(kernels::launch_fragments({input.data(), two.data(), four.data(), turned.data()}, nullptr), 0);
  const auto at = [&](std::size_t matrix, std::size_t row, std::size_t column) {
    return std::uint32_t{in[matrix * 64 + row * 8 + column]};
  };
  const auto got_two = read(two), got_four = read(four), got_turned = read(turned);
  for (std::size_t lane = 0; lane < 32; ++lane)
    for (std::size_t m = 0; m < 4; ++m) {
      const std::size_t g = lane / 4, t = lane % 4 * 2;
      const std::uint32_t plain = at(m, g, t) | at(m, g, t + 1) << 16, transposed = at(m, t, g) | at(m, t + 1, g) << 16;
      if (m < 2) {
        EXPECT_EQ(got_two[lane * 2 + m], plain) << lane << " " << m;
      }
      EXPECT_EQ(got_four[lane * 4 + m], plain) << lane << " " << m;
      EXPECT_EQ(got_turned[lane * 4 + m], transposed) << lane << " " << m;
    }
}

/// Small integers, so that nothing is rounded.
TEST_F(PtxConformance, MatrixProducts) {
  for (const bool bf16 : {true, false}) {
    const std::size_t k = bf16 ? 16 : 8;
    const auto integers = [&](std::size_t count) {
      std::vector<float> values;
      while (values.size() < count) values.push_back(static_cast<float>(static_cast<int>(generator_() % 17) - 8));
      return values;
    };
    const auto a = integers(16 * k), b = integers(k * 8), c = integers(16 * 8);
    auto a_in = engine_->upload(a), b_in = engine_->upload(b), c_in = engine_->upload(c);
    auto d_out = engine_->allocate<float>(128);
    ASSERT_EQ(kernels::launch_mma({a_in.data(), b_in.data(), c_in.data(), d_out.data(), bf16}, nullptr), 0);
    const auto d = read(d_out);
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 8; ++j) {
        float sum = c[i * 8 + j];
        for (std::size_t l = 0; l < k; ++l) sum += a[i * k + l] * b[l * 8 + j];
        EXPECT_EQ(d[i * 8 + j], sum) << i << " " << j << (bf16 ? " bf16" : " tf32");
      }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
