// The executor's internals: threads, warps, blocks, and the functions that its files call of each other.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "simt/device.h"
#include "simt/fiber.h"
#include "simt/host.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)0)
#endif

namespace simt {

constexpr unsigned kWarp = 32;
constexpr int kBarriers = 16;  // of a block
constexpr std::size_t kMaxShared = 227 * 1024;
constexpr std::size_t kRedZone = 1024;  // between carved arrays; preserves their offsets modulo banks and swizzles
constexpr std::size_t kMaxArrays = 20;  // carved by one kernel

/// A copy in progress. It completes at once or when it is waited for.
struct Copy {
  char* to;
  const char* from;
  int valid_bytes, group;
  Site site;
};

enum class State : std::uint8_t { ready, at_barrier, at_named_barrier, in_collective, done };

struct Thread : Lane {
  Fiber fiber;
  State state = State::ready;
  Site site{};
  const char* waits_in = "";
  std::vector<Copy> copies;
  int copy_group = 0;
  bool fenced = false;
};

/// A collective that lanes of a warp are joining.
struct Gathering {
  bool live = false;
  Op op{};
  std::uint32_t mask = 0, arrived = 0;
  Site site{};
  void* record[kWarp] = {};
};
struct Warp {
  Gathering gatherings[4];   // with disjoint masks
  std::uint32_t period = 0;  // counts __syncwarp of the full warp
};

/// The last write and read of one byte. `period` counts block barriers over all blocks; `block` counts blocks over all
/// launches, so old marks need not be cleared.
struct Cell {
  std::uint32_t initialized = 0;  // 1: permanently; otherwise the block that owned the shared memory
  std::uint32_t write_period = 0, write_block = 0, write_warp_period = 0, write_at = 0;
  std::uint32_t read_period = 0, read_block = 0, read_warp_period = 0, read_at = 0;
  std::uint16_t writer = 0, reader = 0;
  bool atomic = false, many_lanes = false, many_warps = false, many_blocks = false;
};
static_assert(std::has_unique_object_representations_v<Cell>);  // cells are compared by memcmp

struct SharedArena {
  explicit SharedArena(std::size_t size);
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;
  ~SharedArena();

  char* bytes;
  std::size_t size;
  std::unique_ptr<Cell[]> cells;
};
struct Region {
  std::size_t device_offset, bytes, offset;
};

/// A barrier with a number, since it last ended.
struct NamedBarrier {
  int threads = 0;               // that it was called with
  std::set<unsigned> arrived;    // threads of the block
  std::vector<Thread*> waiting;  // those of them that wait
};

struct Block {
  std::vector<Thread*> threads;
  std::vector<Warp> warps;
  unsigned arrived = 0, alive = 0;
  Site barrier{};
  NamedBarrier named[kBarriers];
  std::uint32_t id = 0, period = 0;
  SharedArena* arena = nullptr;
  std::vector<Region> regions;
  std::set<std::uint32_t> acquired;  // blocks whose released writes are visible to this one

  bool has(const char* p) const;
  const Region* region_of(const char* p, std::size_t bytes) const;
};

struct Launch {
  Call call{};
  std::size_t shared_bytes = 0;
  std::uint32_t first_block = 1;
  bool aborted = false;
  std::map<void*, std::set<std::uint32_t>> released;  // by atomics after a fence
};
extern Launch g_launch;
extern std::size_t g_arena_bytes;

inline Thread& self() { return *static_cast<Thread*>(g_lane); }
std::uint64_t random_number();
std::string name_of(const Lane& thread);
std::string name_of(Site site);

/// Adds to the session's errors.
void report(std::string message);
/// Ends the launch. The calling thread does not continue.
void end_launch();

inline void append(std::string& message, std::string_view text) { message += text; }
inline void append(std::string& message, Site site) { message += name_of(site); }
inline void append(std::string& message, const Lane& thread) { message += name_of(thread); }
template <class Count, class = std::enable_if_t<std::is_integral_v<Count>>>
void append(std::string& message, Count count) {
  message += std::to_string(count);
}

/// Reports the joined pieces and ends the launch. They are joined here, because a string of the caller would never be
/// freed.
template <class... Pieces>
void fatal(const Pieces&... pieces) {
  {
    std::string message;
    (append(message, pieces), ...);
    report(std::move(message));
  }
  end_launch();
}

// ---- scheduler.cpp
void make_ready(Thread& thread);
void switch_away(bool dies);

// ---- tensor.cpp
void run_matrix_op(const Gathering& gathering, Block& block, unsigned warp);

// ---- check.cpp
/// Where an access is made: a program counter, or a Site with the top bit set.
std::uint32_t place_of(Site site);
std::uint32_t place_of(const void* program_counter);
/// One access of a kernel, before it happens. Does nothing if kernels were compiled without checks.
void check_access(const void* p, std::size_t bytes, bool write, bool atomic, std::uint32_t place);
void start_checking_launch();

}  // namespace simt
