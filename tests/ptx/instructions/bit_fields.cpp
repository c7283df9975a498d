// Permutation of bytes, bit fields, and bit counts.
#include <algorithm>

#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// Each byte of the result is one of the 8 bytes of (b, a), or 8 copies of its sign.
struct Permute {
  static u32 apply(u32 a, u32 b, u32 selectors) {
    const u64 both = u64{b} << 32 | a;
    u32 result = 0;
    for (int i = 0; i < 4; ++i) {
      const u32 selector = selectors >> (4 * i) & 15;
      u32 byte = static_cast<u32>(both >> (8 * (selector & 7))) & 255;
      if (selector & 8) byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * i);
    }
    return result;
  }
};

/// bfe: `length` bits of a, starting at `position`, extended with zeros or with the sign.
template <bool kSigned>
struct Extract {
  static u32 apply(u32 a, u32 b, u32 c) {
    const u32 position = b & 255, length = c & 255;
    const u32 sign = !kSigned || length == 0 ? 0 : a >> std::min(position + length - 1, 31u) & 1;
    u32 result = 0;
    for (u32 i = 0; i < 32; ++i) {
      const bool inside = i < length && position + i <= 31;
      result |= (inside ? a >> (position + i) & 1 : sign) << i;
    }
    return result;
  }
};

/// bfi: the lower `length` bits of a replace those of b, starting at `position`.
template <class T>
void insert(Warp& warp, const Instruction& instruction, u32 active) {
  constexpr u32 kBits = 8 * sizeof(T);
  const Register* op = instruction.operand;
  T* d = warp.values<T>(op[0]);
  const T* a = warp.values<T>(op[1]);
  const T* b = warp.values<T>(op[2]);
  const u32* positions = warp.values<u32>(op[3]);
  const u32* lengths = warp.values<u32>(op[4]);
  for_each_lane(active, [=](int lane) {
    const u32 position = positions[lane] & 255, length = lengths[lane] & 255;
    T result = b[lane];
    for (u32 i = 0; i < length && position + i < kBits; ++i) {
      const T bit = T(1) << (position + i);
      result = (a[lane] >> i & 1) != 0 ? result | bit : result & ~bit;
    }
    d[lane] = result;
  });
  u32 undefined = 0;
  for (int i = 1; i <= 4; ++i) undefined |= warp.undefined(op[i]);
  set_undefined(warp, op[0], active, undefined);
}

struct CountOnes {
  static u32 apply(u32 a) { return static_cast<u32>(__builtin_popcount(a)); }
  static u32 apply(u64 a) { return static_cast<u32>(__builtin_popcountll(a)); }
};
struct CountLeadingZeros {
  static u32 apply(u32 a) { return a == 0 ? 32 : static_cast<u32>(__builtin_clz(a)); }
  static u32 apply(u64 a) { return a == 0 ? 64 : static_cast<u32>(__builtin_clzll(a)); }
};
/// The position of the highest 1 bit.
struct FindHighest {
  static u32 apply(u32 a) { return a == 0 ? ~0u : 31 - static_cast<u32>(__builtin_clz(a)); }
};
/// The left shift that brings the highest 1 bit of a to the top.
struct FindShift {
  static u32 apply(u32 a) { return a == 0 ? ~0u : static_cast<u32>(__builtin_clz(a)); }
};
struct Reverse {
  static u32 apply(u32 a) {
    u32 result = 0;
    for (int i = 0; i < 32; ++i) result |= (a >> i & 1) << (31 - i);
    return result;
  }
};

}  // namespace

void add_bit_fields(Table& table) {
  constexpr Type b32 = Type::b32, b64 = Type::b64, u = Type::u32;
  table.add("prmt.b32", ternary<u32, u32, u32, u32, Permute>, b32, {b32, b32, b32});
  table.add("bfi.b32", insert<u32>, b32, {b32, b32, u, u});
  table.add("bfi.b64", insert<u64>, b64, {b64, b64, u, u});
  table.add("bfe.u32", ternary<u32, u32, u32, u32, Extract<false>>, u, {u, u, u});
  table.add("bfe.s32", ternary<u32, u32, u32, u32, Extract<true>>, Type::s32, {Type::s32, u, u});
  table.add("popc.b32", unary<u32, u32, CountOnes>, u, {b32});
  table.add("popc.b64", unary<u32, u64, CountOnes>, u, {b64});
  table.add("clz.b32", unary<u32, u32, CountLeadingZeros>, u, {b32});
  table.add("clz.b64", unary<u32, u64, CountLeadingZeros>, u, {b64});
  table.add("brev.b32", unary<u32, u32, Reverse>, b32, {b32});
  table.add("bfind.u32", unary<u32, u32, FindHighest>, u, {u});
  table.add("bfind.shiftamt.u32", unary<u32, u32, FindShift>, u, {u});
}

}  // namespace ptx
