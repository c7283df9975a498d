// Approximate instructions. They are as inaccurate as the PTX ISA allows, with an error that is a hash of the argument,
// so that no test passes only because the emulator is more accurate than a GPU. SCOREMATCH_PTX_NOISE scales the error,
// in percent.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ptx/instructions/float_bits.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// A number in [-1, 1] that depends on x only, times the scale of the error.
double noise(float x) {
  static const double scale = static_cast<double>(env("SCOREMATCH_PTX_NOISE", 100)) / 100;
  u32 hash = bits_of(x);
  hash ^= hash >> 16;
  hash *= 0x7FEB352Du;
  hash ^= hash >> 15;
  hash *= 0x846CA68Bu;
  hash ^= hash >> 16;
  return (static_cast<double>(hash) / 4294967295.0 * 2 - 1) * scale;
}

/// The exact result with a relative error of at most `bound`.
float with_error(double exact, float x, double bound) {
  if (!std::isfinite(exact) || exact == 0) return static_cast<float>(exact);
  return static_cast<float>(exact * (1 + bound * noise(x)));
}

template <bool kFlush>
float input(float x) {
  return kFlush ? flush(x) : x;
}
template <bool kFlush>
float output(float x) {
  return kFlush ? flush(x) : x;
}

/// The error of sin and cos grows with their argument.
double trigonometric_bound(float x) {
  return 0x1p-21 * std::max(1.0, std::fabs(static_cast<double>(x)) / 3.1415926535);
}

template <bool kFlush>
struct Exp2 {
  static float apply(float x) {
    x = input<kFlush>(x);
    return output<kFlush>(with_error(std::exp2(static_cast<double>(x)), x, 0x1p-22));
  }
};
template <bool kFlush>
struct Reciprocal {
  static float apply(float x) {
    x = input<kFlush>(x);
    return output<kFlush>(with_error(1.0 / static_cast<double>(x), x, 0x1p-23));
  }
};
template <bool kFlush>
struct ReciprocalSquareRoot {
  static float apply(float x) {
    x = input<kFlush>(x);
    return with_error(1.0 / std::sqrt(static_cast<double>(x)), x, 0x1p-22);
  }
};
template <bool kFlush>
struct SquareRoot {
  static float apply(float x) {
    x = input<kFlush>(x);
    return with_error(std::sqrt(static_cast<double>(x)), x, 0x1p-23);
  }
};
template <bool kFlush>
struct Log2 {
  static float apply(float x) {
    x = input<kFlush>(x);
    const double y = std::log2(static_cast<double>(x));
    if (!std::isfinite(y)) return static_cast<float>(y);
    return static_cast<float>(y + 0x1p-22 * std::max(1.0, std::fabs(y)) * noise(x));
  }
};
template <bool kFlush>
struct Sine {
  static float apply(float x) {
    x = input<kFlush>(x);
    if (!std::isfinite(x)) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(std::sin(static_cast<double>(x)) + trigonometric_bound(x) * noise(x));
  }
};
template <bool kFlush>
struct Cosine {
  static float apply(float x) {
    x = input<kFlush>(x);
    if (!std::isfinite(x)) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(std::cos(static_cast<double>(x)) + trigonometric_bound(x) * noise(x));
  }
};
struct Tanh {
  static float apply(float x) {
    const float y = with_error(std::tanh(static_cast<double>(x)), x, 0x1p-11);
    return std::fabs(y) > 1 ? std::copysign(1.0f, y) : y;
  }
};
struct Divide {
  static float apply(float a, float b) {
    return with_error(static_cast<double>(a) / static_cast<double>(b), a, 0x1p-22);
  }
};

/// In double precision, only the upper words of the argument and of the result matter.
double upper_word(double x) { return bit_cast<double>(bit_cast<u64>(x) & ~u64{0xFFFFFFFF}); }
struct ReciprocalF64 {
  static double apply(double x) { return upper_word(flush(1 / flush(upper_word(x)))); }
};
struct ReciprocalSquareRootF64 {
  static double apply(double x) { return ReciprocalF64::apply(std::sqrt(x)); }
};

template <template <bool> class F>
void add_function(Table& table, const std::string& name) {
  table.add(name + ".approx.f32", unary<float, float, F<false>>, Type::f32, {Type::f32});
  table.add(name + ".approx.ftz.f32", unary<float, float, F<true>>, Type::f32, {Type::f32});
}

}  // namespace

void add_approximations(Table& table) {
  add_function<Exp2>(table, "ex2");
  add_function<Log2>(table, "lg2");
  add_function<Sine>(table, "sin");
  add_function<Cosine>(table, "cos");
  add_function<SquareRoot>(table, "sqrt");
  add_function<Reciprocal>(table, "rcp");
  add_function<ReciprocalSquareRoot>(table, "rsqrt");
  table.add("tanh.approx.f32", unary<float, float, Tanh>, Type::f32, {Type::f32});
  for (const char* opcode : {"div.full.f32", "div.approx.f32"})
    table.add(opcode, binary<float, float, float, Divide>, Type::f32, {Type::f32, Type::f32});
  table.add("rcp.approx.ftz.f64", unary<double, double, ReciprocalF64>, Type::f64, {Type::f64});
  for (const char* opcode : {"rsqrt.approx.f64", "rsqrt.approx.ftz.f64"})
    table.add(opcode, unary<double, double, ReciprocalSquareRootF64>, Type::f64, {Type::f64});
}

}  // namespace ptx
