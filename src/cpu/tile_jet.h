// The jet of one tile: the hidden layers' value and one tangent at a time, forward and backward. The equations are
// those of docs/math.md, section "The jet"; the output layer belongs to the caller, who may collapse it.
#pragma once
#include <vector>

#include "arena.h"
#include "cpu/padded_net.h"

namespace scorematch::cpu {

/// What is to be done with a tile, which decides what is kept of it.
enum class JetOrder {
  value,              // forward alone
  gradient,           // and backward
  tangents,           // value and tangents forward
  tangents_gradient,  // and backward
};

class TileJet {
 public:
  TileJet(const PaddedNet& net, Activation activation, JetOrder order, Arena& arena);

  /// Of the first layer. [kTileRows, first.in]; the caller fills it, padding included.
  float* input() const { return h_[0]; }
  /// Of the last layer, after forward(). [kTileRows, last.in]
  const float* last_hidden() const { return h_.back(); }
  void forward(const float* params);

  /// Direction v as it enters the first layer, zero in feature and padding columns. [kTileRows, first.in]
  float* tangent_input() const { return h_dot_[0]; }
  const float* last_tangent() const { return h_dot_.back(); }
  void tangent_forward(const float* params);

  /// Where the caller puts the adjoint of last_tangent(). [kTileRows, last.in]
  float* tangent_adjoint() const { return tangent_bar_; }
  /// Adds to the padded gradient, and to what backward() will need. The first of a forward() clears that.
  void tangent_backward(const float* params, float* grad);

  /// The adjoint of last_hidden(); the caller fills it. [kTileRows, last.in]
  float* adjoint() const { return bar_; }
  /// Adds to the padded gradient; returns the adjoint of input() [kTileRows, first.in] if wanted, else null.
  const float* backward(const float* params, float* grad, bool input_adjoint_wanted);

 private:
  /// W^T z^ in place of h'^, or onto it where it also went round the layer.
  void go_down(std::size_t l, const float* params, const float* z_bar, float* h_bar) const;
  void add_weight_gradient(std::size_t l, const float* z_bar, const float* h, float* grad) const;
  static constexpr std::size_t rows(int width) {
    return static_cast<std::size_t>(kTileRows) * static_cast<std::size_t>(width);
  }

  const PaddedNet& net_;
  Activation activation_;
  std::vector<float*> h_, d1_, d2_;          // [layer]: input of each; phi' and phi'' of each hidden one
  std::vector<float*> h_dot_, z_dot_, acc_;  // the tangent's, and sum_m phi'' z_m h_m'^
  float *bar_ = nullptr, *tangent_bar_ = nullptr, *z_bar_ = nullptr;
  bool accumulated_ = false;
};

}  // namespace scorematch::cpu
