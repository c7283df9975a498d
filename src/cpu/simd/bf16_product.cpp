#include "cpu/simd/bf16_product.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/bf16_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/block-inl.h"
#include "cpu/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3
using Halves = hn::Full512<std::uint16_t>;

/// Rounds to bfloat16: `first` in the lower 16 halves, `second` in the upper 16.
HWY_INLINE hn::Vec<Halves> rounded(Vector first, Vector second) {
  Vector both;
  __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both.raw) : "v"(second.raw), "v"(first.raw));
  return hn::BitCast(Halves(), both);
}
#else
std::uint32_t rounded(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (x != x) return bits >> 16 | 0x40u;  // rounding up might turn the NaN into a number
  return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}

float pair_of(float first, float second) {
  const std::uint32_t bits = rounded(first) | rounded(second) << 16;
  float pair;
  std::memcpy(&pair, &bits, sizeof pair);
  return pair;
}
#endif

/// Pairs of adjacent elements of a row. If their number is odd, the last one is paired with zero.
HWY_INLINE void pair_columns(int count, const float* from, float* to) {
#if HWY_TARGET == HWY_AVX3
  const Floats d;
  int i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes, to += kLanes)
    hn::StoreU(hn::BitCast(d, rounded(hn::LoadU(d, from + i), hn::LoadU(d, from + i + kLanes))), d, to);
  if (i == count) return;
  const auto lanes = [&](int n) HWY_ATTR { return Partial{static_cast<std::size_t>(std::clamp(n, 0, kLanes))}; };
  const int left = count - i;
  const Vector first = lanes(left).load(d, from + i),
               second = left > kLanes ? lanes(left - kLanes).load(d, from + i + kLanes) : hn::Zero(d);
  lanes((left + 1) / 2).store(hn::BitCast(d, rounded(first, second)), d, to);
#else
  for (int i = 0; i < count; i += 2) to[i / 2] = pair_of(from[i], i + 1 < count ? from[i + 1] : 0.0f);
#endif
}

/// Pairs of rows of a panel. If the number of rows is odd, the last one is paired with zeros. @param from rows of
/// kPanel elements, `stride` apart
HWY_INLINE void pair_rows(int rows, const float* from, std::int64_t stride, float* to) {
  for (int r = 0; r < rows; r += 2, from += 2 * stride, to += kPanel) {
    const float* const other = r + 1 < rows ? from + stride : nullptr;
#if HWY_TARGET == HWY_AVX3
    static_assert(kLanes == kPanel, "a row of a panel is a vector");
    const Floats d;
    const auto halves = rounded(hn::LoadU(d, from), other == nullptr ? hn::Zero(d) : hn::LoadU(d, other));
    const auto first = hn::PromoteTo(Words(), hn::LowerHalf(halves)),
               second = hn::PromoteTo(Words(), hn::UpperHalf(hn::Half<Halves>(), halves));
    hn::StoreU(hn::BitCast(d, hn::Or(first, hn::ShiftLeft<16>(second))), d, to);
#else
    for (int j = 0; j < kPanel; ++j) to[j] = pair_of(from[j], other == nullptr ? 0.0f : other[j]);
#endif
  }
}

/// Packs a panel whose columns are the rows [0, rows) of a matrix.
void pack_rows(const float* m, int rows, int columns, float* panel) {
  constexpr int kBlock = 256;
  HWY_ALIGN float pairs[kPanel * kBlock / 2];
  for (int k = 0; k < columns; k += kBlock) {
    const int block = HWY_MIN(kBlock, columns - k), steps = (block + 1) / 2;
    for (int r = 0; r < rows; ++r) pair_columns(block, m + std::int64_t{r} * columns + k, pairs + r * steps);
    transpose_to_panel(rows, steps, pairs, steps, panel + std::int64_t{k / 2} * kPanel);
  }
}

/// Packs a panel from the first `columns` columns of a matrix.
void pack_columns(const float* m, int rows, std::int64_t stride, int columns, float* panel) {
  if (columns == kPanel) return pair_rows(rows, m, stride, panel);
  for (int r = 0; r < rows; r += 2) {
    HWY_ALIGN float two[2 * kPanel] = {};
    for (int i = 0; i < 2 && r + i < rows; ++i) std::copy_n(m + (r + i) * stride, columns, two + i * kPanel);
    pair_rows(2, two, kPanel, panel + std::int64_t{r / 2} * kPanel);
  }
}

}  // namespace

void pack_bf16_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels) {
  fill_panels(m, rows, columns, transposed, depth, (depth + 1) / 2, width, panels, pack_rows, pack_columns);
}

void multiply_bf16(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                   float* c, float* scratch) {
  const int steps = depth / 2, apart = steps > kDepthBlock ? kApart : steps;
  const auto load = [=](int k, int block) HWY_ATTR {
    for (int r = 0; r < rows; ++r) pair_columns(2 * block, a + r * a_stride + 2 * k, scratch + std::int64_t{r} * apart);
    return std::pair<const float*, std::int64_t>(scratch, apart);
  };
  multiply_panels<Bfloat16Pair>(rows, steps, width, load, panels, add, c);
}

void add_outer_products_bf16(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                             float* scratch, float* c) {
  pack_bf16_panels(b, rows, width, false, rows, width, scratch);
  HWY_ALIGN float columns[(kMaxOuterRows + 1) / 2 * kPanel];  // a panel of A
  for (int i = 0; i < height; i += kPanel) {
    pair_rows(rows, a + i, a_stride, columns);
    add_outer_panel<Bfloat16Pair>((rows + 1) / 2, width, columns, scratch, c + std::int64_t{i} * width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(pack_bf16_panels);
HWY_EXPORT(multiply_bf16);
HWY_EXPORT(add_outer_products_bf16);

bool has_bf16_products() {
#if defined(__x86_64__)
  return (hwy::SupportedTargets() & HWY_TARGETS & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

void pack_bf16_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels) {
  HWY_DYNAMIC_DISPATCH(pack_bf16_panels)(m, rows, columns, transposed, depth, width, panels);
}

void multiply_bf16(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                   float* c, float* scratch) {
  HWY_DYNAMIC_DISPATCH(multiply_bf16)(rows, depth, width, a, a_stride, panels, add, c, scratch);
}

void add_outer_products_bf16(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                             float* scratch, float* c) {
  HWY_DYNAMIC_DISPATCH(add_outer_products_bf16)(rows, height, width, a, a_stride, b, scratch, c);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
