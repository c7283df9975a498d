// shfl.sync: values of other lanes.
#include "ptx/execution/report.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

enum class Shuffle { up, down, butterfly, index };

struct Source {
  int lane;
  bool in_range;
};

/// The lane that `lane` reads from. The control word contains the last lane and the mask of a segment.
template <Shuffle kMode>
Source source_of(int lane, int argument, u32 control) {
  const int clamp = static_cast<int>(control & 31), segment = static_cast<int>(control >> 8 & 31);
  const int first = lane & segment, last = first | (clamp & ~segment);
  switch (kMode) {
    case Shuffle::up:
      return {lane - argument, lane - argument >= last};  // here the clamp is the lowest lane
    case Shuffle::down:
      return {lane + argument, lane + argument <= last};
    case Shuffle::butterfly:
      return {lane ^ argument, (lane ^ argument) <= last};
    default:
      return {first | (argument & ~segment), (first | (argument & ~segment)) <= last};
  }
}

enum Flag : u32 { kHasPredicate = 1 };

void check_members(const Warp& warp, const Instruction& instruction, u32 active, u32 members, int lane) {
  if ((members >> lane & 1) == 0) fault(warp, instruction, lane, "shfl.sync by a lane that is not in its mask");
  if ((members & ~active) != 0)
    fault(warp, instruction, __builtin_ctz(members & ~active), "shfl.sync without this lane, which is in the mask");
}

// Operands d, p, a, b (the argument), c (the control word), mask.
template <Shuffle kMode>
void shuffle(Warp& warp, const Instruction& instruction, u32 active) {
  const Register* op = instruction.operand;
  u32 values[kLanes];  // d may be a
  std::memcpy(values, warp.values<u32>(op[2]), sizeof values);
  const u32 undefined_values = warp.undefined(op[2]);
  const u32 undefined_lanes = warp.undefined(op[3]) | warp.undefined(op[4]);
  u32 predicate = 0, undefined = 0;
  for (u32 rest = active; rest != 0; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    const u32 members = warp.values<u32>(op[5])[lane];
    check_members(warp, instruction, active, members, lane);
    const int argument = static_cast<int>(warp.values<u32>(op[3])[lane] & 31);
    Source source = source_of<kMode>(lane, argument, warp.values<u32>(op[4])[lane]);
    if (!source.in_range) source.lane = lane;
    if ((members & active & 1u << source.lane) == 0)
      fault(warp, instruction, lane,
            "shfl.sync from lane " + std::to_string(source.lane) + ", which does not take part");
    warp.values<u32>(op[0])[lane] = values[source.lane];
    predicate |= static_cast<u32>(source.in_range) << lane;
    undefined |= ((undefined_values >> source.lane & 1) | (undefined_lanes >> lane & 1)) << lane;
  }
  set_undefined(warp, op[0], active, undefined);
  if ((instruction.flags & kHasPredicate) == 0) return;
  set_predicate(warp, op[1], active, predicate);
  set_undefined(warp, op[1], active, undefined_lanes);
}

template <Shuffle kMode>
bool decode_shuffle(Encoding& encoding) {
  encoding.expect_operands(5);
  Instruction& instruction = encoding.instruction;
  instruction.flow = kConverged;
  instruction.handler = shuffle<kMode>;
  instruction.operand[0] = encoding.value(0, Type::b32);
  if (encoding.operands[0].has_second) {
    instruction.operand[1] = encoding.operands[0].second;
    instruction.flags = kHasPredicate;
  }
  for (std::size_t i = 1; i < 5; ++i) instruction.operand[1 + i] = encoding.value(i, Type::b32);
  instruction.members = 5;
  return true;
}

}  // namespace

void add_shuffles(Table& table) {
  table.add("shfl.sync.up.b32", decode_shuffle<Shuffle::up>);
  table.add("shfl.sync.down.b32", decode_shuffle<Shuffle::down>);
  table.add("shfl.sync.bfly.b32", decode_shuffle<Shuffle::butterfly>);
  table.add("shfl.sync.idx.b32", decode_shuffle<Shuffle::index>);
}

}  // namespace ptx
