// Compares cuRAND's device Philox with ours over many counters, on a GPU.
#pragma once
#include <cstdint>

namespace scorematch {
namespace kernels {

/// Returns how many of the counters first ... first + count - 1 are mapped differently under `key`; -1 if CUDA fails.
/// @param change 0, or bits of our key to flip, so that all counters must differ. The compiler does not know the value,
/// so it cannot prove the two sides equal and remove both.
std::int64_t count_philox_mismatches(std::uint64_t first, std::int64_t count, std::uint64_t key, std::uint64_t change);

}  // namespace kernels
}  // namespace scorematch
