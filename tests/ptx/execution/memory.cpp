#include "ptx/execution/memory.h"

#include <cstdio>

namespace ptx {

std::map<u64, Alloc> allocs;
u64 alloc_generation = 0;

namespace {

std::string hexadecimal(u64 address) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  return text;
}

/// Describes an address relative to the allocation below it.
std::string neighborhood(u64 address) {
  const auto next = allocs.upper_bound(address);
  if (next == allocs.begin()) return "no allocation below";
  const Alloc& below = std::prev(next)->second;
  return std::to_string(address - below.base) + " bytes into an allocation of " + std::to_string(below.size);
}

}  // namespace

Alloc* find_alloc(u64 address) {
  auto found = allocs.upper_bound(address);
  if (found == allocs.begin()) return nullptr;
  --found;
  return address < found->second.base + found->second.size ? &found->second : nullptr;
}

void find_allocation(const Warp& warp, const Instruction& instruction, int lane, u64 address) {
  const Alloc* found = find_alloc(address);
  if (found == nullptr)
    fault(warp, instruction, lane,
          "global memory out of bounds: " + hexadecimal(address) + " (" + neighborhood(address) + ")");
  instruction.cache = {found->base, found->size, alloc_generation, found->shadow};
}

void fault_unaligned(const Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes) {
  fault(warp, instruction, lane,
        "misaligned address " + std::to_string(address) + " for an access of " + std::to_string(bytes) + " bytes");
}

void fault_bounds(const Warp& warp, const Instruction& instruction, int lane, u64 address, Space space) {
  std::string what;
  switch (space) {
    case kGlobal:
      what = "global memory: an access past the end of an allocation of " + std::to_string(instruction.cache.size) +
             " bytes at " + std::to_string(address - instruction.cache.base);
      break;
    case kShared:
      what = "shared memory out of bounds: " + std::to_string(address) + " is not in " + std::to_string(kSharedStart) +
             " ... " + std::to_string(warp.block->shared_end);
      break;
    case kParam:
      what = "parameters out of bounds: " + std::to_string(address);
      break;
    default:
      what = "local memory out of bounds: " + std::to_string(address) + " of " + std::to_string(warp.frame_bytes);
  }
  fault(warp, instruction, lane, what);
}

}  // namespace ptx
