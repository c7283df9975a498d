// cuRAND's device Philox and ours over many counters, on a GPU.
#pragma once
#include <cstdint>

namespace scorematch {
namespace kernels {

/// How many of the counters first ... + count - 1 are mapped differently under `key`; -1 where CUDA fails.
std::int64_t count_philox_mismatches(std::uint64_t first, std::int64_t count, std::uint64_t key);

}  // namespace kernels
}  // namespace scorematch
