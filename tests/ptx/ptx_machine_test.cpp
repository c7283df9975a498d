// Tests of the emulator itself: small kernels with known answers.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "ptx/machine_cases.h"

namespace scorematch::ptx_cases {
namespace {

/// Memory for the host and the device.
template <class T>
class Managed {
 public:
  explicit Managed(int count) : count_(static_cast<std::size_t>(count)) {
    EXPECT_EQ(cudaMallocManaged(reinterpret_cast<void**>(&data_), count_ * sizeof(T), cudaMemAttachGlobal),
              cudaSuccess);
  }
  Managed(const Managed&) = delete;
  Managed& operator=(const Managed&) = delete;
  ~Managed() { cudaFree(data_); }
  T* data() const { return data_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + count_; }
  T& operator[](int i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

void wait() { ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess); }

/// Otherwise these tests would prove nothing.
TEST(PtxMachine, RunsOnTheEmulator) {
  cudaDeviceProp properties;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_STREQ(properties.name, "PTX emulator");
}

TEST(PtxMachine, AddsVectors) {
  constexpr int kCount = 1000;
  const Managed<float> a(kCount), b(kCount), c(kCount);
  for (int i = 0; i < kCount; ++i) a[i] = static_cast<float>(i), b[i] = static_cast<float>(2 * i);
  launch_add(a.data(), b.data(), c.data(), kCount);
  wait();
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(c[i], static_cast<float>(3 * i));
}

TEST(PtxMachine, LanesLoopIndependently) {
  constexpr int kCount = 64;
  const Managed<unsigned> in(kCount), out(kCount);
  for (int i = 0; i < kCount; ++i) in[i] = static_cast<unsigned>(7 * i + 1);
  launch_collatz(in.data(), out.data(), kCount);
  wait();
  for (int i = 0; i < kCount; ++i) {
    unsigned steps = 0;
    for (unsigned long long value = in[i]; value != 1; ++steps) value = value % 2 == 0 ? value / 2 : 3 * value + 1;
    EXPECT_EQ(out[i], steps) << in[i];
  }
}

int nested(int turns) {
  int r = 0;
  for (int i = 0; i < turns && r <= 100000; ++i) {
    const int k = i % 7;
    if (i % 3 == 0) continue;
    r = k == 1 ? r + 5 : k == 2 ? r ^ i : k == 4 ? r - 3 : r * 3 + 1;
  }
  return r;
}

TEST(PtxMachine, LanesReconvergeAfterNestedLoops) {
  const Managed<int> in(32), out(32);
  for (int i = 0; i < 32; ++i) in[i] = 37 * i % 41;
  launch_nested(in.data(), out.data());
  wait();
  for (int i = 0; i < 32; ++i) EXPECT_EQ(out[i], nested(in[i]) + nested(in[i ^ 5])) << i;
}

TEST(PtxMachine, AddsInSharedMemory) {
  constexpr int kBlocks = 4;
  const Managed<double> in(256 * kBlocks), out(kBlocks);
  std::iota(in.begin(), in.end(), 0.0);
  launch_reduce(in.data(), out.data(), kBlocks);
  wait();
  for (int i = 0; i < kBlocks; ++i) EXPECT_EQ(out[i], 256.0 * 256 * i + 255.0 * 128) << i;
}

TEST(PtxMachine, WarpsMeetAtNamedBarriers) {
  constexpr int kTimes = 5;
  const Managed<float> in(32 * kTimes), out(32 * kTimes);
  std::iota(in.begin(), in.end(), 0.0f);
  launch_hand_over(in.data(), out.data(), kTimes);
  wait();
  for (int i = 0; i < 32 * kTimes; ++i) EXPECT_EQ(out[i], in[i / 32 * 32 + 31 - i % 32]) << i;
}

/// CUDA's mathematical functions, which are PTX too: within a few units in the last place, as stated in its programming
/// guide.
TEST(PtxMachine, ComputesMathematicalFunctions) {
  const Managed<float> x(kMathValues), singles(kSingles * kMathValues);
  const Managed<double> doubles(kDoubles * kMathValues);
  for (int i = 0; i < kMathValues; ++i) x[i] = (static_cast<float>(i) - 31.7f) / 7;
  launch_math(x.data(), singles.data(), doubles.data());
  wait();
  const double pi = std::acos(-1.0);
  for (int i = 0; i < kMathValues; ++i) {
    const double y = static_cast<double>(x[i]), size = std::fabs(y), root = std::sqrt(size);
    const double single[] = {std::exp(y), std::log(size), std::sin(y), std::tanh(y), std::erf(y), root / y};
    const double twice[] = {std::exp(y), std::log(size), std::pow(size, 1.7), std::cos(pi * y), y / 3 + root};
    for (int k = 0; k < kSingles; ++k)
      EXPECT_NEAR(static_cast<double>(singles[kSingles * i + k]), single[k], 1e-6 * (1e-3 + std::fabs(single[k])))
          << k << " of " << y;
    for (int k = 0; k < kDoubles; ++k)
      EXPECT_NEAR(doubles[kDoubles * i + k], twice[k], 1e-12 * (1e-3 + std::fabs(twice[k]))) << k << " of " << y;
  }
}

/// Small integers, so that rounding does not matter.
class PtxMachineProducts : public testing::TestWithParam<std::pair<Mma, int>> {};

TEST_P(PtxMachineProducts, AreExact) {
  const auto [kind, depth] = GetParam();
  const Managed<float> a(16 * depth), b(8 * depth), c(16 * 8), d(16 * 8);
  std::mt19937 generator(1);
  std::uniform_int_distribution<int> integers(-15, 15);
  for (const auto* array : {&a, &b, &c})
    for (float& each : *array) each = static_cast<float>(integers(generator));
  launch_mma(kind, a.data(), b.data(), c.data(), d.data());
  wait();
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      float sum = c[i * 8 + j];
      for (int k = 0; k < depth; ++k) sum += a[i * depth + k] * b[k * 8 + j];
      EXPECT_EQ(d[i * 8 + j], sum) << i << " " << j;
    }
}

INSTANTIATE_TEST_SUITE_P(EveryShape, PtxMachineProducts,
                         testing::Values(std::pair{Mma::bf16_k16, 16}, std::pair{Mma::bf16_k16_ldmatrix, 16},
                                         std::pair{Mma::tf32_k8, 8}, std::pair{Mma::tf32_k4, 4},
                                         std::pair{Mma::bf16_k8, 8}));

TEST(PtxLaunch, EnforcesLimits) {
  struct Case {
    int blocks, threads, shared_bytes;
    bool bounded;
    cudaError_t expected;
  };
  for (const Case& each : {Case{1, 1024, 48 << 10, false, cudaSuccess},
                           {0, 32, 0, false, cudaErrorInvalidConfiguration},
                           {1, 0, 0, false, cudaErrorInvalidConfiguration},
                           {1, 1025, 0, false, cudaErrorInvalidConfiguration},
                           {1, 64, 0, true, cudaSuccess},
                           {1, 65, 0, true, cudaErrorInvalidValue},
                           {1, 32, (48 << 10) + 1, false, cudaErrorInvalidValue}}) {
    launch_nothing(each.blocks, each.threads, each.shared_bytes, each.bounded);
    EXPECT_EQ(cudaGetLastError(), each.expected) << each.threads << " threads, " << each.shared_bytes << " bytes";
  }
}

TEST(PtxLaunch, SharedMemoryMustBeRequested) {
  int most = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(allow_shared(most + 1), cudaErrorInvalidValue);
  cudaGetLastError();
  ASSERT_EQ(allow_shared(most), cudaSuccess);
  launch_nothing(1, 32, most, false);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  launch_nothing(1, 32, most + 1, false);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(allow_shared(48 << 10), cudaSuccess);
}

}  // namespace
}  // namespace scorematch::ptx_cases
