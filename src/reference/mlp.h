// The multilayer perceptron F of one sample: its value with M tangents, the sum of the second derivatives along the
// first C of them, and the backward pass. g(u) is the gradient with respect to u.
//
//   forward     z = W h + b      z_m = W h_m           z" = W h"          q = sum_m<C z_m^2
//               h' = phi(z) [+ h]    h_m' = phi'(z) z_m [+ h_m]    h"' = phi'(z) z" + phi''(z) q [+ h"]
//   backward    g(z) = phi' g(h') + phi'' sum_m z_m g(h_m') + (phi'' z" + phi''' q) g(h"')
//               g(z_m) = phi' g(h_m') [m < C: + 2 phi'' z_m g(h"')]     g(z") = phi' g(h"')
//               g(W) += g(z) h^T + sum_m g(z_m) h_m^T + g(z") h"^T      g(b) += g(z)
//               g(h) = W^T g(z) [+ g(h')], and the same for g(h_m) and g(h")
//
// The last layer is linear. [...] applies if the net is residual and the layer's widths are equal.
#pragma once
#include <atomic>
#include <vector>

#include "engine/cancellation.h"
#include "reference/activation.h"
#include "scorematch/mlp.h"

namespace scorematch::reference {

template <class T>
using Vector = std::vector<T>;

/// A value with its derivatives, or the gradients with respect to these.
template <class T>
struct Channels {
  Vector<T> value;
  std::vector<Vector<T>> tangents;  // [M]
  Vector<T> second;                 // the sum over the first C directions; empty if C = 0
};

template <class T>
class Mlp {
 public:
  /// @param cancelled checked before every matrix product
  Mlp(const MlpShape& shape, const T* params, const std::atomic<bool>* cancelled = nullptr)
      : shape_(shape), layers_(shape.layers()), params_(params), cancelled_(cancelled) {}

  /// What forward() saves for backward().
  struct Trace {
    std::vector<Channels<T>> h, z;  // [layer]: its input, and its output before the activation
    std::size_t curved = 0;         // C
    const Channels<T>& output() const { return z.back(); }
  };

  /// @param input [dim + features] @param tangents [M][dim + features] @param curved C
  Trace forward(Vector<T> input, std::vector<Vector<T>> tangents, std::size_t curved = 0) const {
    Trace trace;
    trace.curved = curved;
    Channels<T> h{std::move(input), std::move(tangents), {}};
    if (curved > 0) h.second.assign(h.value.size(), T(0));  // second derivatives of the input are 0
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      trace.h.push_back(h);
      trace.z.push_back(multiply(layers_[l], h));
      if (l + 1 < layers_.size()) h = activated(trace.z[l], is_residual(l) ? &trace.h[l] : nullptr, curved);
    }
    return trace;
  }

  /// Adds to grad [P] unless it is null. Returns the gradients with respect to the input's channels.
  Channels<T> backward(const Trace& trace, const Channels<T>& grad_output, T* grad) const {
    Channels<T> grads = grad_output;  // with respect to the layer's output
    for (std::size_t l = layers_.size(); l-- > 0;) {
      const bool linear = l + 1 == layers_.size();
      const Channels<T> grad_z = linear ? grads : through_activation(trace.z[l], grads, trace.curved);
      const Channels<T>* skipped = !linear && is_residual(l) ? &grads : nullptr;
      Channels<T> below;
      below.value =
          layer_backward(layers_[l], grad_z.value, trace.h[l].value, skipped ? &skipped->value : nullptr, grad);
      for (std::size_t i = 0; grad != nullptr && i < grad_z.value.size(); ++i) {
        T& bias = grad[layers_[l].bias + static_cast<std::int64_t>(i)];
        bias = bias + grad_z.value[i];
      }
      for (std::size_t m = 0; m < grad_z.tangents.size(); ++m)
        below.tangents.push_back(layer_backward(layers_[l], grad_z.tangents[m], trace.h[l].tangents[m],
                                                skipped ? &skipped->tangents[m] : nullptr, grad));
      if (trace.curved > 0)
        below.second =
            layer_backward(layers_[l], grad_z.second, trace.h[l].second, skipped ? &skipped->second : nullptr, grad);
      grads = below;
    }
    return grads;
  }

 private:
  bool is_residual(std::size_t l) const { return shape_.residual && layers_[l].in == layers_[l].out; }

  static T squares(const Channels<T>& z, std::size_t i, std::size_t curved) {
    T q(0);
    for (std::size_t m = 0; m < curved; ++m) q = q + z.tangents[m][i] * z.tangents[m][i];
    return q;
  }

  Channels<T> activated(const Channels<T>& z, const Channels<T>* skipped, std::size_t curved) const {
    Channels<T> h = z;
    for (std::size_t i = 0; i < z.value.size(); ++i) {
      const auto phi = activate(shape_.activation, z.value[i]);
      h.value[i] = phi.value;
      for (std::size_t m = 0; m < h.tangents.size(); ++m) h.tangents[m][i] = phi.first * z.tangents[m][i];
      if (curved > 0) h.second[i] = phi.first * z.second[i] + phi.second * squares(z, i, curved);
      if (skipped == nullptr) continue;
      h.value[i] = h.value[i] + skipped->value[i];
      for (std::size_t m = 0; m < h.tangents.size(); ++m) h.tangents[m][i] = h.tangents[m][i] + skipped->tangents[m][i];
      if (curved > 0) h.second[i] = h.second[i] + skipped->second[i];
    }
    return h;
  }

  Channels<T> through_activation(const Channels<T>& z, const Channels<T>& grad_h, std::size_t curved) const {
    Channels<T> grad_z = grad_h;
    for (std::size_t i = 0; i < z.value.size(); ++i) {
      const auto phi = activate(shape_.activation, z.value[i]);
      grad_z.value[i] = phi.first * grad_h.value[i];
      for (std::size_t m = 0; m < grad_h.tangents.size(); ++m) {
        grad_z.value[i] = grad_z.value[i] + phi.second * z.tangents[m][i] * grad_h.tangents[m][i];
        grad_z.tangents[m][i] = phi.first * grad_h.tangents[m][i];
      }
      if (curved == 0) continue;
      const T bend = phi.second * z.second[i] + phi.third * squares(z, i, curved);
      grad_z.value[i] = grad_z.value[i] + bend * grad_h.second[i];
      for (std::size_t m = 0; m < curved; ++m)
        grad_z.tangents[m][i] = grad_z.tangents[m][i] + 2.0 * phi.second * z.tangents[m][i] * grad_h.second[i];
      grad_z.second[i] = phi.first * grad_h.second[i];
    }
    return grad_z;
  }

  Channels<T> multiply(const MlpShape::Layer& layer, const Channels<T>& h) const {
    Channels<T> z;
    z.value = multiply(layer, h.value, true);
    for (const Vector<T>& each : h.tangents) z.tangents.push_back(multiply(layer, each, false));
    if (!h.second.empty()) z.second = multiply(layer, h.second, false);
    return z;
  }

  /// W h [+ b]
  Vector<T> multiply(const MlpShape::Layer& layer, const Vector<T>& h, bool with_bias) const {
    check_not_cancelled(cancelled_);
    Vector<T> z;
    for (int i = 0; i < layer.out; ++i) {
      T sum = with_bias ? params_[layer.bias + i] : T(0);
      for (int j = 0; j < layer.in; ++j)
        sum = sum + params_[layer.weight + std::int64_t{i} * layer.in + j] * h[static_cast<std::size_t>(j)];
      z.push_back(sum);
    }
    return z;
  }

  /// g(W) += g(z) h^T. Returns g(h) = W^T g(z) [+ skipped].
  Vector<T> layer_backward(const MlpShape::Layer& layer, const Vector<T>& grad_z, const Vector<T>& h,
                           const Vector<T>* skipped, T* grad) const {
    check_not_cancelled(cancelled_);
    Vector<T> grad_h = skipped != nullptr ? *skipped : Vector<T>(h.size(), T(0));
    for (int i = 0; i < layer.out; ++i) {
      const std::int64_t row = layer.weight + std::int64_t{i} * layer.in;
      const T& each = grad_z[static_cast<std::size_t>(i)];
      for (int j = 0; j < layer.in; ++j) {
        const auto column = static_cast<std::size_t>(j);
        if (grad != nullptr) grad[row + j] = grad[row + j] + each * h[column];
        grad_h[column] = grad_h[column] + params_[row + j] * each;
      }
    }
    return grad_h;
  }

  const MlpShape& shape_;
  std::vector<MlpShape::Layer> layers_;
  const T* params_;
  const std::atomic<bool>* cancelled_;
};

}  // namespace scorematch::reference
