// Integer arithmetic. Sums and products wrap around.
#include "ptx/execution/report.h"
#include "ptx/instructions/functions.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

__extension__ using u128 = unsigned __int128;
__extension__ using s128 = __int128;

/// The type that can hold the product of two T.
template <class T>
struct Twice;
template <>
struct Twice<u16> {
  using Wide = u32;
};
template <>
struct Twice<s16> {
  using Wide = s32;
};
template <>
struct Twice<u32> {
  using Wide = u64;
};
template <>
struct Twice<s32> {
  using Wide = s64;
};
template <>
struct Twice<u64> {
  using Wide = u128;
};
template <>
struct Twice<s64> {
  using Wide = s128;
};
template <class T>
using Wide = typename Twice<T>::Wide;

struct MultiplyLow {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(1u * a * b);  // unsigned even if u16 would be promoted to int
  }
};
struct MultiplyAddLow {
  template <class T>
  static T apply(T a, T b, T c) {
    return static_cast<T>(1u * a * b + c);
  }
};
struct Negate {
  template <class T>
  static T apply(T a) {
    return static_cast<T>(0 - a);
  }
};
struct MultiplyHigh {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b) >> (8 * sizeof(T)));
  }
};
struct MultiplyAddHigh {
  template <class T>
  static T apply(T a, T b, T c) {
    using U = Unsigned<T>;
    return static_cast<T>(static_cast<U>(MultiplyHigh::apply(a, b)) + static_cast<U>(c));
  }
};
struct MultiplyWide {
  template <class T>
  static Wide<T> apply(T a, T b) {
    return static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b);
  }
};
struct MultiplyAddWide {
  template <class T>
  static Wide<T> apply(T a, T b, Wide<T> c) {
    using U = Unsigned<Wide<T>>;
    return static_cast<Wide<T>>(static_cast<U>(MultiplyWide::apply(a, b)) + static_cast<U>(c));
  }
};
struct Absolute {
  template <class T>
  static T apply(T a) {
    return a < 0 ? static_cast<T>(0 - static_cast<Unsigned<T>>(a)) : a;
  }
};
struct Quotient {
  template <class T>
  static T apply(T a, T b) {
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - static_cast<Unsigned<T>>(a));
    return static_cast<T>(a / b);
  }
};
struct Remainder {
  template <class T>
  static T apply(T a, T b) {
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    return static_cast<T>(a % b);
  }
};

/// CUDA leaves the result of a division by zero unspecified; here it is a fault.
template <class T, class F>
void divide(Warp& warp, const Instruction& instruction, u32 active) {
  const T* divisor = warp.values<T>(instruction.operand[2]);
  for_each_lane_in_order(active, [&](int lane) {
    if (divisor[lane] == 0) fault(warp, instruction, lane, "an integer division by zero");
  });
  binary<T, T, T, F>(warp, instruction, active);
}

template <class T>
void add_operations(Table& table) {
  using U = Unsigned<T>;
  constexpr Type kType = type_of<T>();
  const std::string type = suffix<T>();
  table.add("add" + type, binary<U, U, U, Add>, kType, {kType, kType});
  table.add("sub" + type, binary<U, U, U, Subtract>, kType, {kType, kType});
  table.add("mul.lo" + type, binary<U, U, U, MultiplyLow>, kType, {kType, kType});
  table.add("mad.lo" + type, ternary<U, U, U, U, MultiplyAddLow>, kType, {kType, kType, kType});
  table.add("min" + type, binary<T, T, T, Minimum>, kType, {kType, kType});
  table.add("max" + type, binary<T, T, T, Maximum>, kType, {kType, kType});
  table.add("div" + type, divide<T, Quotient>, kType, {kType, kType});
  table.add("rem" + type, divide<T, Remainder>, kType, {kType, kType});
  table.add("mul.hi" + type, binary<T, T, T, MultiplyHigh>, kType, {kType, kType});
  table.add("mad.hi" + type, ternary<T, T, T, T, MultiplyAddHigh>, kType, {kType, kType, kType});
}

template <class T>
void add_signed_operations(Table& table) {
  using U = Unsigned<T>;
  constexpr Type kType = type_of<T>();
  table.add("neg" + suffix<T>(), unary<U, U, Negate>, kType, {kType});
  table.add("abs" + suffix<T>(), unary<T, T, Absolute>, kType, {kType});
}

template <class T>
void add_wide_operations(Table& table) {
  using D = Wide<T>;
  constexpr Type kType = type_of<T>(), kWide = type_of<D>();
  table.add("mul.wide" + suffix<T>(), binary<D, T, T, MultiplyWide>, kWide, {kType, kType});
  table.add("mad.wide" + suffix<T>(), ternary<D, T, T, D, MultiplyAddWide>, kWide, {kType, kType, kWide});
}

}  // namespace

void add_integer_arithmetic(Table& table) {
  add_operations<u16>(table);
  add_operations<s16>(table);
  add_operations<u32>(table);
  add_operations<s32>(table);
  add_operations<u64>(table);
  add_operations<s64>(table);
  add_signed_operations<s16>(table);
  add_signed_operations<s32>(table);
  add_signed_operations<s64>(table);
  add_wide_operations<u16>(table);
  add_wide_operations<s16>(table);
  add_wide_operations<u32>(table);
  add_wide_operations<s32>(table);
}

}  // namespace ptx
