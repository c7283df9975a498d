// Device and shared memory: poisoned on allocation, surrounded by red zones, and marked where it is initialized.
// Asynchronous copies and atomics, which are accesses with their own rules.
#include <cstdlib>

#include "simt/allocations.h"
#include "simt/state.h"
#include "support/poisoned_memory.h"

namespace simt {
namespace {

constexpr std::size_t kFence = 256;

std::size_t with_fences(std::size_t bytes) {
  return scorematch::testing_support::rounded_up(bytes, kFence) + 2 * kFence;
}

/// Completes the copy.
void land(const Copy& copy) {
  if (copy.valid_bytes > 0)
    check_access(copy.from, static_cast<std::size_t>(copy.valid_bytes), false, false, place_of(copy.site));
  check_access(copy.to, 16, true, false, place_of(copy.site));
  std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.valid_bytes));
  std::memset(copy.to + copy.valid_bytes, 0, static_cast<std::size_t>(16 - copy.valid_bytes));
}

}  // namespace

std::map<std::uintptr_t, Allocation>& allocations() {
  static std::map<std::uintptr_t, Allocation> all;
  return all;
}

void* device_malloc(std::size_t bytes) {
  char* raw = scorematch::testing_support::allocate_poisoned(with_fences(bytes), kFence);
  char* p = raw + kFence;
  ASAN_POISON_MEMORY_REGION(raw, kFence);
  ASAN_POISON_MEMORY_REGION(p + bytes, with_fences(bytes) - kFence - bytes);
  allocations()[reinterpret_cast<std::uintptr_t>(p)] = {
      p, bytes, std::unique_ptr<Cell[], Free>(static_cast<Cell*>(std::calloc(bytes, sizeof(Cell))))};
  return p;
}

void device_free(void* p) {
  if (p == nullptr) return;
  const auto found = allocations().find(reinterpret_cast<std::uintptr_t>(p));
  if (found == allocations().end()) return report("device_free of a pointer that is not the start of an allocation");
  char* raw = static_cast<char*>(p) - kFence;
  const std::size_t bytes = with_fences(found->second.bytes);
  ASAN_UNPOISON_MEMORY_REGION(raw, bytes);
  allocations().erase(found);
  forget_last_allocation();
  scorematch::testing_support::free_poisoned(raw, bytes);
}

void device_copy(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  mark_initialized(to, bytes);
}

void device_fill(void* to, int byte, std::size_t bytes) {
  std::memset(to, byte, bytes);
  mark_initialized(to, bytes);
}

std::size_t device_allocations() { return allocations().size(); }

SharedArena::SharedArena(std::size_t size_)
    : bytes(static_cast<char*>(std::aligned_alloc(1024, size_))), size(size_), cells(std::make_unique<Cell[]>(size_)) {}

SharedArena::~SharedArena() {
  ASAN_UNPOISON_MEMORY_REGION(bytes, size);
  std::free(bytes);
}

bool Block::has(const char* p) const { return p >= arena->bytes && p < arena->bytes + g_arena_bytes; }

const Region* Block::region_of(const char* p, std::size_t bytes) const {
  for (const Region& each : regions)
    if (p >= arena->bytes + each.offset && p + bytes <= arena->bytes + each.offset + each.bytes) return &each;
  return nullptr;
}

void* take_shared(std::size_t offset, std::size_t bytes, int index, Site site) {
  Block& block = *self().block;
  const std::size_t at = offset + static_cast<std::size_t>(index + 1) * kRedZone;
  if (offset + bytes > g_launch.shared_bytes || static_cast<std::size_t>(index) >= kMaxArrays) {
    fatal("kernel carves ", offset + bytes, " bytes of shared memory, the launch gave ", g_launch.shared_bytes, ", at ",
          site);
    return nullptr;
  }
  for (const Region& each : block.regions)
    if (each.offset == at && each.bytes == bytes) return block.arena->bytes + at;
  block.regions.push_back({offset, bytes, at});
  ASAN_UNPOISON_MEMORY_REGION(block.arena->bytes + at, bytes);
  return block.arena->bytes + at;
}

std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const char*>(p) - self().block->arena->bytes);
}

const void* shared_pointer(std::uint32_t address) { return self().block->arena->bytes + address; }

void note_fence() { self().fenced = true; }

void note_atomic(void* p, std::size_t bytes, Site site) {
  Thread& t = self();
  check_access(p, bytes, true, true, place_of(site));
  std::set<std::uint32_t>& released = g_launch.released[p];
  t.block->acquired.insert(released.begin(), released.end());
  if (!t.fenced) return;
  released.insert(t.block->id);
  released.insert(t.block->acquired.begin(), t.block->acquired.end());
}

void cp_async16(void* shared, const void* global, int source_bytes, Site site) {
  Thread& t = self();
  const Copy copy{static_cast<char*>(shared), static_cast<const char*>(global), source_bytes, t.copy_group, site};
  if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 ||
      (source_bytes > 0 && reinterpret_cast<std::uintptr_t>(global) % 16 != 0))
    report("misaligned cp.async at " + name_of(site) + ", " + name_of(t));
  session().cp_async_bytes += static_cast<std::uint64_t>(source_bytes);
  if (options.order == Order::random && (random_number() & 1) != 0) {  // it may complete at once,
    land(copy);
    return;
  }
  check_access(shared, 16, true, false, place_of(site));
  std::memset(shared, 0xFF, 16);  // or only at the wait
  t.copies.push_back(copy);
}

void cp_async_commit() { ++self().copy_group; }

void cp_async_wait_for(int pending) {
  Thread& t = self();
  std::size_t kept = 0;
  for (const Copy& each : std::vector<Copy>(t.copies))
    if (each.group < t.copy_group - pending)
      land(each);
    else
      t.copies[kept++] = each;
  t.copies.resize(kept);
}

}  // namespace simt
