// Code that ldmatrix and mma share, and the sums of tensor cores.
#pragma once
#include "ptx/execution/report.h"

namespace ptx {

/// Faults unless all lanes execute an .aligned instruction.
inline void require_full_warp(const Warp& warp, const Instruction& instruction, u32 active) {
  if (active != kFullWarp)
    fault(warp, instruction, __builtin_ctz(~active), "an .aligned instruction without this lane");
}

/// The sum as tensor cores compute it.
float tensor_core_dot(const float* a, const float* b, int length, float c);

/// c + sum of a[i] * b[i]. SCOREMATCH_PTX_MMA=0: in double, rounded once. SCOREMATCH_PTX_MMA=1: like tensor cores.
template <int kLength>
float dot(const float* a, const float* b, float c) {
  static const bool exact = env("SCOREMATCH_PTX_MMA", 0) == 0;
  if (!exact) return tensor_core_dot(a, b, kLength, c);
  double sum = static_cast<double>(c);
  for (int i = 0; i < kLength; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(sum);
}

}  // namespace ptx
