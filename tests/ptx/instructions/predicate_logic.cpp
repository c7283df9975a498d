// Logic of predicates: and, or, xor, not, mov.
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

enum Flag : u32 { kFirstNegated = 1, kSecondNegated = 2 };

u32 first_source(Warp& warp, const Instruction& instruction) {
  return warp.predicate(instruction.operand[1]) ^ (instruction.flags & kFirstNegated ? kFullWarp : 0);
}
u32 second_source(Warp& warp, const Instruction& instruction) {
  return warp.predicate(instruction.operand[2]) ^ (instruction.flags & kSecondNegated ? kFullWarp : 0);
}

void store(Warp& warp, const Instruction& instruction, u32 active, u32 result, u32 undefined) {
  set_predicate(warp, instruction.operand[0], active, result);
  set_undefined(warp, instruction.operand[0], active, undefined);
}

/// An initialized false decides the result, whatever the other source is.
void and_predicates(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 a = first_source(warp, instruction), b = second_source(warp, instruction);
  const u32 undefined_a = warp.undefined(instruction.operand[1]), undefined_b = warp.undefined(instruction.operand[2]);
  const u32 decided = (~undefined_a & ~a) | (~undefined_b & ~b);
  store(warp, instruction, active, a & b, (undefined_a | undefined_b) & ~decided);
}

/// An initialized true decides the result.
void or_predicates(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 a = first_source(warp, instruction), b = second_source(warp, instruction);
  const u32 undefined_a = warp.undefined(instruction.operand[1]), undefined_b = warp.undefined(instruction.operand[2]);
  const u32 decided = (~undefined_a & a) | (~undefined_b & b);
  store(warp, instruction, active, a | b, (undefined_a | undefined_b) & ~decided);
}

void xor_predicates(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 undefined = warp.undefined(instruction.operand[1]) | warp.undefined(instruction.operand[2]);
  store(warp, instruction, active, first_source(warp, instruction) ^ second_source(warp, instruction), undefined);
}

void not_predicate(Warp& warp, const Instruction& instruction, u32 active) {
  store(warp, instruction, active, ~first_source(warp, instruction), warp.undefined(instruction.operand[1]));
}

void move_predicate(Warp& warp, const Instruction& instruction, u32 active) {
  store(warp, instruction, active, first_source(warp, instruction), warp.undefined(instruction.operand[1]));
}

/// Operands d, a[, b]. The sources may be negated.
template <std::size_t kSources>
bool decode_sources(Encoding& encoding, Handler handler) {
  encoding.expect_operands(1 + kSources);
  encoding.destination(0);
  Instruction& instruction = encoding.instruction;
  instruction.handler = handler;
  for (std::size_t i = 0; i <= kSources; ++i) instruction.operand[i] = encoding.value(i, Type::pred);
  for (std::size_t i = 0; i < kSources; ++i)
    if (encoding.operands[1 + i].negated) instruction.flags |= 1u << i;
  return true;
}

}  // namespace

void add_predicate_logic(Table& table) {
  table.add("and.pred", [](Encoding& encoding) { return decode_sources<2>(encoding, and_predicates); });
  table.add("or.pred", [](Encoding& encoding) { return decode_sources<2>(encoding, or_predicates); });
  table.add("xor.pred", [](Encoding& encoding) { return decode_sources<2>(encoding, xor_predicates); });
  table.add("not.pred", [](Encoding& encoding) { return decode_sources<1>(encoding, not_predicate); });
  table.add("mov.pred", [](Encoding& encoding) { return decode_sources<1>(encoding, move_predicate); });
}

}  // namespace ptx
