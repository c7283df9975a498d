// The shape that a narrow kernel is compiled for. Every size that follows from it is a constant.
//
// Layers are counted from 0; layer `depth` is the output layer. Layer l multiplies by W [out(l), in(l)]. Widths are
// padded to 16, the depth of a tensor-core product.
#pragma once
#include "narrow/activation.cuh"

namespace scorematch {
namespace kernels {

/// @tparam kDim columns of x  @tparam kFeatures columns of e(sigma)  @tparam kHidden width of each hidden layer
/// @tparam kDepth hidden layers  @tparam kAnyTerms  the loss has one or two terms of the noise (kernels::Term), else
/// one complete square. Networks may then have fewer features.
template <int kDim, int kFeatures, int kHidden, int kDepth, Activation kActivation, bool kAnyTerms = false>
struct NarrowShape {
  static_assert(kHidden % 16 == 0 && kHidden <= 64, "a warp's gradients of a layer are one row of tiles");
  static_assert(kDepth >= 1 && kDepth <= 3, "sums and slopes of all layers are in registers");
  static_assert(kDim <= 64 && kFeatures <= 16, "the gradient of an input layer has at most 80 columns");

  static constexpr int dim = kDim, features = kFeatures, hidden = kHidden, depth = kDepth;
  static constexpr Activation activation = kActivation;
  static constexpr bool any_terms = kAnyTerms;
  static constexpr int most_terms = kAnyTerms ? 2 : 1;

  __host__ __device__ static constexpr int padded(int width) { return (width + 15) / 16 * 16; }
  __host__ __device__ static constexpr int in(int l) { return l == 0 ? dim + features : hidden; }
  __host__ __device__ static constexpr int out(int l) { return l == depth ? dim : hidden; }
  __host__ __device__ static constexpr int in_padded(int l) { return padded(in(l)); }
  __host__ __device__ static constexpr int out_padded(int l) { return padded(out(l)); }
  __host__ __device__ static constexpr int in_steps(int l) { return in_padded(l) / 16; }
  __host__ __device__ static constexpr int out_steps(int l) { return out_padded(l) / 16; }

  // A block has two groups of four warps. A warp of the compute group has 16 rows of a tile and all columns; a warp of
  // the gradient group has 16 rows of every weight gradient and all columns.
  static constexpr int rows = 64, group_threads = 128, threads = 2 * group_threads;

  // Shared memory, in bytes. A panel is [rows][64] of bf16 with its 16-byte chunks exchanged: chunk k of row r is at
  // place k ^ (r & 7), so that loads of eight rows have no bank conflict.
  __host__ __device__ static constexpr int panel_bytes(int rows_, int columns) {
    return (columns + 63) / 64 * rows_ * 128;
  }
  __host__ __device__ static constexpr int weights_at(int l) {
    return l == 0 ? 0 : weights_at(l - 1) + panel_bytes(out_padded(l - 1), in_padded(l - 1));
  }
  static constexpr int all_weights = weights_at(depth + 1);
  /// h of layer l, its operand, and the gradient of z of layer l.
  __host__ __device__ static constexpr int h_at(int l) {
    return l == 0 ? 0 : h_at(l - 1) + panel_bytes(rows, in_padded(l - 1));
  }
  __host__ __device__ static constexpr int grad_at(int l) {
    return l == 0 ? h_at(depth + 1) : grad_at(l - 1) + panel_bytes(rows, out_padded(l - 1));
  }
  static constexpr int all_panels = grad_at(depth + 1);
  /// Biases as the four numbers of a lane: {b_j, b_j+1, b_j, b_j+1} for even j.
  __host__ __device__ static constexpr int biases_at(int l) {
    return l == 0 ? 0 : biases_at(l - 1) + out_padded(l - 1) / 2;
  }
  static constexpr int all_biases = biases_at(depth + 1);

  // Sums of the weight gradients, floats per thread of the gradient group: tiles of 16 x 8, and one more for the bias.
  __host__ __device__ static constexpr int gradient_tiles(int l) { return in_padded(l) / 8 + 1; }
  __host__ __device__ static constexpr int gradients_at(int l) {
    return l == 0 ? 0 : gradients_at(l - 1) + gradient_tiles(l - 1);
  }
  static constexpr int all_gradients = gradients_at(depth + 1);

  static constexpr float scale = kNarrowScale<activation>;
};

/// The logical column, within 16, of place i of the input's and the output's columns. So a lane's four numbers of a row
/// are columns 4 q ... 4 q + 3, which are one group of the noise, in the operand of the first product and in the sums
/// of the last one.
__host__ __device__ constexpr int narrow_column(int i) { return i / 16 * 16 + i % 8 / 2 * 4 + i % 16 / 8 * 2 + i % 2; }

}  // namespace kernels
}  // namespace scorematch
