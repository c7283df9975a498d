// Races: accesses of the same bytes by different threads, one of them a write, with no barrier between them.
#pragma once
#include "ptx/ptx.h"

namespace ptx {

/// A thread and the barriers that it had passed at an access.
struct Stamp {
  u32 launch = 0, block = 0;
  u16 warp = 0;
  u8 lane = 0;
  u32 barriers = 0, warp_barriers = 0;
};

/// The last accesses of two bytes of memory.
struct Trace {
  Stamp written, read;
  bool many_warps = false;  // read since the last barrier by more than one warp, or by more than one block
  bool many_lanes = false;  // read since the last warp barrier by more than one lane
  bool atomic = false;      // the last write
};

enum Access { kRead, kWrite, kAtomic };

/// SCOREMATCH_PTX_RACE: 0 no detection, 1 races between warps and blocks, 2 also between the lanes of a warp.
inline int race_level() {
  static const int level = static_cast<int>(env("SCOREMATCH_PTX_RACE", 0));
  return level;
}

/// Counts launches; 0 is before the first.
extern u32 current_launch;

/// The traces of the allocation that contains `address`.
Trace* trace_of(u64 address);

/// Checks an access of `bytes` bytes at the offset `at` of a traced memory, and records it.
void check_race(const Warp& warp, const Instruction& instruction, int lane, Trace* trace, u64 at, u32 bytes,
                Access access, bool global);

}  // namespace ptx
