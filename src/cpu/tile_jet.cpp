#include "cpu/tile_jet.h"

#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/simd_activation.h"
#include "cpu/simd_jet.h"

namespace scorematch::cpu {

TileJet::TileJet(const PaddedNet& net, Activation activation, JetOrder order, Arena& arena)
    : net_(net), activation_(activation) {
  const bool backward = order == JetOrder::gradient || order == JetOrder::tangents_gradient;
  const bool tangents = order == JetOrder::tangents || order == JetOrder::tangents_gradient;
  const auto& layers = net.layers();
  float* swap[2] = {nullptr, nullptr};
  if (order == JetOrder::value)
    for (float*& each : swap) each = arena.take<float>(rows(net.max_width()));
  for (std::size_t l = 0; l < layers.size(); ++l) {
    h_.push_back(order == JetOrder::value ? swap[l % 2] : arena.take<float>(rows(layers[l].in)));
    if (tangents) h_dot_.push_back(arena.take<float>(rows(layers[l].in)));
    if (l + 1 == layers.size()) break;
    d1_.push_back(backward || tangents ? arena.take<float>(rows(layers[l].out)) : nullptr);
    d2_.push_back(backward && tangents ? arena.take<float>(rows(layers[l].out)) : nullptr);
    if (tangents) z_dot_.push_back(arena.take<float>(rows(layers[l].out)));
    acc_.push_back(backward && tangents ? arena.take<float>(rows(layers[l].out)) : nullptr);
  }
  if (backward) bar_ = arena.take<float>(rows(net.max_width()));
  if (backward) z_bar_ = arena.take<float>(rows(net.max_width()));
  if (backward && tangents) tangent_bar_ = arena.take<float>(rows(net.max_width()));
}

void TileJet::forward(const float* params) {
  const int order = d2_.empty() || d2_[0] == nullptr ? (d1_.empty() || d1_[0] == nullptr ? 0 : 1) : 2;
  for (std::size_t l = 0; l + 1 < net_.layers().size(); ++l) {
    const PaddedNet::Layer& layer = net_.layers()[l];
    gemm(Op::plain, Op::transposed, kTileRows, layer.out, layer.in, h_[l], layer.in, params + layer.weight, layer.in,
         0.0f, h_[l + 1], layer.out);
    activate(activation_, order, kTileRows, layer.out, params + layer.bias, layer.residual ? h_[l] : nullptr, h_[l + 1],
             h_[l + 1], d1_[l], d2_[l]);
  }
  accumulated_ = false;
}

void TileJet::tangent_forward(const float* params) {
  for (std::size_t l = 0; l + 1 < net_.layers().size(); ++l) {
    const PaddedNet::Layer& layer = net_.layers()[l];
    gemm(Op::plain, Op::transposed, kTileRows, layer.out, layer.in, h_dot_[l], layer.in, params + layer.weight,
         layer.in, 0.0f, z_dot_[l], layer.out);
    cpu::tangent_forward(static_cast<std::int64_t>(rows(layer.out)), d1_[l], z_dot_[l],
                         layer.residual ? h_dot_[l] : nullptr, h_dot_[l + 1]);
  }
}

void TileJet::go_down(std::size_t l, const float* params, const float* z_bar, float* h_bar) const {
  const PaddedNet::Layer& layer = net_.layers()[l];
  gemm(Op::plain, Op::plain, kTileRows, layer.in, layer.out, z_bar, layer.out, params + layer.weight, layer.in,
       layer.residual ? 1.0f : 0.0f, h_bar, layer.in);
}

void TileJet::add_weight_gradient(std::size_t l, const float* z_bar, const float* h, float* grad) const {
  const PaddedNet::Layer& layer = net_.layers()[l];
  gemm(Op::transposed, Op::plain, layer.out, layer.in, kTileRows, z_bar, layer.out, h, layer.in, 1.0f,
       grad + layer.weight, layer.in);
}

void TileJet::tangent_backward(const float* params, float* grad) {
  if (!accumulated_)
    for (std::size_t l = 0; l < acc_.size(); ++l) std::fill_n(acc_[l], rows(net_.layers()[l].out), 0.0f);
  accumulated_ = true;
  for (std::size_t l = net_.layers().size() - 1; l-- > 0;) {
    cpu::tangent_backward(static_cast<std::int64_t>(rows(net_.layers()[l].out)), d1_[l], d2_[l], z_dot_[l],
                          tangent_bar_, z_bar_, acc_[l]);
    add_weight_gradient(l, z_bar_, h_dot_[l], grad);
    if (l > 0) go_down(l, params, z_bar_, tangent_bar_);  // below the first layer is v, a constant
  }
}

const float* TileJet::backward(const float* params, float* grad, bool input_adjoint_wanted) {
  for (std::size_t l = net_.layers().size() - 1; l-- > 0;) {
    const PaddedNet::Layer& layer = net_.layers()[l];
    primal_backward(static_cast<std::int64_t>(rows(layer.out)), d1_[l], accumulated_ ? acc_[l] : nullptr, bar_, z_bar_);
    add_weight_gradient(l, z_bar_, h_[l], grad);
    add_column_sums(kTileRows, layer.out, layer.out, z_bar_, grad + layer.bias);
    if (l > 0 || input_adjoint_wanted) go_down(l, params, z_bar_, bar_);
  }
  return input_adjoint_wanted ? bar_ : nullptr;
}

}  // namespace scorematch::cpu
