// Addresses: bounds, alignment, and where the bytes and their shadow are.
#pragma once
#include "ptx/execution/report.h"

namespace ptx {

struct Place {
  u8* bytes;
  u8* shadow;  // per byte, 1: initialized
};

/// Finds the allocation for the instruction's cache, or faults.
void find_allocation(const Warp& warp, const Instruction& instruction, int lane, u64 address);
[[noreturn]] void fault_unaligned(const Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes);
[[noreturn]] void fault_bounds(const Warp& warp, const Instruction& instruction, int lane, u64 address, Space space);

/// The space of a generic address. Converts the address to one in that space.
inline Space space_of(u64& address) {
  if (address < kSharedBase) return kGlobal;
  if (address < kLocalBase) return address -= kSharedBase, kShared;
  if (address < kParamBase) return address -= kLocalBase, kLocal;
  return address -= kParamBase, kParam;
}

inline Place resolve_global(const Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes,
                            Access access) {
  CachedAllocation& cache = instruction.cache;
  if (cache.generation != alloc_generation || address - cache.base >= cache.size)
    find_allocation(warp, instruction, lane, address);
  const u64 at = address - cache.base;
  if (at + bytes > cache.size) fault_bounds(warp, instruction, lane, address, kGlobal);
  if (race_level() != 0) check_race(warp, instruction, lane, trace_of(address), at, bytes, access, true);
  return {reinterpret_cast<u8*>(address), cache.shadow + at};
}

inline Place resolve_shared(const Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes,
                            Access access) {
  Block& block = *warp.block;
  if (address < kSharedStart || address + bytes > block.shared_end)
    fault_bounds(warp, instruction, lane, address, kShared);
  const u64 at = address - kSharedStart;
  if (race_level() != 0) check_race(warp, instruction, lane, block.trace.data(), at, bytes, access, false);
  return {block.shared.data() + at, block.shadow.data() + at};
}

/// Checks an access of `bytes` bytes, a power of two, by one lane. Faults if it is not allowed.
inline Place resolve(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes, Space space,
                     Access access) {
  if ((address & (bytes - 1)) != 0) fault_unaligned(warp, instruction, lane, address, bytes);
  if (space == kGeneric) space = space_of(address);
  switch (space) {
    case kGlobal:
      return resolve_global(warp, instruction, lane, address, bytes, access);
    case kShared:
      return resolve_shared(warp, instruction, lane, address, bytes, access);
    case kLocal:
    case kFrame: {
      if (address + bytes > warp.frame_bytes) fault_bounds(warp, instruction, lane, address, kLocal);
      const u64 at = static_cast<u64>(lane) * warp.frame_bytes + address;
      return {warp.frame.data() + at, warp.frame_shadow.data() + at};
    }
    default: {
      static u8 initialized[64];  // filled at each use, since a handler may write to it
      std::memset(initialized, 1, sizeof initialized);
      const std::vector<u8>& params = warp.block->launch->params;
      if (address + bytes > params.size()) fault_bounds(warp, instruction, lane, address, kParam);
      return {const_cast<u8*>(params.data()) + address, initialized};
    }
  }
}

/// The address that an instruction computes for one lane.
inline u64 address_in(Warp& warp, const Address& address, int lane) {
  if (!address.has_base) return static_cast<u64>(address.offset);
  if (address.base_bytes == 4) return warp.values<u32>(address.base)[lane] + static_cast<u32>(address.offset);
  return warp.values<u64>(address.base)[lane] + static_cast<u64>(address.offset);
}

inline void check_address_initialized(const Warp& warp, const Instruction& instruction, u32 active) {
  const Address& address = instruction.address;
  if (!address.has_base) return;
  const u32 lanes = warp.undefined(address.base) & active;
  if (lanes != 0) report_uninitialized(warp, instruction, lanes, "an address");
}

/// Whether all of 1, 2, 4 or 8 bytes are initialized.
inline bool is_initialized(const u8* shadow, u32 bytes) {
  u64 flags = 0;
  switch (bytes) {
    case 1:
      return shadow[0] != 0;
    case 2:
      std::memcpy(&flags, shadow, 2);
      return flags == 0x0101;
    case 4:
      std::memcpy(&flags, shadow, 4);
      return flags == 0x01010101;
    default:
      std::memcpy(&flags, shadow, 8);
      return flags == 0x0101010101010101;
  }
}

}  // namespace ptx
