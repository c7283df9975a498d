// A warp's product, as in the fused kernels, by itself.
#pragma once
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

constexpr int kProductRows = 32, kProductColumns = 32, kProductDepth = 32;

/// c [rows, columns] += a b, each operand plain or transposed (device/warp_tile.cuh).
struct ProductCase {
  const float *a, *b;  // [rows, depth] or [depth, rows]; [columns, depth] or [depth, columns]
  float* c;
  bool transposed_a, transposed_b;
};
int launch_product(const ProductCase& c, Operands operands, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
