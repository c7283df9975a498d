// Floating-point arithmetic, rounded according to IEEE 754. Compiled without contraction.
#include <cmath>
#include <limits>

#include "ptx/instructions/float_bits.h"
#include "ptx/instructions/functions.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

struct Multiply {
  template <class T>
  static T apply(T a, T b) {
    return a * b;
  }
};
struct Divide {
  template <class T>
  static T apply(T a, T b) {
    return a / b;
  }
};
struct FusedMultiplyAdd {
  static float apply(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  static double apply(double a, double b, double c) { return __builtin_fma(a, b, c); }
};
struct SquareRoot {
  static float apply(float a) { return __builtin_sqrtf(a); }
  static double apply(double a) { return __builtin_sqrt(a); }
};
struct Reciprocal {
  template <class T>
  static T apply(T a) {
    return T(1) / a;
  }
};
/// NaN only if both operands are NaN; -0 is less than +0.
struct NumberMinimum {
  template <class T>
  static T apply(T a, T b) {
    if (a != a) return b != b ? std::numeric_limits<T>::quiet_NaN() : b;
    if (b != b) return a;
    if (a == b) return std::signbit(a) ? a : b;
    return a < b ? a : b;
  }
};
struct NumberMaximum {
  template <class T>
  static T apply(T a, T b) {
    if (a != a) return b != b ? std::numeric_limits<T>::quiet_NaN() : b;
    if (b != b) return a;
    if (a == b) return std::signbit(a) ? b : a;
    return a < b ? b : a;
  }
};
struct Negate {
  template <class U>
  static U apply(U a) {
    return a ^ kSignBit<U>;
  }
};
struct Absolute {
  template <class U>
  static U apply(U a) {
    return a & ~kSignBit<U>;
  }
};
struct CopySign {
  template <class U>
  static U apply(U a, U b) {
    return (a & kSignBit<U>) | (b & ~kSignBit<U>);
  }
};

template <class T, Round kRound>
void add_rounded(Table& table, const std::string& rounding) {
  constexpr Type kType = type_of<T>();
  const std::string type = rounding + suffix<T>();
  table.add("add" + type, binary<T, T, T, Add, kRound>, kType, {kType, kType});
  table.add("sub" + type, binary<T, T, T, Subtract, kRound>, kType, {kType, kType});
  table.add("mul" + type, binary<T, T, T, Multiply, kRound>, kType, {kType, kType});
  if (rounding.empty()) return;  // only these three have a default rounding
  table.add("div" + type, binary<T, T, T, Divide, kRound>, kType, {kType, kType});
  table.add("fma" + type, ternary<T, T, T, T, FusedMultiplyAdd, kRound>, kType, {kType, kType, kType});
}

template <class T>
void add_operations(Table& table) {
  using U = std::conditional_t<sizeof(T) == 4, u32, u64>;
  constexpr Type kType = type_of<T>();
  const std::string type = suffix<T>();
  add_rounded<T, Round::nearest>(table, "");
  add_rounded<T, Round::nearest>(table, ".rn");
  add_rounded<T, Round::zero>(table, ".rz");
  add_rounded<T, Round::down>(table, ".rm");
  add_rounded<T, Round::up>(table, ".rp");
  table.add("sqrt.rn" + type, unary<T, T, SquareRoot>, kType, {kType});
  table.add("rcp.rn" + type, unary<T, T, Reciprocal>, kType, {kType});
  table.add("min" + type, binary<T, T, T, NumberMinimum>, kType, {kType, kType});
  table.add("max" + type, binary<T, T, T, NumberMaximum>, kType, {kType, kType});
  table.add("neg" + type, unary<U, U, Negate>, kType, {kType});
  table.add("abs" + type, unary<U, U, Absolute>, kType, {kType});
  table.add("copysign" + type, binary<U, U, U, CopySign>, kType, {kType, kType});
}

}  // namespace

void add_float_arithmetic(Table& table) {
  add_operations<float>(table);
  add_operations<double>(table);
}

}  // namespace ptx
