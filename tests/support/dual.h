/// @file
/// Forward-mode differentiation: value + slope t with t^2 = 0 (Clifford 1873).
#pragma once
#include <cmath>

namespace scorematch::testing_support {

struct Dual {
  double value = 0, slope = 0;

  Dual() = default;
  explicit Dual(double value_, double slope_ = 0) : value(value_), slope(slope_) {}
};

inline Dual operator-(const Dual& a) { return Dual(-a.value, -a.slope); }
inline Dual operator+(const Dual& a, const Dual& b) { return Dual(a.value + b.value, a.slope + b.slope); }
inline Dual operator-(const Dual& a, const Dual& b) { return Dual(a.value - b.value, a.slope - b.slope); }
inline Dual operator*(const Dual& a, const Dual& b) {
  return Dual(a.value * b.value, a.slope * b.value + a.value * b.slope);
}
inline Dual operator/(const Dual& a, const Dual& b) {
  return Dual(a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value);
}
inline Dual operator+(double a, const Dual& b) { return Dual(a) + b; }
inline Dual operator-(double a, const Dual& b) { return Dual(a) - b; }
inline Dual operator*(double a, const Dual& b) { return Dual(a) * b; }
inline Dual operator/(double a, const Dual& b) { return Dual(a) / b; }
inline Dual operator+(const Dual& a, double b) { return a + Dual(b); }
inline Dual operator-(const Dual& a, double b) { return a - Dual(b); }
inline Dual operator*(const Dual& a, double b) { return a * Dual(b); }
inline Dual operator/(const Dual& a, double b) { return a / Dual(b); }
inline bool operator>(const Dual& a, double b) { return a.value > b; }

inline Dual exp(const Dual& a) { return Dual(std::exp(a.value), std::exp(a.value) * a.slope); }
inline Dual log(const Dual& a) { return Dual(std::log(a.value), a.slope / a.value); }
inline Dual log1p(const Dual& a) { return Dual(std::log1p(a.value), a.slope / (1 + a.value)); }
inline Dual sqrt(const Dual& a) { return Dual(std::sqrt(a.value), a.slope / (2 * std::sqrt(a.value))); }
inline Dual sin(const Dual& a) { return Dual(std::sin(a.value), std::cos(a.value) * a.slope); }
inline Dual cos(const Dual& a) { return Dual(std::cos(a.value), -std::sin(a.value) * a.slope); }
inline Dual tanh(const Dual& a) {
  const double sech = 1 / std::cosh(a.value);
  return Dual(std::tanh(a.value), sech * sech * a.slope);
}
inline Dual erfc(const Dual& a) {
  constexpr double kTwoOverSqrtPi = 1.1283791670955125739;
  return Dual(std::erfc(a.value), -kTwoOverSqrtPi * std::exp(-a.value * a.value) * a.slope);
}

}  // namespace scorematch::testing_support
