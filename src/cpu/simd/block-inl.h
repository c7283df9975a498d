// Blocks of a matrix product whose sums stay in registers, on panels (product.h), and the packing of panels.
#if defined(SCOREMATCH_CPU_SIMD_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_SIMD_BLOCK_INL_H_
#undef SCOREMATCH_CPU_SIMD_BLOCK_INL_H_
#else
#define SCOREMATCH_CPU_SIMD_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "cpu/simd/product.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::Repartition<std::uint32_t, Floats>;
using Vector = hn::Vec<Floats>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));
// A block has kRows x 2 vectors of sums: as many as fit into registers beside a row of B and an element of A.
constexpr int kMaxRows = HWY_TARGET == HWY_AVX3 ? 12 : 6;

/// The operands of one block. The vectors of row k of B are at b + k b_step, and b_next after that.
struct Block {
  std::int64_t depth;
  const float *a, *b;
  std::int64_t a_stride, b_step, b_next;
  bool add;
  float* c;
  std::int64_t c_stride, c_next;
};

/// A step adds the product of two float32 numbers to a sum.
struct Float32 {
  static HWY_INLINE Vector add(Vector a, Vector b, Vector sum) { return hn::MulAdd(a, b, sum); }
};

/// A step adds the products of two pairs of bfloat16. A pair is in the 32 bits of an element, the first in the lower
/// half.
struct Bfloat16Pair {
  static HWY_INLINE Vector add(Vector a, Vector b, Vector sum) {
#if HWY_TARGET == HWY_AVX3
    // As assembly, because Highway's target does not include it. Callers check has_bf16_products() first.
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(b.raw), "v"(a.raw));
    return sum;
#else
    return hn::MulAdd(first(a), first(b), hn::MulAdd(second(a), second(b), sum));
#endif
  }

 private:
  static HWY_INLINE Vector first(Vector pairs) {
    return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::BitCast(Words(), pairs)));
  }
  static HWY_INLINE Vector second(Vector pairs) {
    return hn::BitCast(Floats(), hn::And(hn::BitCast(Words(), pairs), hn::Set(Words(), 0xFFFF0000u)));
  }
};

/// kRows x kWide sums. Recursive, because g++ -O2 would keep an array of vectors in memory.
template <class Term, int kRows, int kWide>
class Sums {
 public:
  HWY_INLINE Sums() : first_(hn::Zero(Floats())), second_(hn::Zero(Floats())) {}

  /// kOuter: the element of A for row i of the block is a[i], not a[i a_stride].
  template <bool kOuter>
  HWY_INLINE void add(const float* a, std::int64_t a_stride, Vector b0, Vector b1) {
    const Vector factor = hn::Set(Floats(), *a);
    first_ = Term::add(factor, b0, first_);
    if constexpr (kWide == 2) second_ = Term::add(factor, b1, second_);
    rest_.template add<kOuter>(a + (kOuter ? 1 : a_stride), a_stride, b0, b1);
  }
  HWY_INLINE void store(bool onto, float* c, std::int64_t c_stride, std::int64_t c_next) const {
    store_one(onto, first_, c);
    if constexpr (kWide == 2) store_one(onto, second_, c + c_next);
    rest_.store(onto, c + c_stride, c_stride, c_next);
  }

 private:
  static HWY_INLINE void store_one(bool onto, Vector sum, float* c) {
    hn::StoreU(onto ? hn::Add(hn::LoadU(Floats(), c), sum) : sum, Floats(), c);
  }

  Vector first_, second_;
  Sums<Term, kRows - 1, kWide> rest_;
};

template <class Term, int kWide>
class Sums<Term, 0, kWide> {
 public:
  HWY_INLINE Sums() {}
  template <bool kOuter>
  HWY_INLINE void add(const float*, std::int64_t, Vector, Vector) {}
  HWY_INLINE void store(bool, float*, std::int64_t, std::int64_t) const {}
};

template <class Term, bool kOuter, int kRows, int kWide>
HWY_NOINLINE void run_block(const Block& given) {
  const Block at = given;
  Sums<Term, kRows, kWide> sums;
  const float *a = at.a, *b = at.b;
  for (std::int64_t k = 0; k < at.depth; ++k) {
    const Vector b0 = hn::LoadU(Floats(), b), b1 = kWide == 2 ? hn::LoadU(Floats(), b + at.b_next) : b0;
    sums.template add<kOuter>(a, at.a_stride, b0, b1);
    a += kOuter ? at.a_stride : 1;
    b += at.b_step;
  }
  sums.store(at.add, at.c, at.c_stride, at.c_next);
}

template <class Term, bool kOuter, int kWide, int kRows = kMaxRows>
HWY_INLINE void run_block_of(int rows, const Block& at) {
  if (rows == kRows) return run_block<Term, kOuter, kRows, kWide>(at);
  if constexpr (kRows > 1) run_block_of<Term, kOuter, kWide, kRows - 1>(rows, at);
}

/// All rows of the columns of one or two vectors, in blocks of nearly equal size: small ones leave units idle.
template <class Term, bool kOuter, int kWide>
HWY_INLINE void run_rows(int rows, Block at) {
  const std::int64_t a_row = kOuter ? 1 : at.a_stride;
  for (int blocks = (rows + kMaxRows - 1) / kMaxRows; blocks > 0; --blocks) {
    const int block = (rows + blocks - 1) / blocks;
    run_block_of<Term, kOuter, kWide>(block, at);
    rows -= block;
    at.a += block * a_row;
    at.c += block * at.c_stride;
  }
}

/// Calls columns(first, wide) for the block columns of `width`: two vectors each, and a single one at the end if their
/// number is odd.
template <class Columns>
HWY_INLINE void for_each_pair(int width, const Columns& columns) {
  int col = 0;
  for (; col + 2 * kLanes <= width; col += 2 * kLanes) columns(col, true);
  if (col < width) columns(col, false);
}

template <class Term, bool kOuter>
HWY_INLINE void run(int rows, const Block& at, bool wide) {
  wide ? run_rows<Term, kOuter, 2>(rows, at) : run_rows<Term, kOuter, 1>(rows, at);
}

/// multiply() of product.h; `depth` and kDepthBlock count steps. load(k, block) makes the columns of A from k on
/// available and returns their address and the distance between rows.
template <class Term, class Load>
HWY_INLINE void multiply_panels(int rows, int depth, int width, const Load& load, const float* panels, bool add,
                                float* c) {
  const std::int64_t panel = std::int64_t{depth} * kPanel;
  for (int k = 0; k < depth; k += kDepthBlock) {
    const int block = HWY_MIN(kDepthBlock, depth - k);
    const auto a = load(k, block);
    for_each_pair(width, [=](int col, bool wide) HWY_ATTR {
      const float* b = panels + col / kPanel * panel + std::int64_t{k} * kPanel + col % kPanel;
      run<Term, false>(
          rows,
          {block, a.first, b, a.second, kPanel, kLanes < kPanel ? kLanes : panel, add || k > 0, c + col, width, kLanes},
          wide);
    });
  }
}

/// Adds outer products to a panel of sums, from a panel of A and all panels of B. `rows` counts steps.
template <class Term>
HWY_INLINE void add_outer_panel(int rows, int width, const float* columns, const float* panels, float* c) {
  const std::int64_t panel = std::int64_t{rows} * kPanel;
  for_each_pair(width, [=](int col, bool wide) HWY_ATTR {
    run<Term, true>(kPanel,
                    {rows, columns, panels + col / kPanel * panel + col % kPanel, kPanel, kPanel,
                     kLanes < kPanel ? kLanes : panel, true, c + col, width, kLanes},
                    wide);
  });
}

/// Panels of `steps` steps of B[depth, width], which is m [rows, columns], row-major, or its transpose, padded with
/// zeros. from_rows(m, rows, columns, panel) fills a panel from rows of m, and
/// from_columns(m, rows, stride, columns, panel) from columns of m.
template <class FromRows, class FromColumns>
HWY_INLINE void fill_panels(const float* m, int rows, int columns, bool transposed, int depth, int steps, int width,
                            float* panels, const FromRows& from_rows, const FromColumns& from_columns) {
  const int valid_depth = transposed ? columns : rows, valid_width = transposed ? rows : columns;
  const std::int64_t panel = std::int64_t{steps} * kPanel;
  for (int first = 0; first < width; first += kPanel, panels += panel) {
    const int valid = std::clamp(valid_width - first, 0, kPanel);
    if (valid < kPanel || valid_depth < depth) std::fill_n(panels, panel, 0.0f);
    if (transposed)
      from_rows(m + std::int64_t{first} * columns, valid, columns, panels);
    else
      from_columns(m + first, valid_depth, columns, valid, panels);
  }
}

/// Copies rows of kPanel elements. Calls of memmove would take longer than the copies.
HWY_INLINE void copy_panel(int rows, const float* from, std::int64_t stride, float* to) {
  for (int r = 0; r < rows; ++r, from += stride, to += kPanel)
    for (int i = 0; i < kPanel; i += kLanes) hn::StoreU(hn::LoadU(Floats(), from + i), Floats(), to + i);
}

/// Transposes `rows` rows of a matrix into as many columns of a panel.
HWY_INLINE void transpose_to_panel(int rows, int depth, const float* from, std::int64_t stride, float* panel) {
  int j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> pairs;
  for (; j + 4 <= rows && depth >= 4; j += 4) {
    for (int k = 0;; k = HWY_MIN(k + 4, depth - 4)) {
      const float* at = from + j * stride + k;
      const auto r0 = hn::LoadU(d, at), r1 = hn::LoadU(d, at + stride), r2 = hn::LoadU(d, at + 2 * stride),
                 r3 = hn::LoadU(d, at + 3 * stride);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1)),
                 high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1)),
                 low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3)),
                 high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
      float* to = panel + std::int64_t{k} * kPanel + j;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + kPanel);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * kPanel);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * kPanel);
      if (k == depth - 4) break;
    }
  }
#endif
  for (; j < rows; ++j)
    for (int k = 0; k < depth; ++k) panel[std::int64_t{k} * kPanel + j] = from[j * stride + k];
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
