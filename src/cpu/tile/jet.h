// The jet of one tile: the hidden layers' value, one tangent at a time, and the second derivatives along several in one
// sum, forward and backward. The equations are those of docs/math.md, section "The jet"; the output layer belongs to
// the caller, who may collapse it.
#pragma once
#include <atomic>
#include <vector>

#include "cpu/padded_net.h"
#include "engine/arena.h"

namespace scorematch::cpu {

/// What is to be done with a tile, which decides what is kept of it. The value goes forward always.
struct JetParts {
  bool tangents = false, backward = false;
  bool second = false;  // second derivatives; with tangents alone
};

class TileJet {
 public:
  /// For tiles of `capacity` rows at most.
  TileJet(const PaddedNet& net, Activation activation, const JetParts& parts, int capacity, Arena& arena);

  /// How many rows the tile at hand has; first of all. @param cancelled checked before every matrix product
  void set_rows(int rows, const std::atomic<bool>* cancelled = nullptr) { rows_ = rows, cancelled_ = cancelled; }

  /// Of the first layer. [rows, first.in]; the caller fills it, padding included.
  float* input() const { return h_[0]; }
  /// Of the last layer, after forward(). [rows, last.in]
  const float* last_hidden() const { return h_.back(); }
  void forward(const float* params);

  /// Direction v as it enters the first layer, zero in feature and padding columns. [rows, first.in]
  float* tangent_input() const { return h_dot_[0]; }
  const float* last_tangent() const { return h_dot_.back(); }
  void tangent_forward(const float* params);

  /// Where the caller puts the adjoint of last_tangent(). [rows, last.in]
  float* tangent_adjoint() const { return tangent_bar_; }
  /// Adds to the padded gradient, unless that is null, and to what backward() will need. The first of a forward()
  /// clears that, unless second_backward() has. After second_backward() the direction is one of those it is about.
  void tangent_backward(const float* params, float* grad, bool is_curved = false);

  /// Adds the direction at hand to those that second_forward() is about; the first of a forward() is alone.
  void add_to_second();
  void second_forward(const float* params);
  const float* last_second() const { return h2_.back(); }
  /// Where the caller puts the adjoint of last_second(). [rows, last.in]
  float* second_adjoint() const { return h2_bar_.back(); }
  /// As tangent_backward(), which may follow for each of its directions.
  void second_backward(const float* params, float* grad);
  /// As if no direction had gone through since forward().
  void forget_directions() { accumulated_ = squared_ = false; }

  /// c = a B, or added to it, for a [rows, depth], row stride a_stride, and panels of the packed parameters, in the
  /// precision of the network. @param c [rows, width]
  void multiply(int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                float* c) const;
  /// W^ += sum over the rows of y^T h, for a layer's y^ [rows, out], row stride `stride`, and h [rows, in].
  void add_outer_products(const PaddedNet::Layer& layer, const float* grad_y, std::int64_t stride, const float* h,
                          float* grad) const;

  /// The adjoint of last_hidden(); the caller fills it. [rows, last.in]
  float* adjoint() const { return bar_; }
  /// Adds to the padded gradient, unless that is null; returns the adjoint of input() [rows, first.in] if wanted,
  /// else null.
  const float* backward(const float* params, float* grad, bool input_adjoint_wanted);

 private:
  /// W^T z^ in place of h'^, or onto it where it also went round the layer.
  void go_down(std::size_t l, const float* params, const float* grad_z, float* grad_h) const;
  void go_up(std::size_t l, const float* params, const float* h, float* z) const;
  void add_weight_gradient(std::size_t l, const float* grad_z, const float* h, float* grad) const;
  void clear_accumulated();
  std::int64_t count(std::size_t l) const { return std::int64_t{rows_} * net_.layers()[l].out; }

  const PaddedNet& net_;
  Activation activation_;
  int rows_ = 0;
  const std::atomic<bool>* cancelled_ = nullptr;
  int order_;                                 // of derivatives that are kept
  std::vector<float*> h_, d1_, d2_, d3_;      // [layer]: input of each; phi', phi'' and phi''' of each hidden one
  std::vector<float*> h_dot_, z_dot_, acc_;   // the tangent's, and sum_m phi'' z_m h_m'^
  std::vector<float*> q_, h2_, z2_, h2_bar_;  // sum_m z_m^2; the second derivatives'; [layer]: adjoints of h2_
  float *bar_ = nullptr, *tangent_bar_ = nullptr, *z_bar_ = nullptr, *scratch_ = nullptr;
  bool accumulated_ = false, squared_ = false;
};

}  // namespace scorematch::cpu
