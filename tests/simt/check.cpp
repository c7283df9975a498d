// Checks every access: bounds, alignment, initialization, and races by happens-before. Two accesses of a byte, at least
// one of them a write, are ordered if they are separated by a block barrier, within a warp also by a __syncwarp, or
// between blocks by an atomic after a fence.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "simt/allocations.h"
#include "simt/state.h"

namespace simt {
namespace {

constexpr std::uint32_t kIsSite = 0x80000000u;

std::vector<Site> g_sites;
std::map<std::uint32_t, std::string> g_names;                  // of program counters
std::set<std::pair<std::uint32_t, std::uint32_t>> g_reported;  // pairs of places, reported once per launch
Allocation* g_last = nullptr;                                  // consecutive accesses are often to the same allocation
bool g_checking = false;

const char* program_base() {
  static const char* const base = [] {
    Dl_info info;
    dladdr(reinterpret_cast<const void*>(&program_base), &info);
    return static_cast<const char*>(info.dli_fbase);
  }();
  return base;
}

std::string last_part(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

/// The innermost frame that is neither in the executor nor in ptx.cuh.
std::string look_up(std::uint32_t counter) {
  char program[512], command[700], line[1024];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length > 0 ? length : 0] = '\0';
  std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x", program, counter - 1);
  std::string found = "??:0";
  FILE* const pipe = popen(command, "r");
  while (pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr) {
    found = line;
    if (found.find("simt/device.h") == std::string::npos && found.find("ptx.cuh") == std::string::npos) break;
  }
  if (pipe != nullptr) pclose(pipe);
  const auto end = found.find_first_of(" \n");
  return last_part(found.substr(0, end));
}

std::string name_of_place(std::uint32_t place) {
  if ((place & kIsSite) != 0) return name_of(g_sites[place & ~kIsSite]);
  std::string& name = g_names[place];
  if (name.empty()) name = look_up(place);
  return name;
}

/// Whether these places are reported for the first time.
bool is_new(std::uint32_t place, std::uint32_t other) { return g_reported.insert({place, other}).second; }

struct Access {
  const Thread& thread;
  const char* p;
  bool write, atomic, shared;
  std::uint32_t place;
};

std::string memory_name(const Access& a, const char* p) {
  if (!a.shared) return "global";
  const Region* region = a.thread.block->region_of(p, 1);
  return "shared+" + std::to_string(region->device_offset + static_cast<std::size_t>(p - a.thread.block->arena->bytes) -
                                    region->offset);
}

void report_race(const Access& a, const char* kind, std::uint32_t other_place, const std::string& other) {
  if (!is_new(a.place, other_place)) return;
  report(std::string("race (") + kind + ") on " + memory_name(a, a.p) + ": " + name_of_place(a.place) + " by " +
         name_of(a.thread) + " and " + name_of_place(other_place) + " by " + other);
}

/// Whether no barrier separates this access from an access of `thread` in the same barrier period.
bool unordered(const Thread& t, std::uint32_t warp_period, std::uint16_t thread) {
  if (thread == t.linear) return false;
  return thread / kWarp != t.warp || warp_period == t.block->warps[t.warp].period;
}

/// Whether `block` is another block of this launch, and this block has not acquired what that one did.
bool unseen(const Access& a, std::uint32_t block) {
  return !a.shared && block >= g_launch.first_block && block != a.thread.block->id &&
         a.thread.block->acquired.count(block) == 0;
}

void check_initialized(const Access& a, Cell& cell) {
  const std::uint32_t wanted = a.shared ? a.thread.block->id : 1;
  if (a.write && !a.atomic) return;
  if (cell.initialized == wanted || (!a.shared && g_last->initialized)) return;
  if (is_new(a.place, 4))
    report(std::string("read of uninitialized ") + (a.shared ? "shared" : "global") + " memory at " +
           name_of_place(a.place) + ", " + name_of(a.thread));
  cell.initialized = wanted;
}

void check_against_write(const Access& a, const Cell& cell) {
  if (a.atomic && cell.atomic) return;
  if (cell.write_period == a.thread.block->period) {
    if (unordered(a.thread, cell.write_warp_period, cell.writer))
      report_race(a, a.write ? "write-write" : "read-write", cell.write_at, "thread " + std::to_string(cell.writer));
  } else if (unseen(a, cell.write_block)) {
    report_race(a, a.write ? "write-write, blocks" : "read-write, blocks", cell.write_at, "another block");
  }
}

void check_against_reads(const Access& a, const Cell& cell) {
  const Thread& t = a.thread;
  if (cell.read_period == t.block->period) {
    const bool of_this_warp = cell.reader / kWarp == t.warp;
    const bool other_lane = cell.many_lanes && of_this_warp && cell.read_warp_period == t.block->warps[t.warp].period;
    if (cell.many_warps || other_lane || unordered(t, cell.read_warp_period, cell.reader))
      report_race(a, "write-read", cell.read_at, "thread " + std::to_string(cell.reader));
  } else if (!a.shared && cell.read_block >= g_launch.first_block && (cell.many_blocks || unseen(a, cell.read_block))) {
    report_race(a, "write-read, blocks", cell.read_at, "another block");
  }
}

void mark_write(const Access& a, Cell& cell) {
  const Thread& t = a.thread;
  cell.initialized = a.shared ? t.block->id : 1;
  cell.write_period = t.block->period;
  cell.write_block = t.block->id;
  cell.write_warp_period = t.block->warps[t.warp].period;
  cell.writer = static_cast<std::uint16_t>(t.linear);
  cell.write_at = a.place;
  cell.atomic = a.atomic;
  cell.read_period = cell.read_block = 0;
  cell.many_lanes = cell.many_warps = cell.many_blocks = false;
}

void mark_read(const Access& a, Cell& cell) {
  const Thread& t = a.thread;
  const std::uint32_t warp_period = t.block->warps[t.warp].period;
  if (cell.read_period == t.block->period) {
    if (cell.reader / kWarp != t.warp)
      cell.many_warps = true;
    else if (cell.reader != t.linear)
      cell.many_lanes = cell.read_warp_period == warp_period;
  } else {
    cell.many_lanes = cell.many_warps = false;
    cell.many_blocks = cell.many_blocks || (cell.read_block >= g_launch.first_block && cell.read_block != t.block->id);
  }
  cell.read_period = t.block->period;
  cell.read_block = t.block->id;
  cell.read_warp_period = warp_period;
  cell.reader = static_cast<std::uint16_t>(t.linear);
  cell.read_at = a.place;
}

void check_cell(const Access& a, Cell& cell) {
  check_initialized(a, cell);
  check_against_write(a, cell);
  if (!a.write) {
    mark_read(a, cell);
    return;
  }
  if (!(a.atomic && cell.atomic)) check_against_reads(a, cell);
  mark_write(a, cell);
}

/// What a thread may access unchecked: its own stack, its builtins, its arguments, constant tables.
bool is_private(const Thread& t, const char* p, bool write) {
  if (t.fiber.owns(p)) return true;
  const char* const thread = reinterpret_cast<const char*>(&t);
  if (p >= thread && p < thread + sizeof t) return true;
  const char* const arguments = static_cast<const char*>(g_launch.call.arguments.get());
  if (p >= arguments && p < arguments + g_launch.call.argument_bytes) return !write;
  extern const char program_begin asm("__executable_start"), program_end asm("end");
  return !write && p >= &program_begin && p < &program_end;
}

/// The cells of [p, p + bytes). On an invalid access, reports it and returns null.
Cell* cells_of(const Thread& t, const char* p, std::size_t bytes, bool write, std::uint32_t place, bool& shared) {
  const auto wrong = [&](const char* memory) {
    report(std::string(memory) + (write ? "write" : "read") + " of " + std::to_string(bytes) + " bytes at " +
           name_of_place(place) + ", " + name_of(t));
    end_launch();  // a separate statement: strings must be freed before the thread is left for good
  };
  shared = t.block->has(p);
  if (shared) {
    if (t.block->region_of(p, bytes) != nullptr) return t.block->arena->cells.get() + (p - t.block->arena->bytes);
    wrong("out-of-bounds shared ");
    return nullptr;
  }
  Allocation* const allocation = allocation_of(p, bytes);
  if (allocation != nullptr) return allocation->cells.get() + (p - allocation->base);
  if (!is_private(t, p, write)) wrong("invalid global ");
  return nullptr;
}

}  // namespace

std::string name_of(const Lane& thread) {
  return "thread " + std::to_string(thread.linear) + " block (" + std::to_string(thread.block_index.x) + "," +
         std::to_string(thread.block_index.y) + ")";
}

std::string name_of(Site site) { return last_part(site.file) + ":" + std::to_string(site.line); }

Allocation* allocation_of(const char* p, std::size_t bytes) {
  const auto holds = [&](const Allocation& a) { return p >= a.base && p + bytes <= a.base + a.bytes; };
  if (g_last != nullptr && holds(*g_last)) return g_last;
  auto above = allocations().upper_bound(reinterpret_cast<std::uintptr_t>(p));
  if (above == allocations().begin()) return nullptr;
  --above;
  if (!holds(above->second)) return nullptr;
  return g_last = &above->second;
}

void forget_last_allocation() { g_last = nullptr; }

void mark_initialized(void* p, std::size_t bytes) {
  const char* const begin = static_cast<const char*>(p);
  Allocation* const allocation = allocation_of(begin, bytes);
  if (allocation == nullptr) return;  // host memory
  if (bytes == allocation->bytes) allocation->initialized = true;
  if (allocation->initialized) return;
  for (std::size_t i = 0; i < bytes; ++i)
    allocation->cells[static_cast<std::size_t>(begin - allocation->base) + i].initialized = 1;
}

std::uint32_t place_of(Site site) {
  for (std::size_t i = 0; i < g_sites.size(); ++i)
    if (g_sites[i].line == site.line && g_sites[i].file == site.file) return static_cast<std::uint32_t>(i) | kIsSite;
  g_sites.push_back(site);
  return static_cast<std::uint32_t>(g_sites.size() - 1) | kIsSite;
}

std::uint32_t place_of(const void* program_counter) {
  return static_cast<std::uint32_t>(static_cast<const char*>(program_counter) - program_base());
}

bool checking() { return g_checking; }

void start_checking_launch() { g_reported.clear(); }

void check_access(const void* address, std::size_t bytes, bool write, bool atomic, std::uint32_t place) {
  if (g_lane == nullptr || !g_checking) return;
  const Thread& t = self();
  const char* const p = static_cast<const char*>(address);
  if (t.fiber.owns(p) || address == &g_lane) return;
  bool shared = false;
  Cell* const cells = cells_of(t, p, bytes, write, place, shared);
  if (cells == nullptr) return;
  const bool is_vector = bytes == 2 || bytes == 4 || bytes == 8 || bytes == 16;
  if (is_vector && reinterpret_cast<std::uintptr_t>(p) % bytes != 0 && is_new(place, 3))
    report("misaligned " + std::to_string(bytes) + "-byte access at " + name_of_place(place) + ", " + name_of(t));
  for (std::size_t i = 0; i < bytes;) {
    const Cell before = cells[i];
    check_cell({t, p + i, write, atomic, shared, place}, cells[i]);
    const Cell after = cells[i];
    // The bytes of a number have mostly been accessed together, so their cells are equal.
    for (++i; i < bytes && std::memcmp(&cells[i], &before, sizeof before) == 0; ++i) cells[i] = after;
  }
}

void enable_checking() { g_checking = true; }

}  // namespace simt
