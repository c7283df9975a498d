// column_sums.cu against sums in double.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int width = 8 * random.pick({1, 2, 15, 16, 17, 20});
  const std::int64_t rows = random.pick({1, 7, 8, 9, 64, 255, 256, 257, 300});
  const Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  const ElementArray a(element, random.normals(rows * width));
  const int blocks = column_sum_blocks(rows);
  const DeviceArray<float> partial(static_cast<std::size_t>(blocks * width)), sum(random.normals(width));
  const bool add = random.chance(0.5);
  const auto before = sum.read(), values = a.read();
  ASSERT_EQ(launch_column_sums({rows, width, a.data(), partial.data()}, element, nullptr), 0);
  ASSERT_EQ(launch_add_column_sums(partial.data(), blocks, width, add, sum.data(), nullptr), 0);
  const auto got = sum.read();
  for (std::size_t j = 0; j < static_cast<std::size_t>(width); ++j) {
    double wanted = add ? before[j] : 0, size = std::abs(wanted);
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      const double value = values[row * static_cast<std::size_t>(width) + j];
      wanted += value;
      size += std::abs(value);
    }
    EXPECT_NEAR(got[j], wanted, (32 + 8 + blocks + 1) * 0x1p-24 * size) << "column " << j;  // one rounding per addition
  }
}

/// Integers whose sums stay below 2^24: nothing is rounded, in any order.
void run_exactly(std::uint64_t seed) {
  RandomCase random(seed);
  const int width = 8 * random.integer(1, 33);
  const std::int64_t rows = random.chance(0.5) ? random.pick({1, 8, 255, 256, 257, 511, 513}) : random.integer(1, 600);
  const Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  const int most = element == Element::bf16 ? 256 : (1 << 23) / static_cast<int>(rows),
            blocks = column_sum_blocks(rows);
  std::vector<float> values, before;
  for (std::int64_t i = 0; i < rows * width; ++i) values.push_back(static_cast<float>(random.integer(-most, most)));
  for (int j = 0; j < width; ++j) before.push_back(static_cast<float>(random.integer(-(1 << 22), 1 << 22)));
  const ElementArray a(element, values);
  const DeviceArray<float> partial(static_cast<std::size_t>(blocks * width)), sum(before);
  const bool add = random.chance(0.5);
  ASSERT_EQ(launch_column_sums({rows, width, a.data(), partial.data()}, element, nullptr), 0);
  ASSERT_EQ(launch_add_column_sums(partial.data(), blocks, width, add, sum.data(), nullptr), 0);
  const auto got = sum.read();
  for (std::size_t j = 0; j < static_cast<std::size_t>(width); ++j) {
    std::int64_t wanted = add ? static_cast<std::int64_t>(before[j]) : 0;
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row)
      wanted += static_cast<std::int64_t>(values[row * static_cast<std::size_t>(width) + j]);
    EXPECT_EQ(got[j], static_cast<float>(wanted)) << "column " << j;
  }
}

TEST(ColumnSumsKernel, OfIntegersAreExact) { for_each_seed(20, run_exactly); }
TEST(ColumnSumsKernel, AgreesWithSumsInDouble) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
