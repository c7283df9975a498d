// Operands of the tensor cores' products, one kind a precision: how a lane of a warp gets its part of them from shared
// memory, and how they are multiplied. Rows of 16 (A) times columns of 16 (B, two instructions' worth), kDepth deep.
//
//   load_a        a[row][k]      load_a_transposed   a[k][row]
//   load_b        b[column][k]   load_b_transposed   b[k][column]
//   load_b_rows   b[k], the same in every column
//
// Rows of arrays are padded by kPadding elements: then the eight rows an instruction touches lie in different banks.
#pragma once
#include "device/element.cuh"
#include "device/ptx.cuh"

namespace scorematch {
namespace kernels {

/// To nearest, ties away from zero, with tf32's 10 stored bits; the other 13 are zero, which the ISA does not say of
/// cvt.rna.tf32. Of a NaN it may make a zero: then x - high is NaN.
SCOREMATCH_DEVICE std::uint32_t to_tf32(float x) { return (__float_as_uint(x) + 0x1000u) & 0xFFFFE000u; }
SCOREMATCH_DEVICE std::uint32_t cut_to_tf32(float x) { return __float_as_uint(x) & 0xFFFFE000u; }

/// bfloat16, sums in float.
struct Bf16Operands {
  using T = bf16;
  static constexpr int kDepth = 16, kPadding = 8;
  static constexpr bool kFast = true;  // activations by approximations, whose errors are far below T's
  struct A {
    std::uint32_t r[4];
  };
  struct B {
    std::uint32_t r[4];  // columns 0 ... 7: 0 and 1; columns 8 ... 15: 2 and 3
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
  /// d[16, 8] += a b, of b's columns 8 half ... + 7.
  SCOREMATCH_DEVICE static void multiply(float (&d)[4], const A& a, const B& b, int half) {
    const std::uint32_t columns[2] = {b.r[2 * half], b.r[2 * half + 1]};
    ptx::mma_bf16_m16n8k16(d, a.r, columns);
  }
};

/// Near to float by tf32, sums in float outside the tensor cores: each operand is a sum of two tf32 numbers, x = high +
/// low, and all products but low low are taken. What is cut off and left out is at most 3 2^-22 |a| |b|.
struct SplitTf32Operands {
  using T = float;
  static constexpr int kDepth = 8, kPadding = 4;
  static constexpr bool kFast = false;
  struct A {
    std::uint32_t high[4], low[4];
  };
  struct B {
    std::uint32_t high[4], low[4];  // columns 0 ... 7: 0 and 1; columns 8 ... 15: 2 and 3
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
    // A sum of its own, added in float: tensor cores may cut a sum to a few bits more than its largest addend has, and
    // a long one would lose the small products there.
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
    f.low[i] = cut_to_tf32(x - __uint_as_float(f.high[i]));  // 12 bits: cutting loses the last one at most
  }
  SCOREMATCH_DEVICE static void multiply_parts(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[4],
                                               int half) {
    const std::uint32_t columns[2] = {b[2 * half], b[2 * half + 1]};
    ptx::mma_tf32_m16n8k8(d, a, columns);
  }
};

}  // namespace kernels
}  // namespace scorematch
