// The executor's interface for tests: device memory, options, reports.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct CUstream_st;

namespace simt {

enum class Order { forward, reverse, random };
/// How a matrix instruction rounds a sum of products: once; after each addition; or truncated to 26 bits of the largest
/// addend, as tensor cores do.
enum class MmaRounding { exact, sequential, truncating };

struct Options {
  Order order = Order::random;  // of threads and of blocks
  std::uint64_t seed = 1;
  int resident_blocks = 1;  // more than one if blocks wait for each other
  MmaRounding mma = MmaRounding::exact;
  float approximation = 0;  // error of the special function unit, as a fraction of its bound: -1 to 1
  int max_reports = 8;
};
extern Options options;

struct Report {
  std::vector<std::string> errors;
  std::uint64_t launches = 0, switches = 0, barriers = 0, collectives = 0, mma = 0;
  std::uint64_t ldmatrix_phases = 0, ldmatrix_conflicts = 0, cp_async_bytes = 0;
};
/// Everything since {} was last assigned to it.
Report& session();

/// Whether the kernels of this program were compiled with checks of their accesses: bounds, alignment, initialization,
/// races.
bool checking();

void* device_malloc(std::size_t bytes);  // poisoned; the checker treats it as uninitialized
void device_free(void* p);
void device_copy(void* to, const void* from,
                 std::size_t bytes);  // in either direction; marks the destination as initialized
void device_fill(void* to, int byte, std::size_t bytes);
std::size_t device_allocations();

/// Where launches go instead of being run at once: a stream of a stand-in runtime. And what is called to load a kernel.
using EnqueueHook = int (*)(CUstream_st* stream, const void* kernel, std::function<int()> launch);
using LoadHook = int (*)(const void* kernel);
void set_hooks(EnqueueHook enqueue, LoadHook load);

constexpr int kInvalidConfiguration = 9, kLaunchFailure = 719;  // of cudaError_t

}  // namespace simt
