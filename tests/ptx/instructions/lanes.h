// Applies a function of one lane to all active lanes of a warp.
#pragma once
#include <immintrin.h>

#include <string>
#include <type_traits>

#include "ptx/execution/memory.h"
#include "ptx/execution/warp.h"
#include "ptx/instructions/table.h"

namespace ptx {

/// Lanes must not depend on each other.
template <class F>
inline void for_each_lane(u32 active, F f) {
  if (active == kFullWarp) {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) f(lane);
  } else {
    for (; active != 0; active &= active - 1) f(__builtin_ctz(active));
  }
}

template <class F>
inline void for_each_lane_in_order(u32 active, F f) {
  for (; active != 0; active &= active - 1) f(__builtin_ctz(active));
}

/// Calls f(lane, place) with the memory that each active lane accesses: `bytes` bytes, starting at the instruction's
/// address.
template <class F>
inline void for_each_place(Warp& warp, const Instruction& instruction, u32 active, u32 bytes, Access access, F f) {
  check_address_initialized(warp, instruction, active);
  for_each_lane_in_order(active, [&](int lane) {
    const u64 address = address_in(warp, instruction.address, lane);
    f(lane, resolve(warp, instruction, lane, address, bytes, instruction.space, access));
  });
}

/// Sets which active lanes of one half of a register are uninitialized.
inline void set_undefined_part(Warp& warp, Register op, u32 part, u32 active, u32 lanes) {
  u32& mask = warp.uninitialized[op.id + part];
  mask = (mask & ~active) | (lanes & active);
}

inline void set_undefined(Warp& warp, Register op, u32 active, u32 lanes) {
  set_undefined_part(warp, op, 0, active, lanes);
  if (op.wide) set_undefined_part(warp, op, 1, active, lanes);
}

/// Sets the active lanes of a predicate.
inline void set_predicate(Warp& warp, Register op, u32 active, u32 lanes) {
  u32& predicate = warp.predicate(op);
  predicate = (predicate & ~active) | (lanes & active);
}

// ---- Rounding

enum class Round { nearest, zero, down, up };

/// Sets the rounding mode of the host during its lifetime. The code must be compiled with -frounding-math.
template <Round kRound>
class RoundingMode {
 public:
  RoundingMode() : before_(_mm_getcsr()) {
    constexpr unsigned kMode = kRound == Round::zero ? 0x6000 : kRound == Round::down ? 0x2000 : 0x4000;
    _mm_setcsr((before_ & ~0x6000u) | kMode);
    asm volatile("" ::: "memory");
  }
  ~RoundingMode() {
    asm volatile("" ::: "memory");
    _mm_setcsr(before_);
  }
  RoundingMode(const RoundingMode&) = delete;
  RoundingMode& operator=(const RoundingMode&) = delete;

 private:
  unsigned before_;
};
template <>
class RoundingMode<Round::nearest> {};

// ---- Handlers. F::apply computes one lane. A lane of the result is undefined if any of its sources is.

template <class D, class A, class F, Round kRound = Round::nearest>
void unary(Warp& warp, const Instruction& instruction, u32 active) {
  [[maybe_unused]] const RoundingMode<kRound> rounding;
  const Register* op = instruction.operand;
  D* d = warp.values<D>(op[0]);
  const A* a = warp.values<A>(op[1]);
  for_each_lane(active, [=](int lane) { d[lane] = F::apply(a[lane]); });
  set_undefined(warp, op[0], active, warp.undefined(op[1]));
}

template <class D, class A, class B, class F, Round kRound = Round::nearest>
void binary(Warp& warp, const Instruction& instruction, u32 active) {
  [[maybe_unused]] const RoundingMode<kRound> rounding;
  const Register* op = instruction.operand;
  D* d = warp.values<D>(op[0]);
  const A* a = warp.values<A>(op[1]);
  const B* b = warp.values<B>(op[2]);
  for_each_lane(active, [=](int lane) { d[lane] = F::apply(a[lane], b[lane]); });
  set_undefined(warp, op[0], active, warp.undefined(op[1]) | warp.undefined(op[2]));
}

template <class D, class A, class B, class C, class F, Round kRound = Round::nearest>
void ternary(Warp& warp, const Instruction& instruction, u32 active) {
  [[maybe_unused]] const RoundingMode<kRound> rounding;
  const Register* op = instruction.operand;
  D* d = warp.values<D>(op[0]);
  const A* a = warp.values<A>(op[1]);
  const B* b = warp.values<B>(op[2]);
  const C* c = warp.values<C>(op[3]);
  for_each_lane(active, [=](int lane) { d[lane] = F::apply(a[lane], b[lane], c[lane]); });
  set_undefined(warp, op[0], active, warp.undefined(op[1]) | warp.undefined(op[2]) | warp.undefined(op[3]));
}

// ---- C++ types and PTX types

template <class T>
constexpr Type type_of() {
  if (std::is_same_v<T, float>) return Type::f32;
  if (std::is_same_v<T, double>) return Type::f64;
  constexpr int kBytes = sizeof(T);
  if (std::is_signed_v<T>)
    return kBytes == 1 ? Type::s8 : kBytes == 2 ? Type::s16 : kBytes == 4 ? Type::s32 : Type::s64;
  return kBytes == 1 ? Type::u8 : kBytes == 2 ? Type::u16 : kBytes == 4 ? Type::u32 : Type::u64;
}

/// ".s32", ".f64", ...
template <class T>
std::string suffix() {
  const char* letter = std::is_floating_point_v<T> ? ".f" : std::is_signed_v<T> ? ".s" : ".u";
  return letter + std::to_string(8 * sizeof(T));
}

template <class T>
std::string bits_suffix() {
  return ".b" + std::to_string(8 * sizeof(T));
}

/// The types of an instruction whose arithmetic is the same for signed and unsigned integers.
template <class T>
using Unsigned = std::make_unsigned_t<T>;

}  // namespace ptx
