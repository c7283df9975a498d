// The drawn numbers and features of the cpu engine against double and long double, on every supported instruction set.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "cpu/simd/noise.h"
#include "support/simd.h"  // simd_test.cpp instantiates Simd

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

const Draw kDraw = {0x9E3779B97F4A7C15u, 0xAB12345678u, 0xFFFFFFF0u, philox::Purpose::direction, 9876};

TEST_P(Simd, NormalsMatchBoxMullerInDouble) {
  constexpr int kRows = 1 << 16, kDim = 66;
  static const std::vector<double> expected = [] {
    std::vector<double> e;
    for (int r = 0; r < kRows; ++r) {
      for (int i = 0; i < kDim; ++i)
        e.push_back(exact_normal(words(kDraw, kDraw.first_sample + unsigned(r), i / 4), i & 3));
    }
    return e;
  }();
  std::vector<float> actual(expected.size());
  fill_normal(kDraw, kRows, kDim, actual.data(), kDim);
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) worst = std::max(worst, ulps(actual[i], expected[i]));
  report("normal_max_ulp", worst);
  EXPECT_LE(worst, 4.0);
}

TEST_P(Simd, NormalsAtExtremeUniforms) {
  // 23-bit uniforms near both ends, 2/3 and the powers of 2; angles near octant ends; the 9 bits below are free.
  std::vector<std::uint32_t> radii, angles;
  for (std::uint32_t near = 0; near < 3; ++near) {
    for (std::uint32_t k = 0; k < 24; ++k) {
      radii.push_back(((1u << 23) - (1u << k) / 3 - 1 + near) & 0x7FFFFF);
      radii.push_back(((1u << k) - 2 + near) & 0x7FFFFF);
    }
    for (std::uint32_t octant = 0; octant < 8; ++octant) angles.push_back(((octant << 20) - 1 + near) & 0x7FFFFF);
  }
  double worst = 0;
  std::mt19937 engine(1);
  std::vector<float> row;
  for (int trial = 0; trial < 2000; ++trial) {
    const std::uint32_t radius = radii[engine() % radii.size()] << 9, angle = angles[engine() % angles.size()] << 9;
    philox::Block counter, wanted;
    do {  // until the group of the counter is small
      const auto low = static_cast<std::uint32_t>(engine());
      wanted = {{radius | (low & 511), angle | (low >> 9 & 511), radius | (low >> 18 & 511), angle}};
      counter = invert_philox(wanted, kDraw.seed);
    } while ((counter.word[1] & (philox::kMaxGroups - 1)) >= 64);
    Draw draw = kDraw;
    draw.first_sample = counter.word[0] | std::uint64_t{counter.word[3] & 0xFFFF} << 32;
    draw.step = counter.word[2] | std::uint64_t{counter.word[3] >> 16 & 0xFF} << 32;
    draw.purpose = static_cast<philox::Purpose>(counter.word[3] >> 24);
    draw.direction = counter.word[1] >> philox::kGroupBits;
    const int group = static_cast<int>(counter.word[1] & (philox::kMaxGroups - 1));
    row.assign(static_cast<std::size_t>(4 * group + 4), 0);
    fill_normal(draw, 1, 4 * group + 4, row.data(), 4 * group + 4);
    for (int i = 0; i < 4; ++i) {
      worst = std::max(worst, ulps(row[static_cast<std::size_t>(4 * group + i)], exact_normal(wanted, i)));
    }
  }
  report("normal_extreme_max_ulp", worst);
  EXPECT_LE(worst, 4.0);
}

/// A function that fills rows; normals and signs have the same contract.
using Fill = void (*)(const Draw&, int, int, float*, std::int64_t);
void fill_plain_signs(const Draw& draw, int rows, int dim, float* out, std::int64_t stride) {
  fill_signs(draw, rows, dim, out, stride);
}

TEST_P(Simd, NoiseBitsDependOnTheSampleOnly) {
  constexpr int kRows = 37, kWide = 1003;  // samples 2^32 - 16 .. 2^32 + 20
  for (const Fill fill : {&fill_normal, &fill_plain_signs}) {
    Guarded wide(kRows, kWide, kWide);
    fill(kDraw, kRows, kWide, wide.data(), kWide);
    std::vector<int> dims = {127, 128, 129, 256, 257, 1000, 1003};
    for (int dim = 1; dim <= 70; ++dim) dims.push_back(dim);
    for (const int dim : dims) {
      for (const int pad : {0, 3}) {
        Guarded whole(kRows, dim, dim + pad), split(kRows, dim, dim + pad);
        fill(kDraw, kRows, dim, whole.data(), dim + pad);
        for (int r = 0, take = 1; r < kRows; r += take, take = std::min(take + 2, kRows - r)) {
          Draw draw = kDraw;
          draw.first_sample += static_cast<std::uint64_t>(r);
          fill(draw, take, dim, split.row(r), dim + pad);
        }
        for (int r = 0; r < kRows; ++r) {
          ASSERT_TRUE(same_bits(whole.row(r), wide.row(r), static_cast<std::size_t>(dim))) << dim << " " << r;
          ASSERT_TRUE(same_bits(split.row(r), wide.row(r), static_cast<std::size_t>(dim))) << dim << " " << r;
        }
        ASSERT_TRUE(whole.guards_hold() && split.guards_hold()) << dim;
      }
    }
    fill(kDraw, 0, 5, wide.data(), 5);
    EXPECT_TRUE(wide.guards_hold());
  }
}

TEST_P(Simd, SignsAreThoseOfTheCounters) {
  constexpr int kRows = 40, kDim = 700;
  std::vector<float> signs(kRows * kDim);
  fill_signs(kDraw, kRows, kDim, signs.data(), kDim);
  for (unsigned i = 0; i < signs.size(); ++i) {
    const unsigned col = i % kDim;
    const auto block = words(kDraw, kDraw.first_sample + i / kDim, static_cast<int>(col / 128));
    ASSERT_EQ(signs[i], philox::sign(block, col % 128)) << i;
  }
}

TEST_P(Simd, FourierFeatures) {
  const long double two_pi = 2 * std::acos(-1.0L);
  double worst = 0;
  for (int count = 1; count <= 40; ++count) {
    const auto draws = random_floats(static_cast<std::size_t>(count + 7), static_cast<unsigned>(count));
    std::vector<double> frequencies(draws.begin(), draws.begin() + count), ln_sigma(draws.begin() + count, draws.end());
    for (double& w : frequencies) w *= std::pow(8.0, count % 6);
    ln_sigma[0] = 0;
    Guarded out(7, 2 * count, 2 * count + 5);
    fill_fourier(ln_sigma.data(), 7, frequencies.data(), count, out.data(), 2 * count + 5);
    EXPECT_TRUE(out.guards_hold());
    for (int r = 0; r < 7; ++r) {
      for (int k = 0; k < count; ++k) {
        const double turns = frequencies[static_cast<std::size_t>(k)] * ln_sigma[static_cast<std::size_t>(r)];
        const long double angle = two_pi * (turns - std::round(turns));
        worst = std::max(worst, static_cast<double>(std::abs(out.row(r)[k] - std::sin(angle))));
        worst = std::max(worst, static_cast<double>(std::abs(out.row(r)[count + k] - std::cos(angle))));
      }
    }
  }
  report("fourier_max_error", worst);
  EXPECT_LT(worst, 2e-7);
}

}  // namespace
