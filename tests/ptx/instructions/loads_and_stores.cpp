// ld and st.
#include "ptx/execution/memory.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// Each half of an 8-byte element may be undefined on its own.
template <class E>
constexpr int kHalves = sizeof(E) == 8 ? 2 : 1;
template <class E>
constexpr u32 kHalfBytes = sizeof(E) / kHalves<E>;

/// `flags` bit k: element k is dropped.
bool is_sink(const Instruction& instruction, int k) { return (instruction.flags >> k & 1) != 0; }

template <class E, int kVector>
void load(Warp& warp, const Instruction& instruction, u32 active) {
  check_address_initialized(warp, instruction, active);
  u64 addresses[kLanes];  // for all lanes first: the base register may be a destination
  for_each_lane(active, [&](int lane) { addresses[lane] = address_in(warp, instruction.address, lane); });
  E* d[kVector];
  for (int k = 0; k < kVector; ++k) d[k] = warp.values<E>(instruction.operand[k]);
  u32 undefined[kVector][kHalves<E>] = {};
  for_each_lane_in_order(active, [&](int lane) {
    const Place place =
        resolve(warp, instruction, lane, addresses[lane], sizeof(E) * kVector, instruction.space, kRead);
    E values[kVector];
    std::memcpy(values, place.bytes, sizeof values);
    for (int k = 0; k < kVector; ++k) {
      d[k][lane] = values[k];
      for (int half = 0; half < kHalves<E>; ++half) {
        const u8* shadow = place.shadow + static_cast<u32>(k * kHalves<E> + half) * kHalfBytes<E>;
        undefined[k][half] |= static_cast<u32>(!is_initialized(shadow, kHalfBytes<E>)) << lane;
      }
    }
  });
  for (int k = 0; k < kVector; ++k) {
    if (is_sink(instruction, k)) continue;
    for (u32 half = 0; half < kHalves<E>; ++half) {
      set_undefined_part(warp, instruction.operand[k], half, active, undefined[k][half]);
      if (undefined[k][half] != 0) report_origin(warp, instruction, undefined[k][half]);
    }
  }
}

template <class E, int kVector>
void store(Warp& warp, const Instruction& instruction, u32 active) {
  const E* sources[kVector];
  u32 undefined[kVector][kHalves<E>];
  for (int k = 0; k < kVector; ++k) {
    const Register op = instruction.operand[k];
    sources[k] = warp.values<E>(op);
    for (u32 half = 0; half < kHalves<E>; ++half) undefined[k][half] = warp.uninitialized[op.id + half];
  }
  for_each_place(warp, instruction, active, sizeof(E) * kVector, kWrite, [&](int lane, const Place& place) {
    E values[kVector];
    for (int k = 0; k < kVector; ++k) values[k] = sources[k][lane];
    std::memcpy(place.bytes, values, sizeof values);
    for (int k = 0; k < kVector; ++k)
      for (int half = 0; half < kHalves<E>; ++half) {
        u8* shadow = place.shadow + static_cast<u32>(k * kHalves<E> + half) * kHalfBytes<E>;
        std::memset(shadow, (undefined[k][half] >> lane & 1) == 0, kHalfBytes<E>);
      }
  });
}

/// Loads into registers that are wider than the elements.
void load_extended(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 bytes = instruction.element_bytes, register_bytes = instruction.register_bytes[0];
  for_each_place(warp, instruction, active, bytes * instruction.vector, kRead, [&](int lane, const Place& place) {
    for (u32 k = 0; k < instruction.vector; ++k) {
      if (is_sink(instruction, static_cast<int>(k))) continue;
      u64 value = 0;
      std::memcpy(&value, place.bytes + k * bytes, bytes);
      const u32 unused_bits = 64 - 8 * bytes;
      if (instruction.sign_extend && unused_bits != 0)
        value = static_cast<u64>(static_cast<s64>(value << unused_bits) >> unused_bits);
      const Register op = instruction.operand[k];
      std::memcpy(warp.registers + op.offset + static_cast<u32>(lane) * register_bytes, &value, register_bytes);
      set_undefined(warp, op, 1u << lane, is_initialized(place.shadow + k * bytes, bytes) ? 0 : kFullWarp);
    }
  });
}

/// Stores from registers that are wider than the elements.
void store_truncated(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 bytes = instruction.element_bytes, register_bytes = instruction.register_bytes[0];
  for_each_place(warp, instruction, active, bytes * instruction.vector, kWrite, [&](int lane, const Place& place) {
    for (u32 k = 0; k < instruction.vector; ++k) {
      const Register op = instruction.operand[k];
      const u8* source = warp.registers + op.offset + static_cast<u32>(lane) * register_bytes;
      std::memcpy(place.bytes + k * bytes, source, bytes);
      std::memset(place.shadow + k * bytes, (warp.uninitialized[op.id] >> lane & 1) == 0, bytes);
    }
  });
}

template <class E>
Handler exact_handler(bool loads, int vector) {
  if (loads) return vector == 1 ? load<E, 1> : vector == 2 ? load<E, 2> : load<E, 4>;
  return vector == 1 ? store<E, 1> : vector == 2 ? store<E, 2> : store<E, 4>;
}

Handler exact_handler(bool loads, int bytes, int vector) {
  switch (bytes) {
    case 1:
      return exact_handler<u8>(loads, vector);
    case 2:
      return exact_handler<u16>(loads, vector);
    case 4:
      return exact_handler<u32>(loads, vector);
    default:
      return exact_handler<u64>(loads, vector);
  }
}

/// Takes the modifiers. Those for memory order, scope and caches have no effect here.
bool decode_modifiers(Encoding& encoding) {
  constexpr Space kSpaces[] = {kGlobal, kShared, kLocal, kParam, kGlobal};
  Instruction& instruction = encoding.instruction;
  encoding.take_one_of({"volatile", "relaxed", "weak", "acquire", "release"});
  encoding.take_one_of({"gpu", "cta", "sys"});
  const int space = encoding.take_one_of({"global", "shared", "local", "param", "const"});
  encoding.take("nc");
  encoding.take_one_of({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  instruction.space = space < 0 ? kGeneric : kSpaces[space];
  instruction.vector = encoding.take("v2") ? 2 : encoding.take("v4") ? 4 : 1;
  instruction.element_bytes = static_cast<u8>(size_of(encoding.type));
  instruction.sign_extend = is_signed(encoding.type);
  return encoding.complete() && encoding.type != Type::none && encoding.type != Type::pred;
}

void decode_address(Encoding& encoding, const Operand& address) {
  Instruction& instruction = encoding.instruction;
  if (instruction.space == kParam && address.symbol_space == kFrame) instruction.space = kFrame;
  if (address.of_symbol) {
    if (!address.resolved) reject("unknown symbol " + address.text);
    if (instruction.space == kGeneric) instruction.space = address.symbol_space;
    if (address.symbol_space == kParam && instruction.space != kParam) reject("a parameter in another space");
  }
  encoding.set_address(address);
}

/// The width of the registers among the elements, or the width of the type if there are only constants.
u8 register_bytes(const std::vector<Operand>& elements, u8 type_bytes) {
  u8 bytes = 0;
  for (const Operand& each : elements) {
    if (each.kind != Operand::reg) continue;
    if (bytes != 0 && bytes != each.bytes) reject("registers of different widths");
    bytes = each.bytes;
    if (bytes < type_bytes) reject("register " + each.text + " is narrower than its type");
  }
  return bytes == 0 ? type_bytes : bytes;
}

bool decode_memory(Encoding& encoding, bool loads) {
  encoding.expect_operands(2);
  if (!decode_modifiers(encoding)) return false;
  Instruction& instruction = encoding.instruction;
  decode_address(encoding, encoding.operands[loads ? 1 : 0]);
  const Operand& value = encoding.operands[loads ? 0 : 1];
  const std::vector<Operand> elements = value.kind == Operand::vector ? value.parts : std::vector<Operand>{value};
  if (elements.size() != instruction.vector)
    reject("expected " + std::to_string(instruction.vector) + " elements, got " + std::to_string(elements.size()));
  const u8 type_bytes = instruction.element_bytes;
  u8 bytes = register_bytes(elements, type_bytes);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].kind == Operand::reg) {
      instruction.operand[i] = elements[i].op;
    } else if (elements[i].kind == Operand::sink) {
      instruction.operand[i] = encoding.symbols.new_register(bytes);
      instruction.flags |= 1u << i;
    } else {
      if (loads) reject("expected a register, got " + elements[i].text);
      if (bytes != type_bytes) reject("a constant next to registers wider than the type");
      instruction.operand[i] = encoding.symbols.value(elements[i], encoding.type);
    }
  }
  instruction.register_bytes[0] = bytes;
  instruction.handler = bytes == type_bytes ? exact_handler(loads, type_bytes, instruction.vector)
                        : loads             ? load_extended
                                            : store_truncated;
  return true;
}

/// A hint, which has no effect on memory. Its address need not be one.
bool decode_prefetch(Encoding& encoding) {
  encoding.instruction.handler = [](Warp&, const Instruction&, u32) {};
  return true;
}

}  // namespace

void add_loads_and_stores(Table& table) {
  table.add("ld", [](Encoding& encoding) { return decode_memory(encoding, true); });
  table.add("st", [](Encoding& encoding) { return decode_memory(encoding, false); });
  table.add("prefetch", decode_prefetch);
}

}  // namespace ptx
