/// @file
/// A layer's matrix products on a tile of samples, float32.
///
/// Weights come in panels of kPanel columns, [width / kPanel][depth][kPanel], which pack_panels() makes of a matrix
/// once a call. Widths are multiples of kPanel; rows and depths are any. Every element is a sum over the depth in
/// ascending order, in blocks of kDepthBlock whose sums are added in order, each step a fused multiplication and
/// addition where the machine has one: its bits do not depend on its place, nor on the width of the machine's vectors.
#pragma once
#include <cstdint>

namespace scorematch {
namespace cpu {

constexpr int kPanel = 16;
constexpr int kDepthBlock = 256, kMaxOuterRows = 256;
/// Elements from row to row of a block of A that was copied.
constexpr int kApart = kDepthBlock + kPanel;

/// Panels of B[depth, width], which is m [rows, columns], row-major, or its transpose, with zeros past its end.
void pack_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels);

/// c[r, j] = sum over k of a[r, k] B[k, j], added to c if `add`. @param a [rows, depth], row stride a_stride; c [rows,
/// width], dense; scratch [rows, kApart] if depth > kDepthBlock
void multiply(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
              float* c, float* scratch);

/// c[i, j] += sum over r of a[r, i] b[r, j], for kMaxOuterRows rows at most. @param a [rows, height], row stride
/// a_stride; b [rows, width] and c [height, width], dense; scratch [rows, width]
void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c);

}  // namespace cpu
}  // namespace scorematch
