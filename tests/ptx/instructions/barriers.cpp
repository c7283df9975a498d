// Barriers of blocks and warps, and fences.
#include "ptx/execution/report.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

/// bar.sync barrier[, threads] and bar.arrive barrier, threads; the interpreter and the scheduler implement them.
bool decode_block_barrier(Encoding& encoding) {
  const std::vector<Operand>& operands = encoding.operands;
  if (operands.empty() || operands.size() > 2) return false;
  for (const Operand& each : operands)
    if (each.kind != Operand::immediate) return false;
  encoding.instruction.flow = kBlockBarrier;
  encoding.instruction.immediate = static_cast<s64>(operands[0].bits);
  encoding.instruction.target = operands.size() > 1 ? static_cast<u32>(operands[1].bits) : 0;
  return operands[0].bits < kBarriers && encoding.instruction.target % kLanes == 0;
}

bool decode_arrival(Encoding& encoding) {
  encoding.instruction.flags = kArrives;
  return encoding.operands.size() == 2 && decode_block_barrier(encoding);
}

/// Operand 0: the member mask.
void synchronize_warp(Warp& warp, const Instruction& instruction, u32 active) {
  const u32 members = warp.values<u32>(instruction.operand[0])[__builtin_ctz(active)];
  const u32 missing = members & warp.live & ~active;
  if (missing != 0) fault(warp, instruction, __builtin_ctz(missing), "bar.warp.sync without this lane");
  ++warp.warp_barriers;
}

bool decode_warp_barrier(Encoding& encoding) {
  encoding.expect_operands(1);
  encoding.instruction.flow = kConverged;
  encoding.instruction.handler = synchronize_warp;
  encoding.instruction.operand[0] = encoding.value(0, Type::b32);
  encoding.instruction.members = 0;
  return true;
}

/// Memory is sequentially consistent here.
void do_nothing(Warp&, const Instruction&, u32) {}

bool decode_fence(Encoding& encoding) {
  encoding.instruction.handler = do_nothing;
  return true;
}

}  // namespace

void add_barriers(Table& table) {
  for (const char* opcode : {"bar.sync", "barrier.sync", "barrier.sync.aligned"})
    table.add(opcode, decode_block_barrier);
  for (const char* opcode : {"bar.arrive", "barrier.arrive", "barrier.arrive.aligned"})
    table.add(opcode, decode_arrival);
  table.add("bar.warp.sync", decode_warp_barrier);
  table.add("membar", decode_fence);
  table.add("fence", decode_fence);
}

}  // namespace ptx
