// The products of the fused kernels, on the executor and on a GPU: exact if nothing is rounded, and split tf32 within
// the bound of docs/numerics.md for a single product.
#include "cuda/product_cases.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "cuda/cuda_fixture.h"
#include "scorematch/queue.h"

namespace scorematch::testing_support {
namespace {

using kernels::kProductColumns;
using kernels::kProductDepth;
using kernels::kProductRows;
using kernels::Operands;

/// Matrices [rows, depth] and [columns, depth], each plain or transposed in memory.
struct Product {
  std::vector<float> a = std::vector<float>(static_cast<std::size_t>(kProductRows * kProductDepth));
  std::vector<float> b = std::vector<float>(static_cast<std::size_t>(kProductColumns * kProductDepth));
  bool transposed_a = false, transposed_b = false;

  float& a_at(int row, int k) { return a[place(row, k, transposed_a)]; }
  float& b_at(int column, int k) { return b[place(column, k, transposed_b)]; }

 private:
  static std::size_t place(int line, int k, bool transposed) {  // all three extents are 32
    return static_cast<std::size_t>(transposed ? k * kProductRows + line : line * kProductDepth + k);
  }
};

class WarpProduct : public CudaTest {
 protected:
  std::vector<float> onto(const std::vector<float>& c, const Product& product, Operands operands) {
    const Engine engine = Engine::cuda();
    auto a = engine.upload(product.a), b = engine.upload(product.b), sums = engine.upload(c);
    EXPECT_EQ(kernels::launch_product({a.data(), b.data(), sums.data(), product.transposed_a, product.transposed_b},
                                      operands, nullptr),
              0);
    return Queue(engine, 0).read(sums);
  }
  static std::size_t at(int row, int column) { return static_cast<std::size_t>(row * kProductColumns + column); }

  std::vector<float> zeros_ = std::vector<float>(static_cast<std::size_t>(kProductRows * kProductColumns));
  std::mt19937 generator_{1};
};

/// Small integers, so that nothing is rounded: every place of both operands, in all layouts.
TEST_F(WarpProduct, OfIntegersIsExact) {
  std::uniform_int_distribution<int> integers(-8, 8);
  for (const Operands operands : {Operands::bf16, Operands::split_tf32})
    for (const int transposed : {0, 1, 2, 3}) {
      Product product;
      product.transposed_a = transposed % 2 != 0, product.transposed_b = transposed / 2 != 0;
      std::vector<float> c = zeros_;
      for (auto* array : {&product.a, &product.b, &c})
        for (float& each : *array) each = static_cast<float>(integers(generator_));
      const std::vector<float> sums = onto(c, product, operands);
      for (int i = 0; i < kProductRows; ++i)
        for (int j = 0; j < kProductColumns; ++j) {
          float expected = c[at(i, j)];
          for (int k = 0; k < kProductDepth; ++k) expected += product.a_at(i, k) * product.b_at(j, k);
          EXPECT_EQ(sums[at(i, j)], expected) << i << " " << j << " transposed " << transposed;
        }
    }
}

/// One product per result. The bound is 3 2^-22 of it for the parts that are truncated and left out, and one unit in
/// the last place, 2^-23, or two if sums are truncated, for adding the parts. Without low high or high low the error
/// would be about 2^-12.
TEST_F(WarpProduct, OfSplitTf32IsNearlyFloats) {
  std::uniform_real_distribution<float> mantissas(1, 2);
  std::uniform_int_distribution<int> exponents(-20, 20), places(0, kProductDepth - 1), signs(0, 1);
  const auto number = [&] {
    return std::ldexp(signs(generator_) == 0 ? 1.0f : -1.0f, exponents(generator_)) * mantissas(generator_);
  };
  constexpr double kBound = 3 * 0x1p-22 + 2 * 0x1p-23;
  double worst = 0;
  for (int repeat = 0; repeat < 40; ++repeat) {
    draw_schedule(static_cast<std::uint64_t>(repeat));
    Product product;
    product.transposed_a = repeat % 2 != 0, product.transposed_b = repeat / 2 % 2 != 0;
    const int k = places(generator_);
    for (int i = 0; i < kProductRows; ++i) product.a_at(i, k) = number();
    for (int j = 0; j < kProductColumns; ++j) product.b_at(j, k) = number();
    const std::vector<float> sums = onto(zeros_, product, Operands::split_tf32);
    for (int i = 0; i < kProductRows; ++i)
      for (int j = 0; j < kProductColumns; ++j) {
        const double exact = static_cast<double>(product.a_at(i, k)) * static_cast<double>(product.b_at(j, k));
        const double error = std::abs(static_cast<double>(sums[at(i, j)]) - exact) / std::abs(exact);
        EXPECT_LE(error, kBound) << product.a_at(i, k) << " " << product.b_at(j, k);
        worst = std::max(worst, error);
      }
  }
  EXPECT_GT(worst, kBound / 8);  // the bound is tight
}

}  // namespace
}  // namespace scorematch::testing_support
