// The executor as tests see it: device memory, options, what was found.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct CUstream_st;

namespace simt {

enum class Order { forward, reverse, random };
/// How a matrix instruction rounds a sum of products: once; after each; or, as tensor cores do, cut to 26 bits of the
/// largest addend.
enum class MmaRounding { exact, sequential, truncating };

struct Options {
  Order order = Order::random;  // of threads and of blocks
  std::uint64_t seed = 1;
  int resident_blocks = 1;  // more than one where blocks wait for each other
  MmaRounding mma = MmaRounding::exact;
  float approximation = 0;  // what the special function unit errs by, of its bounds: -1 to 1
  int max_reports = 8;
};
extern Options options;

struct Report {
  std::vector<std::string> errors;
  std::uint64_t launches = 0, switches = 0, barriers = 0, collectives = 0, mma = 0;
  std::uint64_t ldmatrix_phases = 0, ldmatrix_conflicts = 0, cp_async_bytes = 0;
};
/// Everything since it was last assigned {}.
Report& session();

/// Whether the kernels of this program were built to have their accesses looked at: bounds, alignment, initialisation,
/// races.
bool checking();

void* device_malloc(std::size_t bytes);  // poisoned, and uninitialised to the checker
void device_free(void* p);
void device_copy(void* to, const void* from, std::size_t bytes);  // either way; what is written is initialised
void device_fill(void* to, int byte, std::size_t bytes);
std::size_t device_allocations();

/// Where a launch goes instead of being run at once: a stand-in runtime's stream; and what loading a kernel ends with.
using EnqueueHook = int (*)(CUstream_st* stream, const void* kernel, std::function<int()> launch);
using LoadHook = int (*)(const void* kernel);
void set_hooks(EnqueueHook enqueue, LoadHook load);

constexpr int kInvalidConfiguration = 9, kLaunchFailure = 719;  // of cudaError_t

}  // namespace simt
