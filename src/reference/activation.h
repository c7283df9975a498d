// The activations and their derivatives, in closed form. T is double, or in tests a dual number or a number with its
// own error bound.
#pragma once
#include <cmath>

#include "scorematch/mlp.h"

namespace scorematch::reference {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kInvSqrtTwoPi = 0.39894228040143267794;

template <class T>
struct ActivationValue {
  T value, first, second, third;  // phi and its derivatives
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
      return {z * p, p * (1.0 + z * q), p * q * (2.0 + z * (q - p)),
              p * q * ((q - p) * (3.0 + z * (q - p)) - 2.0 * z * p * q)};
    }
    case Activation::softplus: {
      const T p = 1.0 / (1.0 + exp(-z)), q = 1.0 / (1.0 + exp(z));
      return {z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)), p, p * q, p * q * (q - p)};
    }
    case Activation::tanh: {
      const T t = tanh(z), e = z > 0 ? exp(-2.0 * z) : exp(2.0 * z), first = 4.0 * e / ((1.0 + e) * (1.0 + e));
      return {t, first, -2.0 * t * first, first * (6.0 * t * t - 2.0)};
    }
    case Activation::gelu: {
      const T cdf = 0.5 * erfc(-kSqrtHalf * z), density = kInvSqrtTwoPi * exp(-0.5 * z * z);
      return {z * cdf, cdf + z * density, density * (2.0 - z * z), density * z * (z * z - 4.0)};
    }
  }
  return {};
}

}  // namespace scorematch::reference
