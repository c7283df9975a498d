// Short names of integer types, and the types of PTX instructions.
#pragma once
#include <cstdint>
#include <string>

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

namespace ptx {

enum class Type : u8 {
  none,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  b8,
  b16,
  b32,
  b64,
  f16,
  bf16,
  f32,
  f64,
  pred,
  bf16x2,
  f16x2,
  tf32,
};

/// Bytes of a type; 0 for predicates and Type::none.
int size_of(Type type);
/// The type named by an opcode suffix without its dot, or Type::none.
Type type_named(const std::string& name);

inline bool is_signed(Type type) { return type >= Type::s8 && type <= Type::s64; }
inline bool is_float(Type type) { return type == Type::f32 || type == Type::f64; }

enum Space : u8 {
  kGeneric,
  kGlobal,
  kShared,
  kLocal,
  kParam,  // of the kernel, the same for all lanes
  kFrame,  // .param variables inside a function, one copy per lane
};

}  // namespace ptx
