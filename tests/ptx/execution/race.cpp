#include "ptx/execution/race.h"

#include <cstdlib>

#include "ptx/execution/report.h"

namespace ptx {

u32 current_launch = 0;

namespace {

bool same_block(const Stamp& a, const Stamp& b) { return a.launch == b.launch && a.block == b.block; }
/// Whether no barrier of the block separates two of its accesses.
bool same_period(const Stamp& a, const Stamp& b) { return same_block(a, b) && a.barriers == b.barriers; }
/// Whether no barrier of the warp separates two of its accesses.
bool same_warp_period(const Stamp& a, const Stamp& b) {
  return same_period(a, b) && a.warp == b.warp && a.warp_barriers == b.warp_barriers;
}

/// Whether two accesses by different threads are not ordered.
bool unordered(const Stamp& before, const Stamp& now) {
  if (before.launch != now.launch) return false;
  if (before.block != now.block) return true;
  if (before.barriers != now.barriers) return false;
  if (before.warp != now.warp) return true;
  return race_level() > 1 && before.lane != now.lane && before.warp_barriers == now.warp_barriers;
}

bool races_with_reads(const Trace& trace, const Stamp& now) {
  if (unordered(trace.read, now)) return true;
  if (trace.read.launch != now.launch) return false;
  if (trace.many_warps && (trace.read.block != now.block || trace.read.barriers == now.barriers)) return true;
  return trace.many_lanes && same_warp_period(trace.read, now);
}

void record_read(Trace& trace, const Stamp& now) {
  const Stamp& before = trace.read;
  trace.many_warps = same_period(before, now) && (trace.many_warps || before.warp != now.warp);
  trace.many_lanes = race_level() > 1 && same_warp_period(before, now) && (trace.many_lanes || before.lane != now.lane);
  if (before.launch == now.launch && before.block != now.block) trace.many_warps = true;
  trace.read = now;
}

void report_race(const Warp& warp, const Instruction& instruction, int lane, const char* what, const Stamp& other,
                 bool global) {
  ++stats.races;
  complain(std::string("race in ") + (global ? "global" : "shared") + " memory: " + what + ", block " +
           std::to_string(other.block) + " warp " + std::to_string(other.warp) + " lane " + std::to_string(other.lane) +
           ": " + where(warp, instruction, lane));
}

}  // namespace

Trace* trace_of(u64 address) {
  static Alloc* last = nullptr;
  static u64 generation = ~u64{0};
  if (generation != alloc_generation || address - last->base >= last->size) {
    last = find_alloc(address);
    generation = alloc_generation;
  }
  // A zero trace belongs to launch 0, which races with nothing.
  if (last->trace == nullptr) last->trace = std::calloc(last->size / 2 + 2, sizeof(Trace));
  return static_cast<Trace*>(last->trace);
}

void check_race(const Warp& warp, const Instruction& instruction, int lane, Trace* trace, u64 at, u32 bytes,
                Access access, bool global) {
  const Block& block = *warp.block;
  const Stamp now{current_launch, global ? block.number : 0, static_cast<u16>(warp.number), static_cast<u8>(lane),
                  block.barriers, warp.warp_barriers};
  const bool traced_exactly = bytes != 1;  // a trace covers two bytes, so single bytes may be neighbors
  for (u64 i = at / 2; i <= (at + bytes - 1) / 2; ++i) {
    Trace& each = trace[i];
    const bool after_write = traced_exactly && unordered(each.written, now);
    if (access == kRead) {
      if (after_write) report_race(warp, instruction, lane, "reads what another thread wrote", each.written, global);
      record_read(each, now);
      continue;
    }
    const bool both_atomic = access == kAtomic && each.atomic;
    if (races_with_reads(each, now))
      report_race(warp, instruction, lane, "writes what another thread reads", each.read, global);
    else if (after_write && !both_atomic)
      report_race(warp, instruction, lane, "writes what another thread wrote", each.written, global);
    each.written = now;
    each.atomic = access == kAtomic;
  }
}

}  // namespace ptx
