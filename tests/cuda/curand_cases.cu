#include "cuda/curand_cases.h"

#include <curand_kernel.h>
#include <thrust/count.h>
#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>

#include "scorematch/philox.h"

namespace scorematch {
namespace kernels {
namespace {

struct Differs {
  std::uint64_t key, change;

  __device__ bool operator()(std::uint64_t i) const {
    // All four words vary: an odd multiplier gives another bijection of i for the upper half.
    const std::uint64_t high = i * 0x9E3779B97F4A7C15u;
    const uint4 counter = make_uint4(static_cast<unsigned>(i), static_cast<unsigned>(i >> 32),
                                     static_cast<unsigned>(high), static_cast<unsigned>(high >> 32));
    const uint4 theirs =
        curand_Philox4x32_10(counter, make_uint2(static_cast<unsigned>(key), static_cast<unsigned>(key >> 32)));
    const philox::Block ours = philox::philox4x32_10({{counter.x, counter.y, counter.z, counter.w}}, key ^ change);
    return theirs.x != ours.word[0] || theirs.y != ours.word[1] || theirs.z != ours.word[2] || theirs.w != ours.word[3];
  }
};

}  // namespace

std::int64_t count_philox_mismatches(std::uint64_t first, std::int64_t count, std::uint64_t key, std::uint64_t change) {
  try {
    const thrust::counting_iterator<std::uint64_t> begin(first);
    return thrust::count_if(thrust::device, begin, begin + count, Differs{key, change});
  } catch (const std::exception&) {
    return -1;
  }
}

}  // namespace kernels
}  // namespace scorematch
