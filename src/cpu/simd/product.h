/// @file
/// The matrix products of a layer on a tile of samples, float32.
///
/// Weights are in panels of kPanel columns, [width / kPanel][depth][kPanel], which pack_panels() makes from a matrix
/// once per call. Widths are multiples of kPanel; rows and depths are arbitrary. Every element is a sum over the depth
/// in ascending order, in blocks of kDepthBlock whose sums are added in order. Each step is a fused multiply-add where
/// the machine has one. The bits of an element do not depend on its position or on the width of the machine's vectors.
#pragma once
#include <cstdint>

namespace scorematch {
namespace cpu {

constexpr int kPanel = 16;
constexpr int kDepthBlock = 256, kMaxOuterRows = 256;
/// Elements between rows of a copied block of A.
constexpr int kApart = kDepthBlock + kPanel;

/// Packs panels of B[depth, width], which is m [rows, columns], row-major, or its transpose, padded with zeros.
void pack_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels);

/// c[r, j] = sum over k of a[r, k] B[k, j], added to c if `add`. @param a [rows, depth], row stride a_stride; c [rows,
/// width], dense; scratch [rows, kApart] if depth > kDepthBlock
void multiply(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
              float* c, float* scratch);

/// c[i, j] += sum over r of a[r, i] b[r, j], for at most kMaxOuterRows rows. @param a [rows, height], row stride
/// a_stride; b [rows, width] and c [height, width], dense; scratch [rows, width]
void add_outer_products(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                        float* scratch, float* c);

}  // namespace cpu
}  // namespace scorematch
