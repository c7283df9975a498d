// The bits of floats.
#pragma once
#include <cmath>
#include <cstring>

#include "ptx/types.h"

namespace ptx {

template <class To, class From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

inline u32 bits_of(float x) { return bit_cast<u32>(x); }
inline float float_of(u32 bits) { return bit_cast<float>(bits); }

template <class U>
constexpr U kSignBit = static_cast<U>(U{1} << (8 * sizeof(U) - 1));

constexpr u32 kExponentBits = 0x7F800000;  // of a float
constexpr u32 kTf32Bits = 0xFFFFE000;      // sign, exponent, and the 10 bits of the fraction that tf32 has

/// Replaces subnormal numbers with zeros.
inline float flush(float x) { return std::fabs(x) < 1.17549435e-38f ? std::copysign(0.0f, x) : x; }
inline double flush(double x) { return std::fabs(x) < 2.2250738585072014e-308 ? std::copysign(0.0, x) : x; }

}  // namespace ptx
