// The bfloat16 products of the cpu engine: the content of the panels is bit-identical, and sums of rounded operands
// agree, on every instruction set; and whole networks agree with the reference, by the criteria of
// cuda_agreement_test.cpp.
#include "cpu/simd/bf16_product.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "cpu/simd/product.h"
#include "support/agreement.h"
#include "support/simd.h"
#include "support/tier.h"

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

class Bfloat16 : public Simd {
 protected:
  void SetUp() override {
    if (GetParam() == HWY_AVX3 && !has_bf16_products()) GTEST_SKIP() << "this processor does not have the instructions";
    Simd::SetUp();
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, Bfloat16, testing::ValuesIn(targets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

/// Rounds to 8 bits, to nearest even, for numbers that are not denormal.
float rounded(float x) {
  if (x == 0 || !std::isfinite(x)) return x;
  int exponent;
  const double fraction = std::frexp(static_cast<double>(x), &exponent);
  const double y = std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
  return y > DBL_MAX || y < -DBL_MAX ? INFINITY : static_cast<float>(y);
}

std::uint32_t half(float x) { return bits(x) >> 16; }
std::size_t size_of(std::int64_t rows, std::int64_t columns) { return static_cast<std::size_t>(rows * columns); }

std::vector<float> small_integers(std::size_t n, unsigned seed) {
  auto x = random_floats(n, seed, -8, 8);
  for (float& each : x) each = std::nearbyint(each);
  return x;
}

TEST_P(Bfloat16, PanelsHoldPairsOfRoundedElementsAndZeros) {
  for (const bool transposed : {false, true})
    for (const auto& [rows, columns] : {std::pair<int, int>{1, 1}, {16, 16}, {17, 5}, {5, 17}, {33, 40}, {20, 515}}) {
      auto m = random_floats(size_of(rows, columns), 1);
      m[0] = 1 + 0x1p-8f;  // halfway: to even, down
      if (m.size() > 4) m[1] = 1 + 0x3p-8f, m[2] = NAN, m[3] = -INFINITY, m[4] = 0x1.FFFFp127f;  // up; to infinity
      const int depth = (transposed ? columns : rows) + 3, width = ((transposed ? rows : columns) + 15) / 16 * 16 + 16;
      const int steps = (depth + 1) / 2;
      std::vector<float> panels(size_of(steps, width), NAN);
      pack_bf16_panels(m.data(), rows, columns, transposed, depth, width, panels.data());
      const auto element = [&](int k, int j) {
        const int row = transposed ? j : k, column = transposed ? k : j;
        return row < rows && column < columns ? m[size_of(row, columns) + size_t(column)] : 0.0f;
      };
      for (int k = 0; k < 2 * steps; ++k)
        for (int j = 0; j < width; ++j) {
          const float pair = panels[size_of(j / kPanel, steps * kPanel) + size_of(k / 2, kPanel) + size_t(j % kPanel)];
          const std::uint32_t got = k % 2 == 0 ? bits(pair) & 0xFFFF : bits(pair) >> 16;
          const float want = element(k, j);
          if (std::isnan(want))
            ASSERT_TRUE((got & 0x7F80) == 0x7F80 && (got & 0x7F) != 0) << std::hex << got;
          else
            ASSERT_EQ(got, half(rounded(want))) << rows << " " << columns << " " << transposed << " " << k << " " << j;
        }
    }
}

// Sums of integers are exact in any order, so any misplaced element shows.
TEST_P(Bfloat16, ProductsOfIntegersAreExact) {
  for (const int rows : {1, 2, 5, 7, 12, 13, 25, 64})
    for (const int width : {16, 32, 48})
      for (const int depth : {2, 16, 46, 48, 512, 514, 600})
        for (const bool onto : {false, true}) {
          const int stride = depth + 5;
          const auto a = small_integers(size_of(rows, stride), 1), b = small_integers(size_of(depth, width), 2),
                     start = small_integers(size_of(rows, width), 3);
          std::vector<float> panels(b.size() / 2);
          const int apart = depth / 2 > kDepthBlock ? kApart : depth / 2;
          Guarded scratch(rows, apart, apart);
          pack_bf16_panels(b.data(), depth, width, false, depth, width, panels.data());
          Guarded c(rows, width, width);
          if (onto) std::copy(start.begin(), start.end(), c.data());
          multiply_bf16(rows, depth, width, a.data(), stride, panels.data(), onto, c.data(), scratch.data());
          ASSERT_TRUE(c.guards_hold() && scratch.guards_hold());
          for (int r = 0; r < rows; ++r)
            for (int j = 0; j < width; ++j) {
              float want = onto ? start[size_of(r, width) + size_t(j)] : 0;
              for (int k = 0; k < depth; ++k)
                want += a[size_of(r, stride) + size_t(k)] * b[size_of(k, width) + size_t(j)];
              ASSERT_EQ(c.row(r)[j], want) << rows << " " << width << " " << depth << " at " << r << " " << j;
            }
        }
}

TEST_P(Bfloat16, OuterProductsOfIntegersAreExact) {
  for (const int rows : {1, 2, 7, 64, kMaxOuterRows - 1, kMaxOuterRows})
    for (const int width : {16, 48})
      for (const int height : {16, 32}) {
        const int stride = height + 16;
        const auto a = small_integers(size_of(rows, stride), 1), b = small_integers(size_of(rows, width), 2),
                   start = small_integers(size_of(height, width), 3);
        Guarded scratch((rows + 1) / 2, width, width);
        Guarded c(height, width, width);
        std::copy(start.begin(), start.end(), c.data());
        add_outer_products_bf16(rows, height, width, a.data(), stride, b.data(), scratch.data(), c.data());
        ASSERT_TRUE(c.guards_hold() && scratch.guards_hold());
        for (int i = 0; i < height; ++i)
          for (int j = 0; j < width; ++j) {
            float want = start[size_of(i, width) + size_t(j)];
            for (int r = 0; r < rows; ++r) want += a[size_of(r, stride) + size_t(i)] * b[size_of(r, width) + size_t(j)];
            ASSERT_EQ(c.row(i)[j], want) << rows << " " << height << " " << width << " at " << i << " " << j;
          }
      }
}

// Products of 8-bit numbers fit in 16 bits, so the error of a sum of n is at most n roundings of the sum of sizes.
TEST_P(Bfloat16, OperandsAreRoundedOnceAndSumsAreInFloat32) {
  constexpr int kRows = 13, kDepth = 600, kWidth = 32;
  const auto a = random_floats(size_of(kRows, kDepth), 1), b = random_floats(size_of(kDepth, kWidth), 2);
  std::vector<float> panels(b.size() / 2), scratch(size_of(kRows, kApart)), c(size_of(kRows, kWidth));
  pack_bf16_panels(b.data(), kDepth, kWidth, false, kDepth, kWidth, panels.data());
  multiply_bf16(kRows, kDepth, kWidth, a.data(), kDepth, panels.data(), false, c.data(), scratch.data());
  for (int r = 0; r < kRows; ++r)
    for (int j = 0; j < kWidth; ++j) {
      double sum = 0, size = 0;
      for (int k = 0; k < kDepth; ++k) {
        const double product =
            double{rounded(a[size_of(r, kDepth) + size_t(k)])} * double{rounded(b[size_of(k, kWidth) + size_t(j)])};
        sum += product, size += std::abs(product);
      }
      ASSERT_NEAR(c[size_of(r, kWidth) + size_t(j)], sum, kDepth * 0x1p-24 * size) << r << " " << j;
    }
}

}  // namespace

namespace scorematch::testing_support {
namespace {

void sweep(MlpShape::Kind kind, int problems, double most_work) {
  if (!cpu::has_bf16_products()) GTEST_SKIP() << "this processor does not have the instructions";
  ProblemMaker maker(1);
  const Engine engine = Engine::cpu(2);
  Tally tally;
  for (int k = 0; k < problems; ++k) {
    Problem p = maker.make(most_work, kind);
    if (k % 4 == 3) maker.add_context(p);
    SCOPED_TRACE("problem " + std::to_string(k) + ": " + p.describe());
    const EngineRun got = run(engine, p, 0, p.batch, p.batch, {{Precision::bf16}});
    expect_agreement(p, got, Precision::bf16, &tally, kFloatUnit);  // the engine averages losses in double
  }
  EXPECT_LE(tally.loose, Tally::most_loose(Precision::bf16, kind) * tally.arrays);
}

constexpr int kProblems = 160;

TEST(Bfloat16Agreement, OfScoreNets) { sweep(MlpShape::Kind::score, problems_of_tier(kProblems), 1.5e6); }
TEST(Bfloat16Agreement, OfEnergyNets) { sweep(MlpShape::Kind::energy, problems_of_tier(kProblems * 2 / 5), 4e5); }

}  // namespace
}  // namespace scorematch::testing_support
