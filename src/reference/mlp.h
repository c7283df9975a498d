// The multilayer perceptron F of one sample: its value with M tangents, and the way back.
//
//   forward     z = W h + b      z_m = W h_m            h' = phi(z) [+ h]        h_m' = phi'(z) z_m [+ h_m]
//   backward    z^ = phi' h'^ + phi'' sum_m z_m h_m'^   z_m^ = phi' h_m'^        (^ marks an adjoint)
//               W^ += z^ h^T + sum_m z_m^ h_m^T         b^ += z^
//               h^ = W^T z^ [+ h'^]                     h_m^ = W^T z_m^ [+ h_m'^]
//
// The last layer is linear; [...] where the net is residual and the layer's widths are equal.
#pragma once
#include <vector>

#include "reference/activation.h"
#include "scorematch/mlp.h"

namespace scorematch::reference {

template <class T>
using Vector = std::vector<T>;

template <class T>
class Mlp {
 public:
  Mlp(const MlpShape& shape, const T* params) : shape_(shape), layers_(shape.layers()), params_(params) {}

  /// What forward() leaves for backward().
  struct Trace {
    std::vector<Vector<T>> h, z;                   // [layer]: its input, and before its activation
    std::vector<std::vector<Vector<T>>> h_m, z_m;  // [layer][m]
    Vector<T> output;                              // F
    std::vector<Vector<T>> output_m;               // [m]: (dF/dz) v_m
  };

  /// @param input [dim + features] @param tangents [M][dim + features]
  Trace forward(Vector<T> input, std::vector<Vector<T>> tangents) const {
    Trace trace;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      trace.h.push_back(input);
      trace.h_m.push_back(tangents);
      trace.z.push_back(multiply(layers_[l], input, true));
      trace.z_m.emplace_back();
      for (const Vector<T>& h_m : tangents) trace.z_m[l].push_back(multiply(layers_[l], h_m, false));
      if (l + 1 == layers_.size()) break;
      const bool residual = is_residual(l);
      Vector<T> next(trace.z[l].size());
      std::vector<Vector<T>> next_m(tangents.size(), next);
      for (std::size_t i = 0; i < next.size(); ++i) {
        const auto phi = activate(shape_.activation, trace.z[l][i]);
        next[i] = residual ? phi.value + input[i] : phi.value;
        for (std::size_t m = 0; m < tangents.size(); ++m) {
          next_m[m][i] = phi.first * trace.z_m[l][m][i];
          if (residual) next_m[m][i] = next_m[m][i] + tangents[m][i];
        }
      }
      input = std::move(next);
      tangents = std::move(next_m);
    }
    trace.output = trace.z.back();
    trace.output_m = trace.z_m.back();
    return trace;
  }

  /// Adds to grad [P] and returns the input's adjoint [dim + features].
  /// @param output_bar [out], the output's adjoint @param output_m_bar [M][out], its tangents'
  Vector<T> backward(const Trace& trace, const Vector<T>& output_bar, const std::vector<Vector<T>>& output_m_bar,
                     T* grad) const {
    Vector<T> h_bar = output_bar;  // of what the layer puts out
    std::vector<Vector<T>> h_m_bar = output_m_bar;
    for (std::size_t l = layers_.size(); l-- > 0;) {
      const bool linear = l + 1 == layers_.size();
      Vector<T> z_bar = h_bar;
      std::vector<Vector<T>> z_m_bar = h_m_bar;
      for (std::size_t i = 0; !linear && i < z_bar.size(); ++i) {
        const auto phi = activate(shape_.activation, trace.z[l][i]);
        z_bar[i] = phi.first * h_bar[i];
        for (std::size_t m = 0; m < z_m_bar.size(); ++m) {
          z_bar[i] = z_bar[i] + phi.second * trace.z_m[l][m][i] * h_m_bar[m][i];
          z_m_bar[m][i] = phi.first * h_m_bar[m][i];
        }
      }
      const bool residual = !linear && is_residual(l);
      h_bar = go_down(layers_[l], z_bar, trace.h[l], residual ? &h_bar : nullptr, grad);
      for (std::size_t i = 0; i < z_bar.size(); ++i) grad[layers_[l].bias + i] = grad[layers_[l].bias + i] + z_bar[i];
      for (std::size_t m = 0; m < z_m_bar.size(); ++m)
        h_m_bar[m] = go_down(layers_[l], z_m_bar[m], trace.h_m[l][m], residual ? &h_m_bar[m] : nullptr, grad);
    }
    return h_bar;
  }

 private:
  bool is_residual(std::size_t l) const { return shape_.residual && layers_[l].in == layers_[l].out; }

  /// W h [+ b]
  Vector<T> multiply(const MlpShape::Layer& layer, const Vector<T>& h, bool with_bias) const {
    Vector<T> z;
    for (int i = 0; i < layer.out; ++i) {
      T sum = with_bias ? params_[layer.bias + i] : T(0);
      for (int j = 0; j < layer.in; ++j)
        sum = sum + params_[layer.weight + std::int64_t{i} * layer.in + j] * h[static_cast<std::size_t>(j)];
      z.push_back(sum);
    }
    return z;
  }

  /// W^ += z^ h^T; returns W^T z^ [+ what came round the layer]
  Vector<T> go_down(const MlpShape::Layer& layer, const Vector<T>& z_bar, const Vector<T>& h, const Vector<T>* skipped,
                    T* grad) const {
    Vector<T> h_bar = skipped != nullptr ? *skipped : Vector<T>(h.size(), T(0));
    for (int i = 0; i < layer.out; ++i) {
      const std::int64_t row = layer.weight + std::int64_t{i} * layer.in;
      const T& each = z_bar[static_cast<std::size_t>(i)];
      for (int j = 0; j < layer.in; ++j) {
        const auto column = static_cast<std::size_t>(j);
        grad[row + j] = grad[row + j] + each * h[column];
        h_bar[column] = h_bar[column] + params_[row + j] * each;
      }
    }
    return h_bar;
  }

  const MlpShape& shape_;
  std::vector<MlpShape::Layer> layers_;
  const T* params_;
};

}  // namespace scorematch::reference
