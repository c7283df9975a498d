#include "cpu/simd/product.h"

#include <algorithm>
#include <utility>

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {

namespace {

void pack_rows(const float* m, int rows, int columns, float* panel) {
  transpose_to_panel(rows, columns, m, columns, panel);
}

void pack_columns(const float* m, int rows, std::int64_t stride, int columns, float* panel) {
  if (columns == kPanel) return copy_panel(rows, m, stride, panel);
  for (int k = 0; k < rows; ++k) std::copy_n(m + k * stride, columns, panel + std::int64_t{k} * kPanel);
}

}  // namespace

void pack_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels) {
  fill_panels(m, rows, columns, transposed, depth, depth, width, panels, pack_rows, pack_columns);
}

void multiply(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
              float* c, float* scratch) {
  // Wide rows are a power of two apart, so they compete for the same few sets of the first-level cache.
  const auto load = [=](int k, int block) HWY_ATTR {
    if (depth <= kDepthBlock) return std::pair<const float*, std::int64_t>(a, a_stride);
    for (int r = 0; r < rows; ++r) std::copy_n(a + r * a_stride + k, block, scratch + std::int64_t{r} * kApart);
    return std::pair<const float*, std::int64_t>(scratch, kApart);
  };
  multiply_panels<Float32>(rows, depth, width, load, panels, add, c);
}

void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c) {
  pack_panels(b, rows, width, false, rows, width, scratch);
  HWY_ALIGN float columns[kMaxOuterRows * kPanel];  // a panel of A
  for (int i = 0; i < height; i += kPanel) {
    copy_panel(rows, a + i, a_stride, columns);
    add_outer_panel<Float32>(rows, width, columns, scratch, c + std::int64_t{i} * width);
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
              float* c, float* scratch) {
  HWY_DYNAMIC_DISPATCH(multiply)(rows, depth, width, a, a_stride, panels, add, c, scratch);
}

void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c) {
  HWY_DYNAMIC_DISPATCH(add_outer_products)(rows, height, width, a, a_stride, b, scratch, c);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
