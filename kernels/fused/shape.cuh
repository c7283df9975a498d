// The sizes of a fused kernel: those of the network, the tile and its saved data. They are constant during a launch.
// Kernels get every size from this type, so a type with compile-time constants can replace it.
#pragma once
#include "device/warp_tile.cuh"
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

constexpr int kFusedThreads = 512;  // at most
constexpr int kFusedWarps = kFusedThreads / 32;
constexpr int kSlab = 32;  // depth of the weights that one streaming step loads

/// Offsets of a lane's saved fragments, in vectors of sixteen bytes from the first one of the layer.
struct SavedPlaces {
  int z, tangent, curvature, h, tangent_h;  // in a layer
  int layer;                                // vectors per layer
  int grad_h, slices;                       // once, after all layers
  int all;
};

/// Extents are in elements; strides are from one row to the next.
template <class Operands>
struct FusedShape {
  using T = typename Operands::T;

  FusedNet net;
  FusedTiling tiling;
  int threads, warps, rows, lanes_per_row, input_stride, side_columns, side_stride, work_stride, work, output_stride,
      slab;
  int weight_strides[kFusedLayers], weights_at[kFusedLayers];  // of the weights in shared memory: stride and start
  int tile_rows[kFusedWarps], tile_columns[kFusedWarps];       // the first one of each warp
  SavedPlaces saved;

  FusedShape(const FusedNet& net_, const FusedTiling& t)
      : net(net_),
        tiling(t),
        threads(t.threads()),
        warps(t.row_warps * t.column_warps),
        rows(t.rows()),
        lanes_per_row(threads / rows),
        input_stride(t.input_columns + Operands::kPadding),
        side_columns(t.input_columns > t.output_columns ? t.input_columns : t.output_columns),
        side_stride(side_columns + Operands::kPadding),
        work_stride(t.work_columns + Operands::kPadding),
        work(rows * work_stride),
        output_stride(t.output_columns + 4),
        slab(t.column_warps * 32 * (kSlab + Operands::kPadding)) {
    place_weights();
    place_saved();
    for (int i = 0; i < kFusedWarps; ++i) {
      tile_rows[i] = i / tiling.column_warps * 16 * tiling.row_tiles;
      tile_columns[i] = i % tiling.column_warps * kFusedColumns;
    }
  }

  /// Layer l; layer `hidden` is the output layer.
  __host__ __device__ const LayerPlace& layer(int l) const { return net.layers[l].place; }
  __host__ __device__ bool is_residual(int l) const { return net.layers[l].residual; }
  __host__ __device__ int hidden() const { return net.hidden; }
  /// The number of columns that the warps of a block process at once.
  __host__ __device__ int columns_at_once() const { return kFusedColumns * tiling.column_warps; }
  /// The size of the three work arrays, the last of which also holds F.
  __host__ __device__ int all_work() const {
    const int f = rows * output_stride * static_cast<int>(sizeof(float) / sizeof(T));
    return 2 * work + (f > work ? f : work);
  }
  __host__ __device__ int all_weights() const {
    const int last = net.hidden;
    return tiling.resident ? weights_at[last] + layer(last).out_padded * weight_strides[last] : 2 * slab;
  }
  __host__ __device__ int all_biases() const { return net.layers[net.hidden].bias + layer(net.hidden).out_padded; }

 private:
  void place_weights() {
    int next = 0;
    for (int l = 0; l < kFusedLayers; ++l) {
      weights_at[l] = weight_strides[l] = 0;
      if (l > net.hidden) continue;
      weight_strides[l] = layer(l).in_padded + Operands::kPadding;
      weights_at[l] = next;
      if (tiling.resident) next += layer(l).out_padded * weight_strides[l];
    }
  }
  void place_saved() {
    const FusedTiling& t = tiling;
    const int fragments = 2 * t.row_tiles, of_t = fragments * saved_vectors<T>(),
              of_float = fragments * saved_vectors<float>();
    int next = 0;
    const auto take = [&next](bool is_there, int vectors) {
      const int at = next;
      next += is_there ? vectors : 0;
      return at;
    };
    saved.z = take(true, of_t);
    saved.tangent = take(t.backward && t.directions, of_t);
    saved.curvature = take(t.backward && t.directions, of_float);
    saved.h = take(t.backward && t.residual, of_t);
    saved.tangent_h = take(t.backward && t.residual && t.directions, of_t);
    saved.layer = next;
    next *= net.hidden;
    saved.grad_h = take(t.backward && t.residual, of_float);
    saved.slices = take(t.backward && t.sliced, of_float);
    saved.all = next;
  }
};

}  // namespace kernels
}  // namespace scorematch
