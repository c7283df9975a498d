// Loads the parameters into shared memory: weights as bf16 in panels, with rows of the output and columns of the input
// exchanged (narrow_column), and biases as the four numbers of a lane. Padding is zero.
#pragma once
#include "fused/fused_launchers.h"
#include "narrow/block.cuh"

namespace scorematch {
namespace kernels {

/// The weights of layer l, by the threads of one group. A thread has several groups of four columns at once, because
/// every load takes hundreds of clocks.
template <class Shape, int l>
SCOREMATCH_DEVICE void load_narrow_weights(const float* from, unsigned char* weights, int thread) {
  constexpr int kGroups = Shape::in_padded(l) / 4, kCount = Shape::out_padded(l) * kGroups, kBatch = 8;
  constexpr int kIn = Shape::in(l), kOut = Shape::out(l);
  SCOREMATCH_NO_UNROLL
  for (int first = thread; first < kCount; first += kBatch * Shape::group_threads) {
    float v[kBatch][4];
    SCOREMATCH_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      const int at = first + i * Shape::group_threads, place = at / kGroups, column = at % kGroups * 4;
      const int row = l == Shape::depth ? narrow_column(place) : place;
      SCOREMATCH_UNROLL
      for (int e = 0; e < 4; ++e) {
        const bool is_there = at < kCount && row < kOut && column + e < kIn;
        v[i][e] = is_there ? from[row * kIn + column + e] : 0.0f;
      }
    }
    SCOREMATCH_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      const int at = first + i * Shape::group_threads, row = at / kGroups, group = at % kGroups;
      if (at >= kCount) continue;
      const auto word = [&](int column) {
        return reinterpret_cast<std::uint32_t*>(weights + Shape::weights_at(l) +
                                                column / 64 * Shape::out_padded(l) * 128 + row * 128 +
                                                (column % 64 / 8 ^ (row & 7)) * 16 + column % 8 * 2);
      };
      const int low = l == 0 ? group / 4 * 16 + group % 4 * 2 : 4 * group;
      *word(low) = ptx::pack_bf16(Shape::scale * v[i][0], Shape::scale * v[i][1]);
      *word(l == 0 ? low + 8 : low + 2) = ptx::pack_bf16(Shape::scale * v[i][2], Shape::scale * v[i][3]);
    }
  }
}

/// Layer l and the following ones, by the threads of one group. The caller synchronizes.
template <class Shape, int l = 0>
SCOREMATCH_DEVICE void load_narrow_parameters(const FusedLossParams& p, const NarrowArrays<Shape>& arrays, int thread) {
  const LayerPlace& place = p.net.layers[l].place;
  load_narrow_weights<Shape, l>(ptx::in_global(p.params) + place.weight, arrays.weights, thread);
  const float* biases = ptx::in_global(p.params) + place.bias;
  if (thread < Shape::out_padded(l) / 2) {
    const int row = l == Shape::depth ? narrow_column(2 * thread) : 2 * thread;
    const float low = row < Shape::out(l) ? Shape::scale * biases[row] : 0.0f;
    const float high = row + 1 < Shape::out(l) ? Shape::scale * biases[row + 1] : 0.0f;
    arrays.biases[Shape::biases_at(l) + thread] = make_float4(low, high, low, high);
  }
  if constexpr (l < Shape::depth) load_narrow_parameters<Shape, l + 1>(p, arrays, thread);
}

}  // namespace kernels
}  // namespace scorematch
