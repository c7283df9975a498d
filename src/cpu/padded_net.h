// The network of the cpu engine, with widths padded to whole panels, so that no inner loop has a tail. The padding of
// weights and biases is zero. Activations may write other values into padding columns, which then meet zero weights.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/simd/product.h"
#include "cpu/thread_pool.h"
#include "engine/arena.h"
#include "model/network.h"
#include "scorematch/engine.h"
#include "scorematch/mlp.h"

namespace scorematch::cpu {

inline int padded(int width) { return (width + kPanel - 1) / kPanel * kPanel; }

/// Copies `row` [width] to each row of `to` [rows, width].
inline void repeat_row(const float* row, int rows, int width, float* to) {
  for (int r = 0; r < rows; ++r) std::copy_n(row, width, to + std::int64_t{r} * width);
}

class PaddedNet {
 public:
  struct Layer {
    int in, out;                // padded
    std::int64_t weight, bias;  // offsets in the gradient: [out, in], [out]
    std::int64_t up, down;      // in the packed parameters: panels of W^T (forward pass), of W (backward pass)
    std::int64_t shift;         // in the packed parameters: the bias, [out]
    bool residual;
  };

  /// @param precision fp32 or bf16, of the panels and the products
  PaddedNet(const MlpShape& net, Precision precision);

  const std::vector<Layer>& layers() const { return padded_; }
  const Layer& last() const { return padded_.back(); }
  bool is_bf16() const { return precision_ == Precision::bf16; }
  /// Elements of the padded gradient.
  std::int64_t count() const { return count_; }
  /// The offset of the last layer's weight [out, in], row-major, in the packed parameters.
  std::int64_t last_rows() const { return last_rows_; }
  int max_width() const {
    int width = 0;
    for (const Layer& each : padded_) width = std::max(width, std::max(each.in, each.out));
    return width;
  }

  /// The bytes of an arena that the packed parameters take.
  std::size_t bytes() const {
    Arena arena;
    arena.take<float>(static_cast<std::size_t>(packed_));
    return arena.used();
  }

  /// Packs params [P]. The panels for the backward pass are packed only for layers `down_from` and later.
  void pack(const float* params, std::size_t down_from, float* to) const;
  /// The same, on all threads.
  void pack(const float* params, std::size_t down_from, ThreadPool& pool, float* to) const;

  /// Sums `parts` padded gradients, which are contiguous, in order. Adds the sum to grad [P] if `add`, else stores it
  /// there.
  void unpack(const float* from, int parts, bool add, ThreadPool& pool, float* grad) const;

 private:
  void pack_up(std::size_t l, const float* params, float* to) const;
  void pack_down(std::size_t l, const float* params, std::size_t down_from, float* to) const;

  std::vector<MlpShape::Layer> layers_;
  std::vector<Layer> padded_;
  Precision precision_;
  std::int64_t count_ = 0, packed_ = 0, last_rows_ = 0;
};

}  // namespace scorematch::cpu
