#include "cpu/simd_product.h"

#include <algorithm>

#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace {

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));
// A block of sums is kRows x 2 vectors: as many as registers hold besides a row of B and an element of A.
constexpr int kMaxRows = HWY_TARGET == HWY_AVX3 ? 12 : 6;

/// Where the operands of one block lie. Vectors of B's row k are at b + k b_step and b_next further on.
struct Block {
  std::int64_t depth;
  const float *a, *b;
  std::int64_t a_stride, b_step, b_next;
  bool add;
  float* c;
  std::int64_t c_stride, c_next;
};

/// kRows x kWide sums. Recursive, as g++ -O2 would keep an array of vectors in memory.
template <int kRows, int kWide>
class Sums {
 public:
  HWY_INLINE Sums() : first_(hn::Zero(Floats())), second_(hn::Zero(Floats())) {}

  /// kOuter: A's element for row i of the block is a[i], not a[i a_stride].
  template <bool kOuter>
  HWY_INLINE void add(const float* a, std::int64_t a_stride, Vector b0, Vector b1) {
    const Vector factor = hn::Set(Floats(), *a);
    first_ = hn::MulAdd(factor, b0, first_);
    if constexpr (kWide == 2) second_ = hn::MulAdd(factor, b1, second_);
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
  Sums<kRows - 1, kWide> rest_;
};

template <int kWide>
class Sums<0, kWide> {
 public:
  HWY_INLINE Sums() {}
  template <bool kOuter>
  HWY_INLINE void add(const float*, std::int64_t, Vector, Vector) {}
  HWY_INLINE void store(bool, float*, std::int64_t, std::int64_t) const {}
};

template <bool kOuter, int kRows, int kWide>
void run_block(const Block& given) {
  const Block at = given;
  Sums<kRows, kWide> sums;
  const float *a = at.a, *b = at.b;
  for (std::int64_t k = 0; k < at.depth; ++k) {
    const Vector b0 = hn::LoadU(Floats(), b), b1 = kWide == 2 ? hn::LoadU(Floats(), b + at.b_next) : b0;
    sums.template add<kOuter>(a, at.a_stride, b0, b1);
    a += kOuter ? at.a_stride : 1;
    b += at.b_step;
  }
  sums.store(at.add, at.c, at.c_stride, at.c_next);
}

template <bool kOuter, int kWide, int kRows = kMaxRows>
HWY_INLINE void run_block_of(int rows, const Block& at) {
  if (rows == kRows) return run_block<kOuter, kRows, kWide>(at);
  if constexpr (kRows > 1) run_block_of<kOuter, kWide, kRows - 1>(rows, at);
}

/// All rows of one or two vectors' columns, in blocks as equal as can be: small ones keep fewer units busy.
template <bool kOuter, int kWide>
HWY_INLINE void run_rows(int rows, Block at) {
  const std::int64_t a_row = kOuter ? 1 : at.a_stride;
  for (int blocks = (rows + kMaxRows - 1) / kMaxRows; blocks > 0; --blocks) {
    const int block = (rows + blocks - 1) / blocks;
    run_block_of<kOuter, kWide>(block, at);
    rows -= block;
    at.a += block * a_row;
    at.c += block * at.c_stride;
  }
}

/// Calls columns(first, wide) for the block columns of `width`: two vectors each, and one at the end if they are odd.
template <class Columns>
HWY_INLINE void for_each_pair(int width, const Columns& columns) {
  int col = 0;
  for (; col + 2 * kLanes <= width; col += 2 * kLanes) columns(col, true);
  if (col < width) columns(col, false);
}

template <bool kOuter>
HWY_INLINE void run(int rows, const Block& at, bool wide) {
  wide ? run_rows<kOuter, 2>(rows, at) : run_rows<kOuter, 1>(rows, at);
}

/// Rows of kPanel elements: calls of memmove would take longer than the copies.
HWY_INLINE void copy_panel(int rows, const float* from, std::int64_t stride, float* to) {
  for (int r = 0; r < rows; ++r, from += stride, to += kPanel)
    for (int i = 0; i < kPanel; i += kLanes) hn::StoreU(hn::LoadU(Floats(), from + i), Floats(), to + i);
}

/// `rows` columns of a panel from as many rows of a matrix.
HWY_INLINE void transpose_to_panel(int rows, int depth, const float* from, std::int64_t stride, float* panel) {
  int j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> pairs;
  for (; j + 4 <= rows && depth >= 4; j += 4) {
    for (int k = 0;; k = std::min(k + 4, depth - 4)) {
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

}  // namespace

void pack_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels) {
  const int valid_depth = transposed ? columns : rows, valid_width = transposed ? rows : columns;
  for (int first = 0; first < width; first += kPanel, panels += std::int64_t{depth} * kPanel) {
    const int valid = std::clamp(valid_width - first, 0, kPanel);
    if (valid < kPanel || valid_depth < depth) std::fill_n(panels, std::int64_t{depth} * kPanel, 0.0f);
    if (transposed) {
      transpose_to_panel(valid, valid_depth, m + std::int64_t{first} * columns, columns, panels);
    } else if (valid == kPanel) {
      copy_panel(valid_depth, m + first, columns, panels);
    } else {
      for (int k = 0; k < valid_depth; ++k)
        std::copy_n(m + std::int64_t{k} * columns + first, valid, panels + std::int64_t{k} * kPanel);
    }
  }
}

void multiply(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
              float* c) {
  const std::int64_t panel = std::int64_t{depth} * kPanel;
  for (int k = 0; k < depth; k += kDepthBlock) {
    const int block = std::min(kDepthBlock, depth - k);
    for_each_pair(width, [=](int col, bool wide) HWY_ATTR {
      const float* b = panels + col / kPanel * panel + std::int64_t{k} * kPanel + col % kPanel;
      run<false>(
          rows,
          {block, a + k, b, a_stride, kPanel, kLanes < kPanel ? kLanes : panel, add || k > 0, c + col, width, kLanes},
          wide);
    });
  }
}

void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c) {
  pack_panels(b, rows, width, false, rows, width, scratch);
  const std::int64_t panel = std::int64_t{rows} * kPanel;
  HWY_ALIGN float columns[kMaxOuterRows * kPanel];  // a panel of A
  for (int i = 0; i < height; i += kPanel) {
    copy_panel(rows, a + i, a_stride, columns);
    for_each_pair(width, [=, &columns](int col, bool wide) HWY_ATTR {
      run<true>(kPanel,
                {rows, columns, scratch + col / kPanel * panel + col % kPanel, kPanel, kPanel,
                 kLanes < kPanel ? kLanes : panel, true, c + std::int64_t{i} * width + col, width, kLanes},
                wide);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(pack_panels);
HWY_EXPORT(multiply);
HWY_EXPORT(add_outer_products);

void pack_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels) {
  HWY_DYNAMIC_DISPATCH(pack_panels)(m, rows, columns, transposed, depth, width, panels);
}

void multiply(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
              float* c) {
  HWY_DYNAMIC_DISPATCH(multiply)(rows, depth, width, a, a_stride, panels, add, c);
}

void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c) {
  HWY_DYNAMIC_DISPATCH(add_outer_products)(rows, height, width, a, a_stride, b, scratch, c);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
