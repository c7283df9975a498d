// The shape that a narrow score kernel is compiled for. Only padded widths are constants, because all that the kernel
// has per layer is its weights: one kernel serves every depth, and all networks that are padded to the same widths.
#pragma once
#include "device/smem.cuh"
#include "fused/fused_launchers.h"
#include "narrow/activation.cuh"

namespace scorematch {
namespace kernels {

constexpr int kNarrowFeatures = 16;  // columns of e(sigma), at most

/// @tparam kColumns columns of x, padded to 16  @tparam kHidden of every hidden layer, padded to 16
template <int kColumns, int kHidden, Activation kActivation>
struct NarrowScoreShape {
  static_assert(kColumns % 16 == 0 && kHidden % 16 == 0, "the depth of a product");
  static_assert(kHidden <= 128, "operands of two layers are in registers");
  static constexpr int columns = kColumns, hidden = kHidden;
  /// The columns of e(sigma) follow the padding of x, so that each step of a product has columns of one kind.
  static constexpr int inputs = kColumns + kNarrowFeatures;
  static constexpr Activation activation = kActivation;
  static constexpr float scale = kNarrowScale<kActivation>;

  /// Of a block: as many as their registers allow.
  __host__ __device__ static constexpr int warps(bool has_directions) {
    return kHidden > 64 || has_directions ? 8 : 12;
  }

  // Weights in shared memory, in bytes, [out, in] of bf16 per layer. Rows have 16 bytes more than their columns, so
  // that loads of eight rows have no bank conflict.
  __host__ __device__ static constexpr int stride(int in) { return 2 * in + 16; }
  static constexpr int input_bytes = kHidden * stride(inputs), hidden_bytes = kHidden * stride(kHidden),
                       output_bytes = kColumns * stride(kHidden);
  /// Where the weights of hidden layer l, or (l = depth) of the output layer begin.
  __host__ __device__ static constexpr int weights_at(int l) {
    return l == 0 ? 0 : input_bytes + (l - 1) * hidden_bytes;
  }
  __host__ __device__ static constexpr int all_weights(int depth) { return weights_at(depth) + output_bytes; }
  __host__ __device__ static constexpr int all_biases(int depth) { return depth * kHidden + kColumns; }
};

/// What a row needs of its noise level: x is multiplied by c, and the score is a x + b (product of the output layer).
struct NarrowLevel {
  float a, b, c;
};

template <class Shape>
struct NarrowScoreArrays {
  // Those whose size does not depend on the depth come first, because a constant place needs no register.
  NarrowLevel* levels;  // [warps, 32]: of the rows of a warp; if all samples have one sigma, of the first row only
  bf16* features;       // [warps, 32, kNarrowFeatures], zero beyond those of the network
  unsigned char* weights;
  float* biases;

  __host__ __device__ NarrowScoreArrays(Carver& carve, int depth) {
    levels = carve.take<NarrowLevel>(32 * Shape::warps(false));
    features = carve.take<bf16>(32 * Shape::warps(false) * kNarrowFeatures);
    weights = carve.take<unsigned char>(static_cast<std::size_t>(Shape::all_weights(depth)));
    biases = carve.take<float>(static_cast<std::size_t>(Shape::all_biases(depth)));
  }
};

}  // namespace kernels
}  // namespace scorematch
