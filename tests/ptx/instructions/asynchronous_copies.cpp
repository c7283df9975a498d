// cp.async. The copy takes place when it is waited for. Until then, its destination is uninitialized.
#include "ptx/execution/memory.h"
#include "ptx/instructions/lanes.h"

namespace ptx {
namespace {

enum Flag : u32 { kHasSourceBytes = 1 };
constexpr s64 kWaitForAll = -1;  // even for copies that have not been committed

/// Operand 0: the number of source bytes, which may be less than the size of the copy; the rest is filled with zeros.
void start_copy(Warp& warp, const Instruction& instruction, u32 active) {
  const bool has_source_bytes = (instruction.flags & kHasSourceBytes) != 0;
  u32 undefined = warp.undefined(instruction.address.base) | warp.undefined(instruction.source.base);
  if (has_source_bytes) undefined |= warp.undefined(instruction.operand[0]);
  if ((undefined & active) != 0) report_uninitialized(warp, instruction, undefined & active, "an operand of cp.async");
  const u32 size = instruction.element_bytes;
  for_each_lane_in_order(active, [&](int lane) {
    const u32 destination = static_cast<u32>(address_in(warp, instruction.address, lane));
    const u64 source = address_in(warp, instruction.source, lane);
    const u32 source_bytes = has_source_bytes ? warp.values<u32>(instruction.operand[0])[lane] : size;
    if (source_bytes > size)
      fault(warp, instruction, lane,
            "cp.async: a source of " + std::to_string(source_bytes) + " bytes for a copy of " + std::to_string(size));
    if (destination % size != 0 || source % size != 0)
      fault(warp, instruction, lane, "cp.async: addresses must be aligned to " + std::to_string(size));
    const Place place = resolve(warp, instruction, lane, destination, size, kShared, kWrite);
    if (source_bytes != 0) {
      const Alloc* alloc = find_alloc(source);
      if (alloc == nullptr || source - alloc->base + source_bytes > alloc->size)
        fault(warp, instruction, lane, "cp.async: a source out of bounds");
    }
    std::memset(place.bytes, 0xFF, size);
    std::memset(place.shadow, 0, size);
    warp.copies.push_back({static_cast<u32>(lane), warp.async_group[lane], destination, size, source_bytes, source});
  });
}

void finish_copy(const Warp& warp, const Instruction& instruction, const AsyncCopy& copy) {
  const int lane = static_cast<int>(copy.lane);
  Block& block = *warp.block;
  const u32 at = copy.destination - kSharedStart;
  if (race_level() != 0) check_race(warp, instruction, lane, block.trace.data(), at, copy.bytes, kWrite, false);
  u8* bytes = block.shared.data() + at;
  u8* shadow = block.shadow.data() + at;
  std::memset(bytes, 0, copy.bytes);
  std::memset(shadow, 1, copy.bytes);
  if (copy.source_bytes == 0) return;
  const Alloc* alloc = find_alloc(copy.source);
  if (alloc == nullptr) fault(warp, instruction, lane, "cp.async: the source has been freed");
  std::memcpy(bytes, reinterpret_cast<const void*>(copy.source), copy.source_bytes);
  std::memcpy(shadow, alloc->shadow + (copy.source - alloc->base), copy.source_bytes);
}

void commit_group(Warp& warp, const Instruction&, u32 active) {
  for_each_lane(active, [&](int lane) { ++warp.async_group[lane]; });
}

/// `immediate`: the number of groups that may remain pending, or kWaitForAll.
void wait_for_groups(Warp& warp, const Instruction& instruction, u32 active) {
  std::size_t pending = 0;
  for (const AsyncCopy& copy : warp.copies) {
    const bool waits = (active >> copy.lane & 1) != 0;
    const u64 finished_at = copy.group + static_cast<u64>(instruction.immediate);
    const bool all = instruction.immediate == kWaitForAll;
    if (waits && (all || finished_at < warp.async_group[copy.lane]))
      finish_copy(warp, instruction, copy);
    else
      warp.copies[pending++] = copy;
  }
  warp.copies.resize(pending);
}

/// cp.async.cg.shared.global [destination], [source], bytes[, source bytes];
bool decode_copy(Encoding& encoding) {
  const std::vector<Operand>& operands = encoding.operands;
  if (operands.size() != 3 && operands.size() != 4) return false;
  if (operands[2].kind != Operand::immediate) reject("cp.async: expected a constant size, got " + operands[2].text);
  Instruction& instruction = encoding.instruction;
  const u64 size = operands[2].bits;
  const bool bypasses_l1 = encoding.take("cg");
  if (size != 16 && (bypasses_l1 || (size != 4 && size != 8)))
    reject("cp.async: a copy of " + std::to_string(size) + " bytes");
  if (!operands[0].has_base || operands[0].bytes != 4 || !operands[1].has_base || operands[1].bytes != 8)
    reject("cp.async: expected a 32-bit and a 64-bit address register");
  instruction.handler = start_copy;
  instruction.element_bytes = static_cast<u8>(size);
  instruction.address = {operands[0].op, operands[0].offset, 4, true};
  instruction.source = {operands[1].op, operands[1].offset, 8, true};
  if (operands.size() == 4) {
    instruction.flags = kHasSourceBytes;
    instruction.operand[0] = encoding.value(3, Type::u32);
  }
  return true;
}

bool decode_commit(Encoding& encoding) {
  encoding.instruction.handler = commit_group;
  return true;
}

bool decode_wait_all(Encoding& encoding) {
  encoding.instruction.handler = wait_for_groups;
  encoding.instruction.immediate = kWaitForAll;
  return true;
}

bool decode_wait(Encoding& encoding) {
  encoding.expect_operands(1);
  encoding.instruction.handler = wait_for_groups;
  encoding.instruction.immediate = static_cast<s64>(encoding.operands[0].bits);
  return encoding.operands[0].kind == Operand::immediate;
}

}  // namespace

void add_asynchronous_copies(Table& table) {
  table.add("cp.async.cg.shared.global", decode_copy);
  table.add("cp.async.ca.shared.global", decode_copy);
  table.add("cp.async.commit_group", decode_commit);
  table.add("cp.async.wait_all", decode_wait_all);
  table.add("cp.async.wait_group", decode_wait);
}

}  // namespace ptx
