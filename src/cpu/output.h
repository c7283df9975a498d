// Stores rows of a tile in the caller's arrays.
#pragma once
#include <algorithm>
#include <cstdint>

#include "scorematch/view.h"

namespace scorematch::cpu {

/// Copies rows [0, rows) of `from` to rows [first, first + rows) of a view [N, d], or of slab m of [M, N, d]. Does
/// nothing if the view is empty.
inline void store_rows(const View& to, std::int64_t first, int rows, const float* from, std::int64_t stride,
                       std::int64_t m = 0) {
  if (to.empty()) return;
  const int rank = to.shape.rank;
  float* base = static_cast<float*>(to.data) + (rank > 2 ? m * to.stride[0] : 0);
  for (int r = 0; r < rows; ++r)
    std::copy_n(from + r * stride, to.shape.extent[rank - 1], base + (first + r) * to.stride[rank - 2]);
}

/// The same for one value per sample.
inline void store_values(const View& to, std::int64_t first, int rows, const double* from) {
  if (to.empty()) return;
  for (int r = 0; r < rows; ++r) static_cast<float*>(to.data)[first + r] = static_cast<float>(from[r]);
}

}  // namespace scorematch::cpu
