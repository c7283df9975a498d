// The state of a running block and its warps.
#pragma once
#include "ptx/execution/race.h"
#include "ptx/ptx.h"

namespace ptx {

constexpr int kLanes = 32;
constexpr u32 kFullWarp = 0xFFFFFFFFu;

/// Lanes that execute together.
struct Group {
  u32 counter;  // an index into the code
  u32 lanes;
  bool waits;  // for other lanes to arrive at the same instruction
};

/// A cp.async that has not been waited for.
struct AsyncCopy {
  u32 lane, group, destination, bytes, source_bytes;
  u64 source;
};

constexpr u32 kBarriers = 16;  // of a block
constexpr u32 kArrives = 1;    // a flag of barriers: the warp does not wait

/// A barrier with a number of threads.
struct NamedBarrier {
  u32 arrived = 0, threads = 0;
};

struct Warp;
struct Block {
  const Launch* launch = nullptr;
  u32 index[3] = {0, 0, 0};
  u32 number = 0;                  // in the grid
  std::vector<u8> shared, shadow;  // from kSharedStart on; shadow 1: initialized
  u32 shared_end = 0;
  std::vector<Trace> trace;  // of shared memory
  u32 barriers = 0;          // passed
  NamedBarrier named[kBarriers];
  std::vector<Warp>* warps = nullptr;
};

struct Warp {
  std::vector<u8> register_memory;
  u8* registers = nullptr;              // 32 lanes of the first, 32 lanes of the next, ...
  std::vector<u32> uninitialized;       // a mask of lanes per register id
  std::vector<u8> frame, frame_shadow;  // all of lane 0, all of lane 1, ...
  u32 frame_bytes = 0;                  // per lane
  std::vector<Group> groups;
  u32 number = 0;
  u32 started = 0, live = 0;  // lanes
  enum State { ready, at_barrier, done } state = ready;
  u32 barrier = 0, barrier_threads = 0;  // waits at; 0 threads: all of the block
  std::vector<AsyncCopy> copies;
  u32 async_group[kLanes] = {};
  Block* block = nullptr;
  const Program* program = nullptr;
  u64 executed = 0, thread_executed = 0;  // instructions
  int depth = 0;                          // of calls
  u32 warp_barriers = 0;                  // passed

  /// The 32 lanes of a register.
  template <class T>
  T* values(Register op) {
    return reinterpret_cast<T*>(registers + op.offset);
  }
  /// The lanes in which any part of a register is uninitialized.
  u32 undefined(Register op) const { return uninitialized[op.id] | (op.wide ? uninitialized[op.id + 1] : 0); }
  /// A predicate register, one bit per lane.
  u32& predicate(Register op) { return *reinterpret_cast<u32*>(registers + op.offset); }
};

}  // namespace ptx
