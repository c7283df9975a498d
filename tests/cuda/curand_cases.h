// cuRAND's device Philox and ours over many counters, on a GPU.
#pragma once
#include <cstdint>

namespace scorematch {
namespace kernels {

/// How many of the counters first ... + count - 1 are mapped differently under `key`; -1 where CUDA fails.
/// @param change 0; anything else flips bits of our key, so that all counters are to differ. The compiler cannot know
/// it, and so cannot prove the two sides equal and leave both out.
std::int64_t count_philox_mismatches(std::uint64_t first, std::int64_t count, std::uint64_t key, std::uint64_t change);

}  // namespace kernels
}  // namespace scorematch
