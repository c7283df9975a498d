// vote.sync, redux.sync and activemask: one result for all lanes of a warp.
#include "ptx/execution/report.h"
#include "ptx/instructions/functions.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// The lanes in the mask, operand 2. All of them must be active.
u32 members_of(Warp& warp, const Instruction& instruction, u32 active, const char* name) {
  const u32 members = warp.values<u32>(instruction.operand[2])[__builtin_ctz(active)];
  if ((members & ~active) != 0)
    fault(warp, instruction, __builtin_ctz(members & ~active), std::string(name) + " without this lane");
  return members;
}

void set_all(Warp& warp, Register op, u32 active, u32 value) {
  u32* d = warp.values<u32>(op);
  for_each_lane(active, [=](int lane) { d[lane] = value; });
}

enum class Vote { all, any, uniform, ballot };

// Operands d, p, mask; `flags` 1: p is negated.
template <Vote kMode>
void vote(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  const u32 members = members_of(warp, instruction, active, "vote.sync");
  const u32 votes = (warp.predicate(op[1]) ^ (instruction.flags ? kFullWarp : 0)) & members;
  const bool undefined = (warp.undefined(op[1]) & members) != 0;
  if (kMode == Vote::ballot) {
    set_all(warp, op[0], active, votes);
  } else {
    const bool all = votes == members, any = votes != 0;
    const bool result = kMode == Vote::all ? all : kMode == Vote::any ? any : all || !any;
    set_predicate(warp, op[0], active, result ? kFullWarp : 0);
  }
  set_undefined(warp, op[0], active, undefined ? kFullWarp : 0);
}

template <Vote kMode>
bool decode_vote(Encoding& encoding) {
  encoding.expect_operands(3);
  encoding.destination(0);
  Instruction& instruction = encoding.instruction;
  instruction.flow = kConverged;
  instruction.handler = vote<kMode>;
  instruction.operand[0] = encoding.value(0, kMode == Vote::ballot ? Type::b32 : Type::pred);
  instruction.operand[1] = encoding.value(1, Type::pred);
  instruction.flags = encoding.operands[1].negated;
  instruction.operand[2] = encoding.value(2, Type::b32);
  instruction.members = 2;
  return true;
}

// Operands d, a, mask.
template <class F>
void reduce(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  const u32 members = members_of(warp, instruction, active, "redux.sync");
  const u32* a = warp.values<u32>(op[1]);
  u32 value = a[__builtin_ctz(members)];
  for_each_lane_in_order(members & (members - 1), [&](int lane) { value = F::apply(value, a[lane]); });
  set_all(warp, op[0], active, value);
  set_undefined(warp, op[0], active, (warp.undefined(op[1]) & members) != 0 ? kFullWarp : 0);
}

template <class F>
bool decode_reduction(Encoding& encoding) {
  encoding.expect_operands(3);
  encoding.destination(0);
  Instruction& instruction = encoding.instruction;
  instruction.flow = kConverged;
  instruction.handler = reduce<F>;
  for (std::size_t i = 0; i < 3; ++i) instruction.operand[i] = encoding.value(i, Type::b32);
  instruction.members = 2;
  return true;
}

void active_mask(Warp& warp, const Instruction& instruction, u32 active) {
  set_all(warp, instruction.operand[0], active, active);
  set_undefined(warp, instruction.operand[0], active, 0);
}

}  // namespace

void add_votes(Table& table) {
  table.add("vote.sync.all.pred", decode_vote<Vote::all>);
  table.add("vote.sync.any.pred", decode_vote<Vote::any>);
  table.add("vote.sync.uni.pred", decode_vote<Vote::uniform>);
  table.add("vote.sync.ballot.b32", decode_vote<Vote::ballot>);
  for (const char* type : {".u32", ".s32"}) table.add(std::string("redux.sync.add") + type, decode_reduction<Add>);
  table.add("redux.sync.and.b32", decode_reduction<And>);
  table.add("redux.sync.or.b32", decode_reduction<Or>);
  table.add("redux.sync.xor.b32", decode_reduction<Xor>);
  table.add("activemask.b32", active_mask, Type::b32, {});
}

}  // namespace ptx
