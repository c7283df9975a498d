/// @file
/// The elementwise steps of the jet, forward and backward, and the row operations of the heads, float32.
///
/// Every array is dense and has the given extents: n elements, or [rows, width]. Any n, width and alignment work (64
/// bytes and multiples of 16 are fastest). A product that is added is fused where the machine can, so each result is
/// within 1 ulp of the last sum in the formula. The bits of an element or row do not depend on its position. An output
/// may be the same array as an input, but must not overlap it otherwise.
#pragma once
#include <cstdint>

namespace scorematch {
namespace cpu {

/// h_dot = d1 z_dot (+ residual unless null)
void tangent_forward(std::int64_t n, const float* d1, const float* z_dot, const float* residual, float* h_dot);

/// acc += d2 z_dot grad_h_dot; grad_z_dot = d1 grad_h_dot
void tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot, const float* grad_h_dot,
                      float* grad_z_dot, float* acc);

/// q += z_dot^2
void add_squares(std::int64_t n, const float* z_dot, float* q);

/// h2 = d1 z2 + d2 q (+ residual unless null)
void second_forward(std::int64_t n, const float* d1, const float* d2, const float* z2, const float* q,
                    const float* residual, float* h2);

/// acc = (d2 z2 + d3 q) grad_h2; grad_z2 = d1 grad_h2
void second_backward(std::int64_t n, const float* d1, const float* d2, const float* d3, const float* z2, const float* q,
                     const float* grad_h2, float* grad_z2, float* acc);

/// acc += d2 z_dot grad_h_dot; grad_z_dot = d1 grad_h_dot + 2 d2 z_dot grad_h2
void curved_tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot,
                             const float* grad_h_dot, const float* grad_h2, float* grad_z_dot, float* acc);

/// grad_z = d1 grad_h (+ acc unless null)
void primal_backward(std::int64_t n, const float* d1, const float* acc, const float* grad_h, float* grad_z);

/// sum = x + y; sum may be x or y
void add(std::int64_t n, const float* x, const float* y, float* sum);

/// sums[j] += m[0, j] + m[1, j] + ..., added in this order. @param m [rows, width], row stride `stride` in elements
void add_column_sums(int rows, int width, std::int64_t stride, const float* m, float* sums);

/// sum = x + shift[r] eps and out = c[r] sum, for each row r; no step is fused. @param x, eps, sum [rows, width]; out
/// the same with row stride `stride`, or null
void perturb_rows(int rows, int width, const float* x, const float* shift, const float* eps, const float* c, float* sum,
                  float* out, std::int64_t stride);

/// out[r, :] = factor[r] m[r, :]
void scale_rows(int rows, int width, const float* factor, const float* m, float* out);

/// out[r, :] += factor[r] m[r, :]
void add_scaled_rows(int rows, int width, const float* factor, const float* m, float* out);

/// out[r] = sum over j of a[r, j] b[r, j]. The products are exact and are added in double, in an order that depends on
/// width only, so the result has the same bits on every instruction set. Relative to the sum of |a b|, the error is at
/// most (width / 16 + 4) 2^-53.
void dot_rows(int rows, int width, const float* a, const float* b, double* out);

/// The same for one row.
inline double dot(int width, const float* a, const float* b) {
  double sum;
  dot_rows(1, width, a, b, &sum);
  return sum;
}

}  // namespace cpu
}  // namespace scorematch
