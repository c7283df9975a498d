/// @file
/// Sums of multiples of rows, with the same bits on every instruction set: no step is fused.
#pragma once

namespace scorematch {
namespace cpu {

/// out = a x + b (f + bias), in double from float32 arrays, rounded once: a score from the network's output.
/// Arrays are [dim], any alignment; bias may be null, and out may be x or f.
void score_row(double a, double b, int dim, const float* x, const float* f, const float* bias, float* out);

/// out = x + f_1 t_1 + f_2 t_2 + ..., in float32 and in this order: a step of a sampler.
struct Multiple {
  float factor;
  const float* of;  ///< null: no such term
};
/// Arrays are [dim], any alignment; x may be null for 0, and out may be x.
void update_row(int dim, const float* x, const Multiple (&terms)[3], float* out);

}  // namespace cpu
}  // namespace scorematch
