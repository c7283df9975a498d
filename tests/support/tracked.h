// Number types for the templates of the reference, against which a float engine is tested.
//
// Tracked has a value in double, a magnitude (the value without cancellation), and a bound on the error of a float
// evaluation in any order and association. With unit roundoff u:
//
//   a + b:  |error| <= e_a + e_b + u (m_a + m_b)          a b:  |error| <= m_a e_b + m_b e_a + e_a e_b + u m_a m_b
//   f(a):   |error| <= |f'| e_a + e_a^2 + k u |f|, a new magnitude |f|
//
// Magnitudes take the place of values because the engine sums in blocks and collapses products (docs/numerics.md). The
// engine computes numbers that depend only on sigma in double, so they have u = 2^-53 until they are combined with a
// float.
//
// Noisy perturbs the result of every operation as a rounding would (Monte Carlo arithmetic, Parker 1997). The root mean
// square over several runs estimates the error of a plain implementation in the same precision.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace scorematch::testing_support {

constexpr double kFloatUnit = 0x1p-24, kDoubleUnit = 0x1p-53;

struct Tracked {
  double value = 0, magnitude = 0, error = 0, unit = kDoubleUnit;

  Tracked() = default;
  Tracked(double v) : value(v), magnitude(std::abs(v)) {}  // NOLINT: implicit, so that constants convert
  Tracked(double v, double m, double e, double u) : value(v), magnitude(m), error(e), unit(u) {}
  /// A number in an array of the engine.
  static Tracked stored(double v) { return {v, std::abs(v), 0, kFloatUnit}; }
};

inline Tracked operator-(const Tracked& a) { return {-a.value, a.magnitude, a.error, a.unit}; }

inline Tracked operator+(const Tracked& a, const Tracked& b) {
  const double u = std::max(a.unit, b.unit), m = a.magnitude + b.magnitude;
  return {a.value + b.value, m, a.error + b.error + u * m, u};
}
inline Tracked operator-(const Tracked& a, const Tracked& b) { return a + -b; }

inline Tracked operator*(const Tracked& a, const Tracked& b) {
  const double u = std::max(a.unit, b.unit), m = a.magnitude * b.magnitude;
  return {a.value * b.value, m, a.magnitude * b.error + b.magnitude * a.error + a.error * b.error + u * m, u};
}

/// f(a) with derivative `slope`, computed to `ulps` units.
inline Tracked apply(const Tracked& a, double value, double slope, double ulps = 4) {
  const double e = std::abs(slope) * a.error + a.error * a.error + ulps * a.unit * std::abs(value);
  return {value, std::abs(value), e, a.unit};
}

inline Tracked operator/(const Tracked& a, const Tracked& b) {
  return a * apply(b, 1 / b.value, 1 / (b.value * b.value), 1);
}
inline bool operator>(const Tracked& a, double b) { return a.value > b; }

inline Tracked exp(const Tracked& a) { return apply(a, std::exp(a.value), std::exp(a.value)); }
inline Tracked log(const Tracked& a) { return apply(a, std::log(a.value), 1 / a.value); }
inline Tracked log1p(const Tracked& a) { return apply(a, std::log1p(a.value), 1 / (1 + a.value)); }
inline Tracked sqrt(const Tracked& a) { return apply(a, std::sqrt(a.value), 0.5 / std::sqrt(a.value), 1); }
// CUDA's table allows tanhf 2 ulp and erfcf 4, relative to the correctly rounded result. An ulp is at most two units.
inline Tracked tanh(const Tracked& a) {
  const double t = std::tanh(a.value);
  return apply(a, t, 1 - t * t, 5);
}
inline Tracked erfc(const Tracked& a) {
  return apply(a, std::erfc(a.value), 1.1283791670955126 * std::exp(-a.value * a.value), 9);
}
/// A feature: its argument is in double, and its result is a float within 2e-7 (cpu/simd_noise.h).
inline Tracked feature(double value, double error) { return {value, std::abs(value), error + 2e-7, kFloatUnit}; }
inline Tracked sin(const Tracked& a) { return feature(std::sin(a.value), a.error); }
inline Tracked cos(const Tracked& a) { return feature(std::cos(a.value), a.error); }

struct Noisy {
  double value = 0;

  Noisy() = default;
  Noisy(double v) : value(v) {}  // NOLINT
  /// v (1 + u r) with a new r, uniform in [-1, 1), in every call, as a rounding would do. No call waits for the
  /// multiply of the call before: a Weyl sequence, mixed by the first round of SplitMix64 (Steele, Lea & Flood 2014).
  static Noisy rounded(double v) {
    static std::uint64_t state = 0;
    state += 0x9E3779B97F4A7C15u;
    const std::uint64_t mixed = (state ^ state >> 30) * 0xBF58476D1CE4E5B9u;
    return v + v * (kFloatUnit * 0x1p-63 * static_cast<double>(static_cast<std::int64_t>(mixed)));
  }
};

inline Noisy operator-(const Noisy& a) { return -a.value; }
inline Noisy operator+(const Noisy& a, const Noisy& b) { return Noisy::rounded(a.value + b.value); }
inline Noisy operator-(const Noisy& a, const Noisy& b) { return Noisy::rounded(a.value - b.value); }
inline Noisy operator*(const Noisy& a, const Noisy& b) { return Noisy::rounded(a.value * b.value); }
inline Noisy operator/(const Noisy& a, const Noisy& b) { return Noisy::rounded(a.value / b.value); }
inline bool operator>(const Noisy& a, double b) { return a.value > b; }
inline Noisy exp(const Noisy& a) { return Noisy::rounded(std::exp(a.value)); }
inline Noisy log(const Noisy& a) { return std::log(a.value); }  // of sigma, so in double
inline Noisy log1p(const Noisy& a) { return Noisy::rounded(std::log1p(a.value)); }
inline Noisy sqrt(const Noisy& a) { return Noisy::rounded(std::sqrt(a.value)); }
inline Noisy tanh(const Noisy& a) { return Noisy::rounded(std::tanh(a.value)); }
inline Noisy erfc(const Noisy& a) { return Noisy::rounded(std::erfc(a.value)); }
inline Noisy sin(const Noisy& a) { return Noisy::rounded(std::sin(a.value)); }
inline Noisy cos(const Noisy& a) { return Noisy::rounded(std::cos(a.value)); }

}  // namespace scorematch::testing_support
