/// @file
/// What takes the tails off a heavy-tailed column, see Standardization::warp:
///   x = sinh(a),  a = y sqrt(1 + y^2 / 4)
/// is x = y near 0 and ln x = y^2 / 2 far away, so that tails that fall with a power of x fall as a Gaussian's in y. It
/// is smooth and has a closed inverse.
#pragma once
#include <cmath>

namespace scorematch::cli::warp {

inline double angle(double y) { return y * std::sqrt(1 + y * y / 4); }
inline double forward(double y) { return std::sinh(angle(y)); }
inline double inverse(double x) {
  const double a = std::asinh(x);
  return a * std::sqrt(2 / (std::sqrt(1 + a * a) + 1));
}
/// ln dx/dy
inline double log_slope(double y) {
  const double a = std::abs(angle(y));
  const double log_cosh = a + std::log1p(std::exp(-2 * a)) - std::log(2.0);
  return log_cosh + std::log((1 + y * y / 2) / std::sqrt(1 + y * y / 4));
}
/// Its derivative.
inline double log_slope_change(double y) {
  const double da = (1 + y * y / 2) / std::sqrt(1 + y * y / 4);
  return std::tanh(angle(y)) * da + y / (1 + y * y / 2) - y / 4 / (1 + y * y / 4);
}

}  // namespace scorematch::cli::warp
