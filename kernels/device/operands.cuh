// Operands of tensor-core products, one type per precision: how a lane loads its part from shared memory, and how the
// operands are multiplied. 16 rows (A) times 16 columns (B, two instructions), of depth kDepth.
//
//   load_a        a[row][k]      load_a_transposed   a[k][row]
//   load_b        b[column][k]   load_b_transposed   b[k][column]
//   load_b_rows   b[k], the same in every column
//
// Rows of arrays are padded by kPadding elements, so that the eight rows of an instruction are in different banks.
#pragma once
#include "device/element.cuh"
#include "device/ptx.cuh"

namespace scorematch {
namespace kernels {

/// Rounds to nearest, ties away from zero, to the 10 stored bits of tf32. The other 13 bits are zero, which the ISA
/// does not guarantee for cvt.rna.tf32. A NaN may become zero; then x - high is NaN.
SCOREMATCH_DEVICE std::uint32_t to_tf32(float x) { return (__float_as_uint(x) + 0x1000u) & 0xFFFFE000u; }
SCOREMATCH_DEVICE std::uint32_t cut_to_tf32(float x) { return __float_as_uint(x) & 0xFFFFE000u; }

/// bfloat16 operands, float accumulation.
struct Bf16Operands {
  using T = bf16;
  static constexpr int kDepth = 16, kPadding = 8;
  static constexpr bool kFast = true;  // approximate activations: their errors are far below the rounding to T
  struct A {
    std::uint32_t r[4];
  };
  struct B {
    std::uint32_t r[4];  // 0 and 1: columns 0 ... 7; 2 and 3: columns 8 ... 15
  };

  SCOREMATCH_DEVICE static void load_a(A& a, const T* p, int stride, int lane) {
    ptx::ldmatrix_x4(a.r, p + (lane & 15) * stride + (lane >> 4) * 8);
  }
  SCOREMATCH_DEVICE static void load_a_transposed(A& a, const T* p, int stride, int lane) {
    ptx::ldmatrix_x4_trans(a.r, p + ((lane >> 4) * 8 + (lane & 7)) * stride + (lane >> 3 & 1) * 8);
  }
  SCOREMATCH_DEVICE static void load_b(B& b, const T* p, int stride, int lane) {
    ptx::ldmatrix_x4(b.r, p + ((lane >> 4) * 8 + (lane & 7)) * stride + (lane >> 3 & 1) * 8);
  }
  SCOREMATCH_DEVICE static void load_b_transposed(B& b, const T* p, int stride, int lane) {
    ptx::ldmatrix_x4_trans(b.r, p + (lane & 15) * stride + (lane >> 4) * 8);
  }
  SCOREMATCH_DEVICE static void load_b_rows(B& b, const T* p, int lane) {
    b.r[0] = b.r[2] = *reinterpret_cast<const std::uint32_t*>(p + 2 * (lane & 3));
    b.r[1] = b.r[3] = *reinterpret_cast<const std::uint32_t*>(p + 8 + 2 * (lane & 3));
  }
  /// d[16, 8] += a b, for columns 8 half ... 8 half + 7 of b.
  SCOREMATCH_DEVICE static void multiply(float (&d)[4], const A& a, const B& b, int half) {
    const std::uint32_t columns[2] = {b.r[2 * half], b.r[2 * half + 1]};
    ptx::mma_bf16_m16n8k16(d, a.r, columns);
  }
};

/// Close to float precision with tf32, accumulated in float outside the tensor cores. Each operand is a sum of two tf32
/// numbers, x = high + low, and all products except low low are computed. The error of truncation and omission is at
/// most 3 2^-22 |a| |b|.
struct SplitTf32Operands {
  using T = float;
  static constexpr int kDepth = 8, kPadding = 4;
  static constexpr bool kFast = false;
  struct A {
    std::uint32_t high[4], low[4];
  };
  struct B {
    std::uint32_t high[4], low[4];  // 0 and 1: columns 0 ... 7; 2 and 3: columns 8 ... 15
  };

  SCOREMATCH_DEVICE static void load_a(A& a, const T* p, int stride, int lane) {
    const float* at = p + (lane >> 2) * stride + (lane & 3);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) set(a, i, at[(i & 1) * 8 * stride + (i >> 1) * 4]);
  }
  SCOREMATCH_DEVICE static void load_a_transposed(A& a, const T* p, int stride, int lane) {
    const float* at = p + (lane & 3) * stride + (lane >> 2);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) set(a, i, at[(i & 1) * 8 + (i >> 1) * 4 * stride]);
  }
  SCOREMATCH_DEVICE static void load_b(B& b, const T* p, int stride, int lane) {
    const float* at = p + (lane >> 2) * stride + (lane & 3);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) set(b, i, at[(i >> 1) * 8 * stride + (i & 1) * 4]);
  }
  SCOREMATCH_DEVICE static void load_b_transposed(B& b, const T* p, int stride, int lane) {
    const float* at = p + (lane & 3) * stride + (lane >> 2);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) set(b, i, at[(i >> 1) * 8 + (i & 1) * 4 * stride]);
  }
  SCOREMATCH_DEVICE static void load_b_rows(B& b, const T* p, int lane) {
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) set(b, i, p[(lane & 3) + (i & 1) * 4]);
  }
  SCOREMATCH_DEVICE static void multiply(float (&d)[4], const A& a, const B& b, int half) {
    // A separate sum, added in float: tensor cores may truncate a sum to a few bits more than its largest addend has,
    // so a long sum would lose the small products.
    float sum[4] = {};
    multiply_parts(sum, a.low, b.high, half);
    multiply_parts(sum, a.high, b.low, half);
    multiply_parts(sum, a.high, b.high, half);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) d[i] += sum[i];
  }

 private:
  template <class Fragment>
  SCOREMATCH_DEVICE static void set(Fragment& f, int i, float x) {
    f.high[i] = to_tf32(x);
    f.low[i] = cut_to_tf32(x - __uint_as_float(f.high[i]));  // 12 bits: truncation loses at most the last one
  }
  SCOREMATCH_DEVICE static void multiply_parts(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[4],
                                               int half) {
    const std::uint32_t columns[2] = {b[2 * half], b[2 * half + 1]};
    ptx::mma_tf32_m16n8k8(d, a, columns);
  }
};

}  // namespace kernels
}  // namespace scorematch
