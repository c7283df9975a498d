// Conversions from float to bf16 and tf32.
#include "ptx/instructions/float_bits.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

constexpr u16 kNanBf16 = 0x7FFF;
constexpr u32 kNanTf32 = 0x7FFFFFFF;

bool is_special(u32 bits) { return (bits & kExponentBits) == kExponentBits; }  // infinite or a NaN

struct Bf16Nearest {
  static u16 apply(float x) {
    if (x != x) return kNanBf16;
    const u32 bits = bits_of(x);
    return static_cast<u16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
};
struct Bf16Zero {
  static u16 apply(float x) { return x != x ? kNanBf16 : static_cast<u16>(bits_of(x) >> 16); }
};
/// The first source becomes the upper half.
struct Bf16Pair {
  static u32 apply(float upper, float lower) {
    return u32{Bf16Nearest::apply(upper)} << 16 | Bf16Nearest::apply(lower);
  }
};

struct Tf32Nearest {
  static u32 apply(float x) {
    const u32 bits = bits_of(x);
    if (x != x) return kNanTf32;
    if (is_special(bits)) return bits;
    return (bits + 0xFFF + (bits >> 13 & 1)) & kTf32Bits;
  }
};

/// cvt.rna: ties away from zero. The PTX ISA leaves the lower 13 bits of the result undefined. SCOREMATCH_PTX_TF32_LOW
/// selects them: 0 zeros, as ptxas makes them, 1 those of the rounded sum, 2 ones.
struct Tf32Away {
  static u32 apply(float x) {
    static const long low = env("SCOREMATCH_PTX_TF32_LOW", 0);
    const u32 bits = bits_of(x);
    if (x != x) return kNanTf32;
    if (is_special(bits)) return bits;
    const u32 sum = bits + 0x1000;
    return low == 0 ? sum & kTf32Bits : low == 1 ? sum : sum | ~kTf32Bits;
  }
};

}  // namespace

void add_float_formats(Table& table) {
  table.add("cvt.rn.bf16.f32", unary<u16, float, Bf16Nearest>, Type::b16, {Type::f32});
  table.add("cvt.rz.bf16.f32", unary<u16, float, Bf16Zero>, Type::b16, {Type::f32});
  table.add("cvt.rn.bf16x2.f32", binary<u32, float, float, Bf16Pair>, Type::b32, {Type::f32, Type::f32});
  table.add("cvt.rn.tf32.f32", unary<u32, float, Tf32Nearest>, Type::b32, {Type::f32});
  table.add("cvt.rna.tf32.f32", unary<u32, float, Tf32Away>, Type::b32, {Type::f32});
}

}  // namespace ptx
