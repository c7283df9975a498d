// The network as the cpu engine computes with it: widths padded to whole vectors, so that no inner loop has a tail.
// Padding columns of weights and biases are zero; what activations put there meets zero weights.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "arena.h"
#include "network.h"
#include "scorematch/mlp.h"

namespace scorematch::cpu {

constexpr int kTileRows = 64;  // samples that go through the network together; tiles are padded with zero rows
constexpr int kVector = 16;    // floats in the widest vector

inline int padded(int width) { return (width + kVector - 1) / kVector * kVector; }

/// `row` [width] in each row of `to` [kTileRows, width].
inline void repeat_row(const float* row, int width, float* to) {
  for (int r = 0; r < kTileRows; ++r) std::copy_n(row, width, to + std::int64_t{r} * width);
}

class PaddedNet {
 public:
  struct Layer {
    int in, out;                // padded
    std::int64_t weight, bias;  // offsets in the padded vector: [out, in], [out]
    bool residual;
  };

  explicit PaddedNet(const MlpShape& net) : layers_(net.layers()) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const MlpShape::Layer& from = layers_[l];
      const int in = padded(from.in), out = padded(from.out);
      const std::int64_t weights = std::int64_t{in} * out;
      padded_.push_back(
          {in, out, count_, count_ + weights, net.residual && l + 1 < layers_.size() && from.in == from.out});
      count_ += weights + out;
    }
  }

  const std::vector<Layer>& layers() const { return padded_; }
  const Layer& last() const { return padded_.back(); }
  std::int64_t count() const { return count_; }
  int max_width() const {
    int width = 0;
    for (const Layer& each : padded_) width = std::max(width, std::max(each.in, each.out));
    return width;
  }

  /// What the padded vector takes of an arena.
  std::size_t bytes() const {
    Arena arena;
    arena.take<float>(static_cast<std::size_t>(count_));
    return arena.used();
  }

  /// params [P] into the padded vector.
  void pack(const float* params, float* to) const {
    std::fill_n(to, count_, 0.0f);
    for_each_row(
        [&](std::int64_t plain, std::int64_t wide, int width) { std::copy_n(params + plain, width, to + wide); });
  }

  /// A padded gradient onto grad [P]: added to it, or in its place.
  void unpack(const float* from, float* grad, bool add) const {
    for_each_row([&](std::int64_t plain, std::int64_t wide, int width) {
      for (int i = 0; i < width; ++i) grad[plain + i] = add ? grad[plain + i] + from[wide + i] : from[wide + i];
    });
  }

 private:
  template <class Row>
  void for_each_row(const Row& row) const {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const MlpShape::Layer& plain = layers_[l];
      const Layer& wide = padded_[l];
      for (int i = 0; i < plain.out; ++i)
        row(plain.weight + std::int64_t{i} * plain.in, wide.weight + std::int64_t{i} * wide.in, plain.in);
      row(plain.bias, wide.bias, plain.out);
    }
  }

  std::vector<MlpShape::Layer> layers_;
  std::vector<Layer> padded_;
  std::int64_t count_ = 0;
};

}  // namespace scorematch::cpu
