// The matrix products of the cpu engine are bit-identical to the chain of operations that they promise for every
// element, on every instruction set of this machine.
#include "cpu/simd/product.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/simd.h"  // simd_test.cpp instantiates Simd

namespace {
using namespace scorematch;
using namespace scorematch::cpu;

std::size_t size_of(std::int64_t rows, std::int64_t columns) { return static_cast<std::size_t>(rows * columns); }

/// a b + sum, computed as the instruction set does.
float step(bool fused, float a, float b, float sum) { return fused ? std::fma(a, b, sum) : a * b + sum; }

/// Sums blocks of kDepthBlock terms, then adds the sums in order to `start` if wanted.
template <class A, class B>
float chain(bool fused, int depth, bool onto, float start, const A& a, const B& b) {
  for (int first = 0; first < depth; first += kDepthBlock) {
    float sum = 0;
    for (int k = first; k < std::min(depth, first + kDepthBlock); ++k) sum = step(fused, a(k), b(k), sum);
    start = onto || first > 0 ? start + sum : sum;
  }
  return start;
}

bool is_fused(std::int64_t target) { return (target & (HWY_AVX2 | HWY_AVX3 | HWY_NEON)) != 0; }

// Rows near every block size, widths of an odd and an even number of panels, depths near the block depth.
const std::vector<int> kRows = {1, 2, 5, 6, 7, 11, 12, 13, 25, 64, 65};
const std::vector<int> kWidths = {16, 32, 48};
const std::vector<int> kDepths = {1, 15, 16, 37, 255, 256, 257, 600};

TEST_P(Simd, PanelsHoldTheMatrixOrItsTransposeAndZeros) {
  for (const bool transposed : {false, true})
    for (const auto& [rows, columns] : {std::pair<int, int>{1, 1}, {16, 16}, {17, 5}, {5, 17}, {33, 40}}) {
      const auto m = random_floats(size_of(rows, columns), 1);
      const int depth = (transposed ? columns : rows) + 3, width = ((transposed ? rows : columns) + 15) / 16 * 16 + 16;
      std::vector<float> panels(size_of(depth, width), NAN);
      pack_panels(m.data(), rows, columns, transposed, depth, width, panels.data());
      for (int k = 0; k < depth; ++k)
        for (int j = 0; j < width; ++j) {
          const int row = transposed ? j : k, column = transposed ? k : j;
          const bool inside = row < rows && column < columns;
          ASSERT_EQ(panels[size_of(j / kPanel, depth * kPanel) + size_of(k, kPanel) + size_t(j % kPanel)],
                    inside ? m[size_of(row, columns) + size_t(column)] : 0.0f)
              << rows << " " << columns << " " << transposed << " " << k << " " << j;
        }
    }
}

TEST_P(Simd, ProductsAreTheirChains) {
  const bool fused = is_fused(GetParam());
  for (const int rows : kRows)
    for (const int width : kWidths)
      for (const int depth : kDepths)
        for (const bool onto : {false, true}) {
          const int stride = depth + 5;
          const auto a = random_floats(size_of(rows, stride), 1), b = random_floats(size_of(depth, width), 2),
                     start = random_floats(size_of(rows, width), 3);
          std::vector<float> panels(b.size());
          pack_panels(b.data(), depth, width, false, depth, width, panels.data());
          Guarded c(rows, width, width), scratch(rows, kApart, kApart);
          if (onto) std::copy(start.begin(), start.end(), c.data());
          multiply(rows, depth, width, a.data(), stride, panels.data(), onto, c.data(), scratch.data());
          ASSERT_TRUE(c.guards_hold() && scratch.guards_hold());
          for (int r = 0; r < rows; ++r)
            for (int j = 0; j < width; ++j)
              ASSERT_EQ(c.row(r)[j], chain(
                                         fused, depth, onto, start[size_of(r, width) + size_t(j)],
                                         [&](int k) { return a[size_of(r, stride) + size_t(k)]; },
                                         [&](int k) { return b[size_of(k, width) + size_t(j)]; }))
                  << rows << " " << width << " " << depth << " at " << r << " " << j;
        }
}

TEST_P(Simd, OuterProductsAreTheirChains) {
  const bool fused = is_fused(GetParam());
  for (const int rows : {1, 7, 64, kMaxOuterRows})
    for (const int width : kWidths)
      for (const int height : kWidths) {
        const int stride = height + 16;
        const auto a = random_floats(size_of(rows, stride), 1), b = random_floats(size_of(rows, width), 2),
                   start = random_floats(size_of(height, width), 3);
        std::vector<float> scratch(b.size());
        Guarded c(height, width, width);
        std::copy(start.begin(), start.end(), c.data());
        add_outer_products(rows, height, width, a.data(), stride, b.data(), scratch.data(), c.data());
        ASSERT_TRUE(c.guards_hold());
        for (int i = 0; i < height; ++i)
          for (int j = 0; j < width; ++j)
            ASSERT_EQ(c.row(i)[j], chain(
                                       fused, rows, true, start[size_of(i, width) + size_t(j)],
                                       [&](int r) { return a[size_of(r, stride) + size_t(i)]; },
                                       [&](int r) { return b[size_of(r, width) + size_t(j)]; }))
                << rows << " " << height << " " << width << " at " << i << " " << j;
      }
}

}  // namespace
