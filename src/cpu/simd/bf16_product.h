/// @file
/// The products of product.h with both operands rounded to bfloat16, to nearest even; sums stay float32.
///
/// Operands are stored as pairs along the depth. The 32 bits of an element hold two of them, the first in the lower
/// half. Where product.h has `depth` elements, there are (depth + 1) / 2. A step adds the second product of a pair,
/// then the first. With AVX-512, denormal operands and sums count as zero.
#pragma once
#include <cstdint>

namespace scorematch {
namespace cpu {

/// Whether this processor multiplies such pairs (AVX512_BF16). Without it, these functions are slow. They must not be
/// called if the processor has AVX-512 but not this extension.
bool has_bf16_products();

/// pack_panels(), rounded.
void pack_bf16_panels(const float* m, int rows, int columns, bool transposed, int depth, int width, float* panels);

/// multiply() with such panels. @param depth even @param scratch [rows, depth / 2], or [rows, kApart] if
/// depth / 2 > kDepthBlock
void multiply_bf16(int rows, int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                   float* c, float* scratch);

/// add_outer_products(). @param scratch [(rows + 1) / 2, width]
void add_outer_products_bf16(int rows, int height, int width, const float* a, std::int64_t a_stride, const float* b,
                             float* scratch, float* c);

}  // namespace cpu
}  // namespace scorematch
