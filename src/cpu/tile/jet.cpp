#include "cpu/tile/jet.h"

#include <algorithm>

#include "cpu/simd/activation.h"
#include "cpu/simd/bf16_product.h"
#include "cpu/simd/jet.h"
#include "engine/cancellation.h"

namespace scorematch::cpu {

// multiply() needs rows of kApart if a layer is wider than kDepthBlock. Widths are multiples of kPanel, so the rows of
// scratch_ have that length.
static_assert(kApart == kDepthBlock + kPanel);

TileJet::TileJet(const PaddedNet& net, Activation activation, const JetParts& parts, int capacity, Arena& arena)
    : net_(net),
      activation_(activation),
      order_(parts.second                       ? 3
             : parts.tangents && parts.backward ? 2
                                                : 1) {
  const auto& layers = net.layers();
  const auto rows = [capacity](int width) {
    return static_cast<std::size_t>(capacity) * static_cast<std::size_t>(width);
  };
  const bool value_alone = !parts.tangents && !parts.backward;
  if (value_alone) order_ = 0;
  float* swap[2] = {nullptr, nullptr};
  if (value_alone)
    for (float*& each : swap) each = arena.take<float>(rows(net.max_width()));
  const auto take_if = [&](bool wanted, int width) { return wanted ? arena.take<float>(rows(width)) : nullptr; };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    h_.push_back(value_alone ? swap[l % 2] : arena.take<float>(rows(layers[l].in)));
    if (parts.tangents) h_dot_.push_back(arena.take<float>(rows(layers[l].in)));
    if (parts.second) h2_.push_back(arena.take<float>(rows(layers[l].in)));
    grad_h2_.push_back(take_if(parts.second && parts.backward, layers[l].in));
    if (l + 1 == layers.size()) break;
    const int out = layers[l].out;
    d1_.push_back(take_if(order_ >= 1, out));
    d2_.push_back(take_if(order_ >= 2, out));
    d3_.push_back(take_if(order_ >= 3, out));
    if (parts.tangents) z_dot_.push_back(arena.take<float>(rows(out)));
    acc_.push_back(take_if(parts.backward && parts.tangents, out));
    q_.push_back(take_if(parts.second, out));
    z2_.push_back(take_if(parts.second, out));
  }
  if (parts.backward) grad_h_ = arena.take<float>(rows(net.max_width()));
  if (parts.backward) grad_z_ = arena.take<float>(rows(net.max_width()));
  if (parts.backward || net.is_bf16() || net.max_width() > kDepthBlock)
    scratch_ = arena.take<float>(rows(net.max_width()));
  if (parts.backward && parts.tangents) grad_tangent_ = arena.take<float>(rows(net.max_width()));
}

void TileJet::multiply(int depth, int width, const float* a, std::int64_t a_stride, const float* panels, bool add,
                       float* c) const {
  check_not_cancelled(cancelled_);
  if (net_.is_bf16()) return multiply_bf16(rows_, depth, width, a, a_stride, panels, add, c, scratch_);
  cpu::multiply(rows_, depth, width, a, a_stride, panels, add, c, scratch_);
}

void TileJet::layer_forward(std::size_t l, const float* params, const float* h, float* z) const {
  const PaddedNet::Layer& layer = net_.layers()[l];
  multiply(layer.in, layer.out, h, layer.in, params + layer.up, false, z);
}

void TileJet::forward(const float* params) {
  for (std::size_t l = 0; l + 1 < net_.layers().size(); ++l) {
    const PaddedNet::Layer& layer = net_.layers()[l];
    layer_forward(l, params, h_[l], h_[l + 1]);
    activate(activation_, order_, rows_, layer.out, params + layer.shift, layer.residual ? h_[l] : nullptr, h_[l + 1],
             h_[l + 1], d1_[l], d2_[l], d3_[l]);
  }
  forget_directions();
}

void TileJet::tangent_forward(const float* params) {
  for (std::size_t l = 0; l + 1 < net_.layers().size(); ++l) {
    layer_forward(l, params, h_dot_[l], z_dot_[l]);
    cpu::tangent_forward(count(l), d1_[l], z_dot_[l], net_.layers()[l].residual ? h_dot_[l] : nullptr, h_dot_[l + 1]);
  }
}

void TileJet::add_to_second() {
  for (std::size_t l = 0; l < q_.size(); ++l) {
    if (!squared_) std::fill_n(q_[l], count(l), 0.0f);
    add_squares(count(l), z_dot_[l], q_[l]);
  }
  squared_ = true;
}

void TileJet::second_forward(const float* params) {
  std::fill_n(h2_[0], std::int64_t{rows_} * net_.layers()[0].in, 0.0f);
  for (std::size_t l = 0; l + 1 < net_.layers().size(); ++l) {
    if (l > 0)
      layer_forward(l, params, h2_[l], z2_[l]);
    else
      std::fill_n(z2_[0], count(0), 0.0f);
    cpu::second_forward(count(l), d1_[l], d2_[l], z2_[l], q_[l], net_.layers()[l].residual ? h2_[l] : nullptr,
                        h2_[l + 1]);
  }
}

void TileJet::layer_backward(std::size_t l, const float* params, const float* grad_z, float* grad_h) const {
  const PaddedNet::Layer& layer = net_.layers()[l];
  multiply(layer.out, layer.in, grad_z, layer.out, params + layer.down, layer.residual, grad_h);
}

void TileJet::add_weight_gradient(std::size_t l, const float* grad_z, const float* h, float* grad) const {
  if (grad == nullptr) return;
  const PaddedNet::Layer& layer = net_.layers()[l];
  add_outer_products(layer, grad_z, layer.out, h, grad);
}

void TileJet::add_outer_products(const PaddedNet::Layer& layer, const float* grad_y, std::int64_t stride,
                                 const float* h, float* grad) const {
  check_not_cancelled(cancelled_);
  const auto add = net_.is_bf16() ? add_outer_products_bf16 : cpu::add_outer_products;
  add(rows_, layer.out, layer.in, grad_y, stride, h, scratch_, grad + layer.weight);
}

void TileJet::clear_accumulated() {
  if (!accumulated_)
    for (std::size_t l = 0; l < acc_.size(); ++l) std::fill_n(acc_[l], count(l), 0.0f);
  accumulated_ = true;
}

void TileJet::tangent_backward(const float* params, float* grad, bool is_curved) {
  clear_accumulated();
  for (std::size_t l = net_.layers().size() - 1; l-- > 0;) {
    if (is_curved)
      curved_tangent_backward(count(l), d1_[l], d2_[l], z_dot_[l], grad_tangent_, grad_h2_[l + 1], grad_z_, acc_[l]);
    else
      cpu::tangent_backward(count(l), d1_[l], d2_[l], z_dot_[l], grad_tangent_, grad_z_, acc_[l]);
    add_weight_gradient(l, grad_z_, h_dot_[l], grad);
    if (l > 0) layer_backward(l, params, grad_z_, grad_tangent_);  // the input of the first layer is v, a constant
  }
}

void TileJet::second_backward(const float* params, float* grad) {
  for (std::size_t l = net_.layers().size() - 1; l-- > 0;) {
    cpu::second_backward(count(l), d1_[l], d2_[l], d3_[l], z2_[l], q_[l], grad_h2_[l + 1], grad_z_, acc_[l]);
    if (l == 0) break;  // the input's second derivatives are zero
    add_weight_gradient(l, grad_z_, h2_[l], grad);
    if (net_.layers()[l].residual) std::copy_n(grad_h2_[l + 1], count(l), grad_h2_[l]);
    layer_backward(l, params, grad_z_, grad_h2_[l]);
  }
  accumulated_ = true;
}

const float* TileJet::backward(const float* params, float* grad, bool needs_input_gradient) {
  for (std::size_t l = net_.layers().size() - 1; l-- > 0;) {
    const PaddedNet::Layer& layer = net_.layers()[l];
    primal_backward(count(l), d1_[l], accumulated_ ? acc_[l] : nullptr, grad_h_, grad_z_);
    add_weight_gradient(l, grad_z_, h_[l], grad);
    if (grad != nullptr) add_column_sums(rows_, layer.out, layer.out, grad_z_, grad + layer.bias);
    if (l > 0 || needs_input_gradient) layer_backward(l, params, grad_z_, grad_h_);
  }
  return needs_input_gradient ? grad_h_ : nullptr;
}

}  // namespace scorematch::cpu
