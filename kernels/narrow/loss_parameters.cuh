// The parameters of a narrow loss in shared memory: weights in panels, and biases as the four numbers of a lane.
#pragma once
#include "fused/fused_launchers.h"
#include "narrow/block.cuh"
#include "narrow/parameters.cuh"

namespace scorematch {
namespace kernels {

/// Layer l and the following ones, by the threads of one group. The caller synchronizes.
template <class Shape, int l = 0>
SCOREMATCH_DEVICE void load_narrow_parameters(const FusedLossParams& p, const NarrowArrays<Shape>& arrays, int thread) {
  const LayerPlace& place = p.net.layers[l].place;
  constexpr bool kOutput = l == Shape::depth;
  load_narrow_weights<Shape::out_padded(l), Shape::in_padded(l), kOutput, l == 0, 16>(
      NarrowMatrix::of(p.params, place), Shape::scale, thread, Shape::group_threads, [&](int row, int column) {
        return reinterpret_cast<std::uint32_t*>(arrays.weights + Shape::weights_at(l) +
                                                column / 64 * Shape::out_padded(l) * 128 + row * 128 +
                                                (column % 64 / 8 ^ (row & 7)) * 16 + column % 8 * 2);
      });
  const float* biases = ptx::in_global(p.params) + place.bias;
  if (thread < Shape::out_padded(l) / 2) {
    const int row = kOutput ? narrow_column(2 * thread) : 2 * thread;
    const float low = row < Shape::out(l) ? Shape::scale * biases[row] : 0.0f;
    const float high = row + 1 < Shape::out(l) ? Shape::scale * biases[row + 1] : 0.0f;
    arrays.biases[Shape::biases_at(l) + thread] = make_float4(low, high, low, high);
  }
  if constexpr (l < Shape::depth) load_narrow_parameters<Shape, l + 1>(p, arrays, thread);
}

}  // namespace kernels
}  // namespace scorematch
