// cuRAND's device Philox is bit-identical to ours on a GPU.
#include "cuda/cuda_fixture.h"
#include "cuda/curand_cases.h"

namespace scorematch::testing_support {
namespace {

class CurandOnTheDevice : public CudaTest {};

TEST_F(CurandOnTheDevice, PhiloxIsOurs) {
  for (const std::uint64_t key : {0ull, 1ull, 0x123456789ABCDEF0ull})
    EXPECT_EQ(kernels::count_philox_mismatches(0xFFFFFFFFull - 1000, 1 << 22, key, 0), 0) << key;
  EXPECT_EQ(kernels::count_philox_mismatches(0, 1 << 10, 7, 1), 1 << 10);  // another key gives other words
}

}  // namespace
}  // namespace scorematch::testing_support
