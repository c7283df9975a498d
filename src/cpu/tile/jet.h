// The jet of one tile through the hidden layers, forward and backward: the value, one tangent at a time, and the sum of
// the second derivatives along several directions. The equations are in docs/math.md, section "The jet". The caller
// computes the output layer, which it may collapse.
#pragma once
#include <atomic>
#include <vector>

#include "cpu/padded_net.h"
#include "engine/arena.h"

namespace scorematch::cpu {

/// The computations on a tile, which determine the arrays that are saved. The value's forward pass is always included.
struct JetParts {
  bool tangents = false, backward = false;
  bool second = false;  // second derivatives; only with tangents
};

class TileJet {
 public:
  /// For tiles of at most `capacity` rows.
  TileJet(const PaddedNet& net, Activation activation, const JetParts& parts, int capacity, Arena& arena);

  /// Sets the number of rows of the current tile; to be called first. @param cancelled checked before every matrix
  /// product
  void set_rows(int rows, const std::atomic<bool>* cancelled = nullptr) { rows_ = rows, cancelled_ = cancelled; }

  /// The input of the first layer, [rows, first.in]. The caller fills it, padding included.
  float* input() const { return h_[0]; }
  /// The input of the last layer after forward(), [rows, last.in].
  const float* last_hidden() const { return h_.back(); }
  void forward(const float* params);

  /// Direction v at the first layer, [rows, first.in], zero in feature and padding columns. The caller fills it.
  float* tangent_input() const { return h_dot_[0]; }
  const float* last_tangent() const { return h_dot_.back(); }
  void tangent_forward(const float* params);

  /// The gradient of last_tangent(), [rows, last.in]. The caller fills it.
  float* grad_tangent() const { return grad_tangent_; }
  /// Adds to the padded gradient, unless it is null, and to the sums that backward() will use. The first call after
  /// forward() clears these sums, unless second_backward() has set them. @param is_curved the direction is one of those
  /// of second_backward(), which has been called
  void tangent_backward(const float* params, float* grad, bool is_curved = false);

  /// Adds the current direction to those of second_forward(). The first call after forward() or clear_second() starts
  /// anew.
  void add_to_second();
  void clear_second() { squared_ = false; }
  void second_forward(const float* params);
  const float* last_second() const { return h2_.back(); }
  /// The gradient of last_second(), [rows, last.in]. The caller fills it.
  float* grad_h2() const { return grad_h2_.back(); }
  /// Like tangent_backward(), which may follow for each of the directions.
  void second_backward(const float* params, float* grad);
  /// Returns to the state after forward(), without directions.
  void forget_directions() { accumulated_ = squared_ = false; }

  /// c = a B, or c += a B if `add`, in the network's precision. @param a [rows, depth], row stride a_stride @param
  /// panels B, in the packed parameters @param c [rows, width]
  void multiply(int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                float* c) const;
  /// Adds a layer's weight gradient, grad_y^T h. @param grad_y [rows, out], row stride `stride` @param h [rows, in]
  void add_outer_products(const PaddedNet::Layer& layer, const float* grad_y, std::int64_t stride, const float* h,
                          float* grad) const;

  /// The gradient of last_hidden(), [rows, last.in]. The caller fills it.
  float* grad_h() const { return grad_h_; }
  /// Adds to the padded gradient, unless it is null. Returns the gradient of input(), [rows, first.in], if wanted, else
  /// null.
  const float* backward(const float* params, float* grad, bool needs_input_gradient);

 private:
  /// grad_h = W^T grad_z. For a residual layer, adds it to grad_h, which holds the gradient of the layer's output.
  void layer_backward(std::size_t l, const float* params, const float* grad_z, float* grad_h) const;
  void layer_forward(std::size_t l, const float* params, const float* h, float* z) const;
  void add_weight_gradient(std::size_t l, const float* grad_z, const float* h, float* grad) const;
  void clear_accumulated();
  std::int64_t count(std::size_t l) const { return std::int64_t{rows_} * net_.layers()[l].out; }

  const PaddedNet& net_;
  Activation activation_;
  int rows_ = 0;
  const std::atomic<bool>* cancelled_ = nullptr;
  int order_;                                  // highest order of the activation's derivatives that are saved
  std::vector<float*> h_, d1_, d2_, d3_;       // [layer]: inputs; phi', phi'' and phi''' of each hidden layer
  std::vector<float*> h_dot_, z_dot_, acc_;    // of the tangent; acc_: sum_m phi'' z_m grad_h_m'
  std::vector<float*> q_, h2_, z2_, grad_h2_;  // sum_m z_m^2; second derivatives; [layer]: gradients of h2_
  float *grad_h_ = nullptr, *grad_tangent_ = nullptr, *grad_z_ = nullptr, *scratch_ = nullptr;
  bool accumulated_ = false, squared_ = false;
};

}  // namespace scorematch::cpu
