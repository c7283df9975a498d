// Bitwise logic and shifts.
#include <algorithm>

#include "ptx/instructions/functions.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

struct Not {
  template <class T>
  static T apply(T a) {
    return static_cast<T>(~a);
  }
};

/// Shifts by more than the width give zeros or copies of the sign.
struct ShiftLeft {
  template <class T>
  static T apply(T a, u32 n) {
    return n >= 8 * sizeof(T) ? T(0) : static_cast<T>(a << n);
  }
};
struct ShiftRight {
  template <class T>
  static T apply(T a, u32 n) {
    if (n >= 8 * sizeof(T)) return static_cast<T>(a < T(0) ? -1 : 0);
    return static_cast<T>(a >> n);
  }
};

/// A 64-bit shift of (b, a). shf returns the upper or the lower half.
u64 joined(u32 a, u32 b) { return u64{b} << 32 | a; }
struct FunnelLeftWrap {
  static u32 apply(u32 a, u32 b, u32 n) { return static_cast<u32>(joined(a, b) << (n & 31) >> 32); }
};
struct FunnelLeftClamp {
  static u32 apply(u32 a, u32 b, u32 n) { return static_cast<u32>(joined(a, b) << std::min(n, 32u) >> 32); }
};
struct FunnelRightWrap {
  static u32 apply(u32 a, u32 b, u32 n) { return static_cast<u32>(joined(a, b) >> (n & 31)); }
};
struct FunnelRightClamp {
  static u32 apply(u32 a, u32 b, u32 n) { return static_cast<u32>(joined(a, b) >> std::min(n, 32u)); }
};

/// An arbitrary function of three bits: `immediate` is its truth table.
void lop3(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  u32* d = warp.values<u32>(op[0]);
  const u32* a = warp.values<u32>(op[1]);
  const u32* b = warp.values<u32>(op[2]);
  const u32* c = warp.values<u32>(op[3]);
  const u32 table = static_cast<u32>(instruction.immediate);
  for_each_lane(active, [=](int lane) {
    u32 result = 0;
    for (u32 row = 0; row < 8; ++row) {
      if ((table >> row & 1) == 0) continue;
      const u32 from_a = row & 4 ? a[lane] : ~a[lane];
      const u32 from_b = row & 2 ? b[lane] : ~b[lane];
      const u32 from_c = row & 1 ? c[lane] : ~c[lane];
      result |= from_a & from_b & from_c;
    }
    d[lane] = result;
  });
  set_undefined(warp, op[0], active, warp.undefined(op[1]) | warp.undefined(op[2]) | warp.undefined(op[3]));
}

bool decode_lop3(Encoding& encoding) {
  encoding.expect_operands(5);
  if (encoding.operands[4].kind != Operand::immediate) reject("lop3 without a constant table");
  Instruction& instruction = encoding.instruction;
  instruction.handler = lop3;
  instruction.immediate = static_cast<s64>(encoding.operands[4].bits);
  for (std::size_t i = 0; i < 4; ++i) instruction.operand[i] = encoding.value(i, Type::b32);
  return true;
}

template <class T>
void add_bitwise(Table& table, Type bits) {
  const std::string type = bits_suffix<T>();
  table.add("and" + type, binary<T, T, T, And>, bits, {bits, bits});
  table.add("or" + type, binary<T, T, T, Or>, bits, {bits, bits});
  table.add("xor" + type, binary<T, T, T, Xor>, bits, {bits, bits});
  table.add("not" + type, unary<T, T, Not>, bits, {bits});
  table.add("shl" + type, binary<T, T, u32, ShiftLeft>, bits, {bits, Type::u32});
  table.add("shr" + type, binary<T, T, u32, ShiftRight>, bits, {bits, Type::u32});
}

template <class... T>
void add_right_shifts(Table& table) {
  (table.add("shr" + suffix<T>(), binary<T, T, u32, ShiftRight>, type_of<T>(), {type_of<T>(), Type::u32}), ...);
}

template <class F>
void add_funnel_shift(Table& table, const std::string& opcode) {
  table.add(opcode, ternary<u32, u32, u32, u32, F>, Type::b32, {Type::b32, Type::b32, Type::u32});
}

}  // namespace

void add_logic(Table& table) {
  add_bitwise<u16>(table, Type::b16);
  add_bitwise<u32>(table, Type::b32);
  add_bitwise<u64>(table, Type::b64);
  add_right_shifts<u16, s16, u32, s32, u64, s64>(table);
  add_funnel_shift<FunnelLeftWrap>(table, "shf.l.wrap.b32");
  add_funnel_shift<FunnelLeftClamp>(table, "shf.l.clamp.b32");
  add_funnel_shift<FunnelRightWrap>(table, "shf.r.wrap.b32");
  add_funnel_shift<FunnelRightClamp>(table, "shf.r.clamp.b32");
  table.add("lop3.b32", decode_lop3);
}

}  // namespace ptx
