// cvt between integers and floats. Conversions to bf16 and tf32 are in float_formats.cpp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

struct RoundNearest {
  static float apply(float a) { return __builtin_nearbyintf(a); }
  static double apply(double a) { return __builtin_nearbyint(a); }
};
struct RoundZero {
  static float apply(float a) { return __builtin_truncf(a); }
  static double apply(double a) { return __builtin_trunc(a); }
};
struct RoundDown {
  static float apply(float a) { return __builtin_floorf(a); }
  static double apply(double a) { return __builtin_floor(a); }
};
struct RoundUp {
  static float apply(float a) { return __builtin_ceilf(a); }
  static double apply(double a) { return __builtin_ceil(a); }
};

/// Values out of range become the nearest integer. A NaN becomes 0, or the sign bit in 64 bits.
template <class D, class F>
struct ToInteger {
  template <class S>
  static D apply(S a) {
    constexpr bool kSigned = std::numeric_limits<D>::is_signed;
    if (a != a) return sizeof(S) == 8 || sizeof(D) == 8 ? static_cast<D>(u64{1} << (8 * sizeof(D) - 1)) : D(0);
    const S rounded = F::apply(a);
    const S limit = std::ldexp(S(1), 8 * static_cast<int>(sizeof(D)) - (kSigned ? 1 : 0));
    if (rounded >= limit) return std::numeric_limits<D>::max();
    if (rounded < (kSigned ? -limit : S(0))) return std::numeric_limits<D>::min();
    return static_cast<D>(rounded);
  }
};
template <class D>
struct To {
  template <class S>
  static D apply(S a) {
    return static_cast<D>(a);
  }
};
/// Clamps to [0, 1]; NaN and -0 become 0.
struct Saturate {
  static float apply(float a) {
    if (a != a || a <= 0) return 0.0f;
    return a > 1 ? 1.0f : a;
  }
};

template <class D, class S, class F>
void add_to_integer(Table& table, const std::string& rounding) {
  table.add("cvt" + rounding + suffix<D>() + suffix<S>(), unary<D, S, ToInteger<D, F>>, type_of<D>(), {type_of<S>()});
}

/// From S, rounded by F, to all integers and to S.
template <class S, class F>
void add_integer_rounding(Table& table, const std::string& rounding) {
  add_to_integer<u16, S, F>(table, rounding);
  add_to_integer<s16, S, F>(table, rounding);
  add_to_integer<u32, S, F>(table, rounding);
  add_to_integer<s32, S, F>(table, rounding);
  add_to_integer<u64, S, F>(table, rounding);
  add_to_integer<s64, S, F>(table, rounding);
  table.add("cvt" + rounding + suffix<S>() + suffix<S>(), unary<S, S, F>, type_of<S>(), {type_of<S>()});
}

template <class F>
void add_integer_rounding(Table& table, const std::string& rounding) {
  add_integer_rounding<float, F>(table, rounding);
  add_integer_rounding<double, F>(table, rounding);
}

template <class D, Round kRound, class... S>
void add_from_integers(Table& table, const std::string& rounding) {
  (table.add("cvt" + rounding + suffix<D>() + suffix<S>(), unary<D, S, To<D>, kRound>, type_of<D>(), {type_of<S>()}),
   ...);
}

template <Round kRound>
void add_float_rounding(Table& table, const std::string& rounding) {
  add_from_integers<float, kRound, u16, s16, u32, s32, u64, s64>(table, rounding);
  add_from_integers<double, kRound, u16, s16, u32, s32, u64, s64>(table, rounding);
  table.add("cvt" + rounding + ".f32.f64", unary<float, double, To<float>, kRound>, Type::f32, {Type::f64});
}

// ---- Between integers, whose registers may be wider than their types

s64 read_integer(const u8* bytes, Type type) {
  const auto read = [bytes](auto value) {
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<s64>(value);
  };
  switch (type) {
    case Type::u8:
    case Type::b8:
      return read(u8{});
    case Type::s8:
      return read(s8{});
    case Type::u16:
    case Type::b16:
      return read(u16{});
    case Type::s16:
      return read(s16{});
    case Type::u32:
    case Type::b32:
      return read(u32{});
    case Type::s32:
      return read(s32{});
    default:
      return read(s64{});
  }
}

s64 saturate(s64 value, Type from, Type to) {
  const int bits = 8 * size_of(to);
  if (is_signed(to)) {
    if (bits == 64) return value;
    const s64 limit = s64{1} << (bits - 1);
    return std::min(std::max(value, -limit), limit - 1);
  }
  if (from == Type::u64) return value;
  value = std::max<s64>(value, 0);
  return bits < 64 ? std::min(value, (s64{1} << bits) - 1) : value;
}

Type source_type(const Instruction& instruction) { return static_cast<Type>(instruction.immediate & 255); }
Type destination_type(const Instruction& instruction) { return static_cast<Type>(instruction.immediate >> 8 & 255); }

/// `immediate` holds both types, `register_bytes` both widths; `flags` 1: .sat.
void convert_integer(Warp& warp, const Instruction& instruction, u32 active) {
  const Register to = instruction.operand[0], from = instruction.operand[1];
  const Type to_type = destination_type(instruction), from_type = source_type(instruction);
  const int to_bytes = instruction.register_bytes[0], from_bytes = instruction.register_bytes[1];
  const bool saturates = instruction.flags != 0;
  u8* d = warp.registers + to.offset;
  const u8* a = warp.registers + from.offset;
  for_each_lane(active, [=](int lane) {
    s64 value = read_integer(a + lane * from_bytes, from_type);
    if (saturates) value = saturate(value, from_type, to_type);
    u8 bytes[8];
    std::memcpy(bytes, &value, sizeof bytes);
    const s64 result = read_integer(bytes, to_type);  // truncated to its type, then extended from it
    std::memcpy(d + lane * to_bytes, &result, static_cast<std::size_t>(to_bytes));
  });
  const bool lower_half = size_of(from_type) <= 4 || (size_of(to_type) <= 4 && !saturates);
  set_undefined(warp, to, active, lower_half ? warp.uninitialized[from.id] : warp.undefined(from));
  const bool zero_extends = to.wide && !is_signed(to_type) && size_of(from_type) <= 4;
  if (zero_extends) set_undefined_part(warp, to, 1, active, 0);
}

bool is_integer(Type type) { return type >= Type::u8 && type <= Type::b64; }

bool decode_integer_conversion(Encoding& encoding) {
  const std::vector<std::string>& parts = encoding.parts();
  const Type from = encoding.type, to = type_named(parts.at(parts.size() - 2));
  if (!is_integer(from) || !is_integer(to)) return false;
  encoding.take(parts[parts.size() - 2].c_str());
  const bool saturates = encoding.take("sat");
  if (!encoding.complete()) return false;
  encoding.expect_operands(2);
  Instruction& instruction = encoding.instruction;
  instruction.handler = convert_integer;
  instruction.immediate = static_cast<s64>(to) << 8 | static_cast<s64>(from);
  instruction.flags = saturates;
  instruction.operand[0] = encoding.destination(0);
  instruction.register_bytes[0] = encoding.operands[0].bytes;
  const Operand& source = encoding.operands[1];
  const bool is_register = source.kind == Operand::reg;
  instruction.operand[1] = is_register ? source.op : encoding.value(1, from);
  instruction.register_bytes[1] = is_register ? source.bytes : static_cast<u8>(size_of(from));
  if (instruction.register_bytes[0] < size_of(to) || instruction.register_bytes[1] < size_of(from))
    reject("a register narrower than its type");
  return true;
}

}  // namespace

void add_conversions(Table& table) {
  add_integer_rounding<RoundNearest>(table, ".rni");
  add_integer_rounding<RoundZero>(table, ".rzi");
  add_integer_rounding<RoundDown>(table, ".rmi");
  add_integer_rounding<RoundUp>(table, ".rpi");
  add_float_rounding<Round::nearest>(table, ".rn");
  add_float_rounding<Round::zero>(table, ".rz");
  add_float_rounding<Round::down>(table, ".rm");
  add_float_rounding<Round::up>(table, ".rp");
  table.add("cvt.f64.f32", unary<double, float, To<double>>, Type::f64, {Type::f32});
  table.add("cvt.sat.f32.f32", unary<float, float, Saturate>, Type::f32, {Type::f32});
  table.add("cvt", decode_integer_conversion);
}

}  // namespace ptx
