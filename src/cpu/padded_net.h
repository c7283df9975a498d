// The network as the cpu engine computes with it: widths padded to whole panels, so that no inner loop has a tail.
// Padding columns of weights and biases are zero; what activations put there meets zero weights.
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

/// `row` [width] in each row of `to` [rows, width].
inline void repeat_row(const float* row, int rows, int width, float* to) {
  for (int r = 0; r < rows; ++r) std::copy_n(row, width, to + std::int64_t{r} * width);
}

class PaddedNet {
 public:
  struct Layer {
    int in, out;                // padded
    std::int64_t weight, bias;  // offsets in the gradient: [out, in], [out]
    std::int64_t up, down;  // in the parameters: panels of the weight's transpose, for the way up, and of the weight
    std::int64_t shift;     // in the parameters: the bias, [out]
    bool residual;
  };

  /// @param precision fp32 or bf16: how panels are packed, and products formed
  PaddedNet(const MlpShape& net, Precision precision);

  const std::vector<Layer>& layers() const { return padded_; }
  const Layer& last() const { return padded_.back(); }
  bool is_bf16() const { return precision_ == Precision::bf16; }
  /// Elements of the gradient.
  std::int64_t count() const { return count_; }
  /// In the parameters: the last layer's weight, [out, in].
  std::int64_t last_rows() const { return last_rows_; }
  int max_width() const {
    int width = 0;
    for (const Layer& each : padded_) width = std::max(width, std::max(each.in, each.out));
    return width;
  }

  /// What the packed parameters take of an arena.
  std::size_t bytes() const {
    Arena arena;
    arena.take<float>(static_cast<std::size_t>(packed_));
    return arena.used();
  }

  /// params [P] into the packed parameters; panels for the way down from layer `down_from` on.
  void pack(const float* params, std::size_t down_from, float* to) const;
  /// The same by all threads.
  void pack(const float* params, std::size_t down_from, ThreadPool& pool, float* to) const;

  /// The sum of `parts` padded gradients, one after the other, in this order, onto grad [P]: added to it, or in its
  /// place.
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
