// atom and red. Lanes execute one after another.
#include "ptx/execution/memory.h"
#include "ptx/instructions/float_bits.h"
#include "ptx/instructions/functions.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// Floats in global memory: subnormal inputs and results are flushed, as the PTX ISA specifies.
struct AddFlush {
  static float apply(float a, float b) { return flush(flush(a) + flush(b)); }
};
struct Exchange {
  template <class T>
  static T apply(T, T b) {
    return b;
  }
};

/// If kReturns, operand 0 receives the old value. Operands 1, 2, ... are the values, such as addends.
template <class T, class F, bool kReturns, int kVector = 1>
void update(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  for_each_place(warp, instruction, active, sizeof(T) * kVector, kAtomic, [&](int lane, const Place& place) {
    for (int k = 0; k < kVector; ++k) {
      u8* bytes = place.bytes + k * sizeof(T);
      u8* shadow = place.shadow + k * sizeof(T);
      T old;
      std::memcpy(&old, bytes, sizeof old);
      const T now = F::apply(old, warp.values<T>(op[1 + k])[lane]);
      std::memcpy(bytes, &now, sizeof now);
      const bool undefined = !is_initialized(shadow, sizeof(T)) || (warp.undefined(op[1 + k]) >> lane & 1) != 0;
      std::memset(shadow, !undefined, sizeof(T));
      if (kReturns) {
        warp.values<T>(op[0])[lane] = old;
        set_undefined(warp, op[0], 1u << lane, undefined ? kFullWarp : 0);
      }
    }
  });
}

/// Operands: the old value, the value it is compared with, the new value.
template <class T>
void compare_and_swap(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  for_each_place(warp, instruction, active, sizeof(T), kAtomic, [&](int lane, const Place& place) {
    T old;
    std::memcpy(&old, place.bytes, sizeof old);
    const bool undefined = !is_initialized(place.shadow, sizeof(T));
    if (old == warp.values<T>(op[1])[lane]) {
      std::memcpy(place.bytes, &warp.values<T>(op[2])[lane], sizeof(T));
      std::memset(place.shadow, !undefined && (warp.undefined(op[2]) >> lane & 1) == 0, sizeof(T));
    }
    warp.values<T>(op[0])[lane] = old;
    set_undefined(warp, op[0], 1u << lane, undefined ? kFullWarp : 0);
  });
}

template <class T, class F>
Handler update_handler(bool returns) {
  return returns ? update<T, F, true> : update<T, F, false>;
}

template <class F>
Handler bitwise_handler(bool returns, Type type) {
  return size_of(type) == 4 ? update_handler<u32, F>(returns) : nullptr;
}

template <class F>
Handler ordered_handler(bool returns, Type type) {
  switch (type) {
    case Type::u32:
      return update_handler<u32, F>(returns);
    case Type::s32:
      return update_handler<s32, F>(returns);
    case Type::u64:
      return update_handler<u64, F>(returns);
    case Type::s64:
      return update_handler<s64, F>(returns);
    default:
      return nullptr;
  }
}

Handler add_handler(bool returns, Type type, Space space) {
  if (type == Type::f32 && space == kGlobal) return update_handler<float, AddFlush>(returns);
  if (type == Type::f32) return update_handler<float, Add>(returns);
  if (type == Type::f64) return update_handler<double, Add>(returns);
  if (size_of(type) == 4) return update_handler<u32, Add>(returns);
  return size_of(type) == 8 ? update_handler<u64, Add>(returns) : nullptr;
}

Handler exchange_handler(bool returns, Type type) {
  if (size_of(type) == 4) return update_handler<u32, Exchange>(returns);
  return size_of(type) == 8 ? update_handler<u64, Exchange>(returns) : nullptr;
}

enum Operation { kAdd, kMinimum, kMaximum, kExchange, kCompareAndSwap, kAnd, kOr };

Handler handler_of(int operation, bool returns, Type type, Space space) {
  switch (operation) {
    case kAdd:
      return add_handler(returns, type, space);
    case kMinimum:
      return ordered_handler<Minimum>(returns, type);
    case kMaximum:
      return ordered_handler<Maximum>(returns, type);
    case kExchange:
      return exchange_handler(returns, type);
    case kAnd:
      return bitwise_handler<And>(returns, type);
    case kOr:
      return bitwise_handler<Or>(returns, type);
    case kCompareAndSwap:
      if (!returns) return nullptr;
      return size_of(type) == 4 ? compare_and_swap<u32> : size_of(type) == 8 ? compare_and_swap<u64> : Handler(nullptr);
    default:
      return nullptr;
  }
}

/// red.global.add.v2.f32 [address], {a, b};
bool decode_vector_add(Encoding& encoding, bool returns, int operation) {
  Instruction& instruction = encoding.instruction;
  const std::vector<Operand>& values = encoding.operands.at(1).parts;
  if (returns || operation != kAdd || encoding.type != Type::f32 || values.size() != 2) return false;
  instruction.handler = update<float, AddFlush, false, 2>;
  if (instruction.space == kGeneric) instruction.space = kGlobal;
  for (std::size_t i = 0; i < 2; ++i) instruction.operand[1 + i] = encoding.symbols.value(values[i], Type::f32);
  return true;
}

bool decode_atomic(Encoding& encoding, bool returns) {
  Instruction& instruction = encoding.instruction;
  encoding.take_one_of({"relaxed", "acquire", "release", "acq_rel"});
  encoding.take_one_of({"gpu", "cta", "sys"});
  const int space = encoding.take_one_of({"global", "shared"});
  instruction.space = space < 0 ? kGeneric : space == 0 ? kGlobal : kShared;
  const bool is_vector = encoding.take("v2");
  const int operation = encoding.take_one_of({"add", "min", "max", "exch", "cas", "and", "or"});
  if (!encoding.complete()) return false;
  const std::size_t at = returns ? 1 : 0;  // of the address
  encoding.set_address(encoding.operands.at(at));
  if (is_vector) return decode_vector_add(encoding, returns, operation);
  instruction.handler = handler_of(operation, returns, encoding.type, instruction.space);
  if (instruction.handler == nullptr) return false;
  encoding.expect_operands(at + (operation == kCompareAndSwap ? 3 : 2));
  if (returns) instruction.operand[0] = encoding.value(0, encoding.type);
  for (std::size_t i = 1; at + i < encoding.operands.size(); ++i)
    instruction.operand[i] = encoding.value(at + i, encoding.type);
  return true;
}

}  // namespace

void add_atomics(Table& table) {
  table.add("atom", [](Encoding& encoding) { return decode_atomic(encoding, true); });
  table.add("red", [](Encoding& encoding) { return decode_atomic(encoding, false); });
}

}  // namespace ptx
