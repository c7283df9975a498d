// Moves, packing and unpacking of registers, and generic addresses.
#include "ptx/execution/report.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

template <class T>
void move(Warp& warp, const Instruction& instruction, u32 active) {
  const Register to = instruction.operand[0], from = instruction.operand[1];
  T* d = warp.values<T>(to);
  const T* a = warp.values<T>(from);
  for_each_lane(active, [=](int lane) { d[lane] = a[lane]; });
  for (u32 half = 0; half <= to.wide; ++half)
    set_undefined_part(warp, to, half, active, warp.uninitialized[from.id + half]);
}

/// d = {a0, a1, ...}, the lowest first.
template <class Whole, class Part, int kParts>
void pack(Warp& warp, const Instruction& instruction, u32 active) {
  const Register to = instruction.operand[0];
  const Register* from = instruction.operand + 1;
  Whole* d = warp.values<Whole>(to);
  const Part* parts[kParts];
  for (int k = 0; k < kParts; ++k) parts[k] = warp.values<Part>(from[k]);
  for_each_lane(active, [&](int lane) {
    Whole value = 0;
    for (unsigned k = 0; k < kParts; ++k)
      value = static_cast<Whole>(value | static_cast<Whole>(parts[k][lane]) << (8 * sizeof(Part) * k));
    d[lane] = value;
  });
  u32 undefined[2] = {0, 0};
  for (int k = 0; k < kParts; ++k) undefined[to.wide ? k * 2 / kParts : 0] |= warp.undefined(from[k]);
  for (u32 half = 0; half <= to.wide; ++half) set_undefined_part(warp, to, half, active, undefined[half]);
}

/// {d0, d1, ...} = a; operand 0 is a. Bit k of `flags`: d_k is not a sink.
template <class Whole, class Part, int kParts>
void unpack(Warp& warp, const Instruction& instruction, u32 active) {
  const Register from = instruction.operand[0];
  const Register* to = instruction.operand + 1;
  const u32 undefined[2] = {warp.uninitialized[from.id], warp.uninitialized[from.id + from.wide]};
  Whole values[kLanes];  // a destination may be the source
  std::memcpy(values, warp.values<Whole>(from), sizeof values);
  for (unsigned k = 0; k < kParts; ++k) {
    if ((instruction.flags >> k & 1) == 0) continue;
    Part* d = warp.values<Part>(to[k]);
    for_each_lane(active, [&](int lane) { d[lane] = static_cast<Part>(values[lane] >> (8 * sizeof(Part) * k)); });
    set_undefined(warp, to[k], active, undefined[k * 2 / kParts]);
  }
}

Handler pack_handler(int bytes, std::size_t parts) {
  if (bytes == 8 && parts == 2) return pack<u64, u32, 2>;
  if (bytes == 4 && parts == 2) return pack<u32, u16, 2>;
  if (bytes == 8 && parts == 4) return pack<u64, u16, 4>;
  return nullptr;
}

Handler unpack_handler(int bytes, std::size_t parts) {
  if (bytes == 8 && parts == 2) return unpack<u64, u32, 2>;
  if (bytes == 4 && parts == 2) return unpack<u32, u16, 2>;
  if (bytes == 8 && parts == 4) return unpack<u64, u16, 4>;
  return nullptr;
}

bool decode_vector_move(Encoding& encoding, std::size_t vector, bool packing) {
  Instruction& instruction = encoding.instruction;
  const std::vector<Operand>& parts = encoding.operands[vector].parts;
  const int bytes = size_of(encoding.type);
  instruction.handler = packing ? pack_handler(bytes, parts.size()) : unpack_handler(bytes, parts.size());
  if (instruction.handler == nullptr) return false;
  instruction.operand[0] = encoding.value(1 - vector, encoding.type);
  const Type part = bytes / static_cast<int>(parts.size()) == 4 ? Type::b32 : Type::b16;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!packing && parts[i].kind == Operand::sink) continue;
    instruction.operand[1 + i] = encoding.symbols.value(parts[i], part);
    instruction.flags |= 1u << i;
  }
  return true;
}

bool decode_move(Encoding& encoding) {
  encoding.expect_operands(2);
  if (!encoding.complete()) return false;
  if (encoding.operands[1].kind == Operand::vector) return decode_vector_move(encoding, 1, true);
  if (encoding.operands[0].kind == Operand::vector) return decode_vector_move(encoding, 0, false);
  Instruction& instruction = encoding.instruction;
  const int bytes = size_of(encoding.type);
  instruction.handler = bytes == 2 ? move<u16> : bytes == 4 ? move<u32> : bytes == 8 ? move<u64> : Handler(nullptr);
  encoding.destination(0);
  instruction.operand[0] = encoding.value(0, encoding.type);
  instruction.operand[1] = encoding.value(1, encoding.type);
  return instruction.handler != nullptr;
}

u64 window(Space space) {
  return space == kShared ? kSharedBase : space == kLocal ? kLocalBase : space == kParam ? kParamBase : 0;
}

/// cvta: converts an address in a space to a generic address.
void to_generic(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  const u64 base = window(instruction.space);
  u64* d = warp.values<u64>(op[0]);
  const u64* a = warp.values<u64>(op[1]);
  for_each_lane(active, [=](int lane) { d[lane] = a[lane] + base; });
  set_undefined(warp, op[0], active, warp.undefined(op[1]));
}

/// cvta.to: converts a generic address to an address in a space. The result is undefined if the address is in another
/// space: compilers move this instruction ahead of the branch that tests for the space.
void to_space(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  const u64 base = window(instruction.space);
  const u64 size = instruction.space == kGlobal ? kSharedBase : u64{1} << 32;
  u64* d = warp.values<u64>(op[0]);
  const u64* a = warp.values<u64>(op[1]);
  u32 elsewhere = 0;
  for_each_lane_in_order(active, [&](int lane) {
    if (a[lane] < base || a[lane] - base >= size) elsewhere |= 1u << lane;
    d[lane] = a[lane] - base;
  });
  set_undefined(warp, op[0], active, warp.undefined(op[1]) | elsewhere);
}

bool decode_address_conversion(Encoding& encoding) {
  constexpr Space kSpaces[] = {kGlobal, kGlobal, kShared, kLocal, kParam};
  const bool to = encoding.take("to");
  const int space = encoding.take_one_of({"global", "const", "shared", "local", "param"});
  if (space < 0 || !encoding.complete() || encoding.type != Type::u64) return false;
  encoding.expect_operands(2);
  encoding.destination(0);
  Instruction& instruction = encoding.instruction;
  instruction.space = kSpaces[space];
  instruction.handler = to ? to_space : to_generic;
  for (std::size_t i = 0; i < 2; ++i) instruction.operand[i] = encoding.value(i, Type::u64);
  return true;
}

/// Operands 0 and 1 hold offsets in the frame; `immediate` is the number of bytes.
void copy_in_frame(Warp& warp, const Instruction& instruction, u32 active) {
  const std::size_t bytes = static_cast<std::size_t>(instruction.immediate);
  const u32 to = instruction.operand[0].offset, from = instruction.operand[1].offset;
  for_each_lane_in_order(active, [&](int lane) {
    const std::size_t start = static_cast<std::size_t>(lane) * warp.frame_bytes;
    std::memcpy(&warp.frame[start + to], &warp.frame[start + from], bytes);
    std::memcpy(&warp.frame_shadow[start + to], &warp.frame_shadow[start + from], bytes);
  });
}

}  // namespace

Instruction frame_copy(u64 to, u64 from, u64 bytes) {
  Instruction copy;
  copy.handler = copy_in_frame;
  copy.name = "(argument)";
  copy.operand[0].offset = static_cast<u32>(to);
  copy.operand[1].offset = static_cast<u32>(from);
  copy.immediate = static_cast<s64>(bytes);
  return copy;
}

void add_moves(Table& table) {
  table.add("mov", decode_move);
  table.add("cvta", decode_address_conversion);
}

}  // namespace ptx
