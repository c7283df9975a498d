// The activations and their derivatives, as written on paper. T is double, or in tests a dual number or one that
// carries its own error bound.
#pragma once
#include <cmath>

#include "scorematch/mlp.h"

namespace scorematch::reference {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kInvSqrtTwoPi = 0.39894228040143267794;

template <class T>
struct ActivationValue {
  T value, first, second;  // phi, phi', phi''
};

template <class T>
ActivationValue<T> activate(Activation activation, const T& z) {
  using std::erfc;
  using std::exp;
  using std::log1p;
  using std::tanh;
  switch (activation) {
    case Activation::silu: {
      const T p = 1.0 / (1.0 + exp(-z)), q = 1.0 / (1.0 + exp(z));  // sigmoid(z), 1 - sigmoid(z)
      return {z * p, p * (1.0 + z * q), p * q * (2.0 + z * (q - p))};
    }
    case Activation::softplus: {
      const T p = 1.0 / (1.0 + exp(-z)), q = 1.0 / (1.0 + exp(z));
      return {z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)), p, p * q};
    }
    case Activation::tanh: {
      const T t = tanh(z), first = (1.0 - t) * (1.0 + t);
      return {t, first, -2.0 * t * first};
    }
    case Activation::gelu: {
      const T cdf = 0.5 * erfc(-kSqrtHalf * z), density = kInvSqrtTwoPi * exp(-0.5 * z * z);
      return {z * cdf, cdf + z * density, density * (2.0 - z * z)};
    }
  }
  return {};
}

}  // namespace scorematch::reference
