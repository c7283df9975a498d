// The executor itself: correct kernels pass in every schedule with the right results, faulty ones are reported.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "simt/cases.h"
#include "simt/device.h"
#include "simt/host.h"

namespace simt {
namespace {

constexpr std::size_t kFloats = 1024;

class Executor : public ::testing::Test {
 protected:
  void SetUp() override {
    options = {};
    in_ = static_cast<float*>(device_malloc(kFloats * sizeof(float)));
    out_ = static_cast<float*>(device_malloc(kFloats * sizeof(float)));
    counter_ = static_cast<unsigned*>(device_malloc(sizeof(unsigned)));
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (float& each : values_) each = normal(generator);
    device_copy(in_, values_.data(), kFloats * sizeof(float));
  }
  void TearDown() override {
    for (void* each : std::initializer_list<void*>{in_, out_, counter_}) device_free(each);
    EXPECT_EQ(device_allocations(), 0u);
    options = {};
    session() = {};
  }

  /// Returns all reports of one launch.
  std::string run(Case which, int variant, std::uint64_t seed, unsigned blocks = 1, unsigned threads = 64,
                  std::size_t shared_bytes = 1024) {
    session() = {};
    options.seed = seed;
    device_fill(out_, 0, kFloats * sizeof(float));
    device_fill(counter_, 0, sizeof(unsigned));
    status_ = launch_case(which, variant, blocks, threads, shared_bytes, in_, out_, counter_);
    std::string all;
    for (const std::string& each : session().errors) all += each + "\n";
    EXPECT_EQ(status_ == 0, all.empty());
    return all;
  }
  void expect_sound(Case which, int variant, unsigned blocks = 1, unsigned threads = 64) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(run(which, variant, seed, blocks, threads), "");
  }
  void expect_report(Case which, int variant, const std::string& words, unsigned blocks = 1, unsigned threads = 64) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
      EXPECT_NE(run(which, variant, seed, blocks, threads).find(words), std::string::npos)
          << "seed " << seed << ": " << run(which, variant, seed, blocks, threads);
  }

  float *in_ = nullptr, *out_ = nullptr;
  unsigned* counter_ = nullptr;
  std::vector<float> values_ = std::vector<float>(kFloats);
  int status_ = 0;
};

/// Tests that need checks of the kernels' accesses.
class Checker : public Executor {
 protected:
  void SetUp() override {
    Executor::SetUp();
    if (!checking()) GTEST_SKIP() << "kernels are built without checks here";
  }
};

TEST_F(Executor, RunsCorrectKernels) {
  expect_sound(Case::exchange_in_warp, 1);
  expect_sound(Case::exchange_in_warp, 2);
  EXPECT_EQ(out_[0], 1.0f);
  EXPECT_EQ(out_[63], 62.0f);
  expect_sound(Case::exchange_in_block, 1);
  EXPECT_EQ(out_[0], 32.0f);
  expect_sound(Case::last_block, 1, 16);
  EXPECT_EQ(out_[16], 136.0f);
  expect_sound(Case::copy, 0);
  EXPECT_EQ(std::memcmp(out_, in_, 64 * sizeof(float)), 0);
  expect_sound(Case::half_warps, 0, 1, 32);
  EXPECT_EQ(out_[0], 8.0f);
  EXPECT_EQ(out_[16], 36.0f);
  expect_sound(Case::ballot, 0, 1, 32);
  EXPECT_EQ(out_[0], static_cast<float>(0x49));
  expect_sound(Case::copy_asynchronously, 1, 1, 32);
  EXPECT_EQ(std::memcmp(out_, in_, 128 * sizeof(float)), 0);
}

TEST_F(Executor, LetsWarpsMeetAtNamedBarriers) {
  expect_sound(Case::hand_over, 0);
  EXPECT_EQ(out_[0], 31.0f);
  expect_report(Case::hand_over, 1, "32 threads wait in a named barrier");
  expect_report(Case::hand_over, 2, "barrier 3 is called with");
  expect_report(Case::hand_over, 3, "comes again to a barrier");
  expect_report(Case::hand_over, 4, "no barrier 16 of 64 threads");
}

TEST_F(Executor, LetsBlocksWaitForEachOther) {
  options.resident_blocks = 8;
  expect_sound(Case::semaphore, 0, 8, 32);
  EXPECT_EQ(out_[0], 247.0f);  // 2^8 - 9: any other order gives another number
}

TEST_F(Executor, ReportsDivergenceAndExits) {
  expect_report(Case::half_warps, 1, "not in the mask", 1, 32);
  expect_report(Case::divergent_barrier, 0, "barrier divergence");
  expect_report(Case::early_return, 0, "barrier divergence");
  expect_report(Case::exited_lane, 0, "exited", 1, 32);
  expect_report(Case::waits_forever, 0, "deadlock", 1, 32);
}

TEST_F(Executor, ReportsInvalidLaunches) {
  EXPECT_NE(run(Case::copy, 0, 1, 1, 1025).find("invalid launch"), std::string::npos);
  EXPECT_EQ(status_, kInvalidConfiguration);
  EXPECT_NE(run(Case::copy, 0, 1, 0, 32).find("invalid launch"), std::string::npos);
  EXPECT_NE(run(Case::copy, 0, 1, 1, 32, 228 * 1024).find("invalid launch"), std::string::npos);
  EXPECT_NE(run(Case::too_much_shared, 0, 1, 1, 32, 128).find("carves 256 bytes"), std::string::npos);
}

TEST_F(Executor, ReportsOperandsThatAreNotTf32) { expect_report(Case::unrounded_tf32, 0, "not rounded", 1, 32); }

TEST_F(Executor, ReportsCopiesThatAreNotWaitedFor) {
  expect_report(Case::copy_asynchronously, 0, "still in flight at the end of its thread, issued at cases.cu:", 1, 32);
}

TEST_F(Checker, ReportsRaces) {
  expect_report(Case::exchange_in_warp, 0, "race (");
  expect_report(Case::exchange_in_block, 0, "race (");
  expect_report(Case::two_writers, 0, "race (write-write) on global");
  expect_report(Case::last_block, 0, "race (", 16);
  EXPECT_NE(run(Case::two_writers, 0, 3).find("cases.cu:"), std::string::npos);
}

TEST_F(Checker, ReportsUninitializedReads) {
  expect_report(Case::read_shared, 0, "read of uninitialized shared memory at cases.cu:");
  float* fresh = static_cast<float*>(device_malloc(64 * sizeof(float)));
  std::swap(fresh, in_);
  EXPECT_NE(run(Case::copy, 0, 1).find("read of uninitialized global memory"), std::string::npos);
  std::swap(fresh, in_);
  device_free(fresh);
}

TEST_F(Checker, ReportsAccessesOutOfBounds) {
  expect_report(Case::overrun, 0, "out-of-bounds shared read of 4 bytes at cases.cu:", 1, 32);
  float* const device = in_;
  in_ = values_.data();
  EXPECT_NE(run(Case::copy, 0, 1).find("invalid global read of 4 bytes"), std::string::npos);
  in_ = static_cast<float*>(device_malloc(63 * sizeof(float)));
  device_fill(in_, 0, 63 * sizeof(float));
  EXPECT_NE(run(Case::copy, 0, 1).find("invalid global read of 4 bytes"), std::string::npos);
  device_free(in_);
  in_ = device;
}

TEST_F(Checker, ReportsMisalignedVectors) { expect_report(Case::misaligned, 0, "misaligned 16-byte access", 1, 1); }

TEST_F(Executor, ReportsMisalignedCopies) {
  expect_report(Case::copy_asynchronously, 2, "misaligned cp.async at cases.cu:", 1, 32);
  expect_report(Case::copy_asynchronously, 3, "misaligned cp.async at cases.cu:", 1, 32);
}

TEST_F(Executor, ReportsInvalidMatrixRows) {
  expect_sound(Case::load_matrix, 0, 1, 32);
  expect_report(Case::load_matrix, 1, "ldmatrix row outside shared memory at cases.cu:", 1, 32);
  expect_report(Case::load_matrix, 2, "ldmatrix row outside shared memory at cases.cu:", 1, 32);
  expect_report(Case::load_matrix, 3, "ldmatrix row not aligned to 16 bytes at cases.cu:", 1, 32);
}

/// 1 + 3 2^-24 + 4 2^-26 = 1 + 2^-22. Added one after another, each is lost in 1, whose half unit is 2^-24 and whose
/// ties go to even. Truncation to 26 bits loses the last four addends and the half in 1 + 1.5 2^-23.
TEST_F(Executor, HasThreeRoundingsOfMatrixProducts) {
  std::fill(values_.begin(), values_.end(), 0.0f);
  for (std::size_t k = 0; k < 8; ++k) {
    const float part = k == 0 ? 1.0f : k < 4 ? 0x1p-12f : 0x1p-13f;
    values_[k] = part, values_[16 + k] = -part, values_[256 + k] = part;  // rows 0 and 1 of a, row 0 of b
  }
  device_copy(in_, values_.data(), kFloats * sizeof(float));
  const std::pair<MmaRounding, float> wanted[] = {
      {MmaRounding::exact, 1 + 0x1p-22f}, {MmaRounding::sequential, 1.0f}, {MmaRounding::truncating, 1 + 0x1p-23f}};
  for (const auto& [rounding, result] : wanted) {
    options.mma = rounding;
    EXPECT_EQ(run(Case::matrix_product, 0, 5, 1, 32, 2048), "");
    EXPECT_EQ(out_[0], result);
    EXPECT_EQ(out_[8], -result);
  }
}

TEST_F(Executor, MultipliesMatricesWithinTheBoundOfEachRounding) {
  for (const MmaRounding rounding : {MmaRounding::exact, MmaRounding::sequential, MmaRounding::truncating}) {
    options.mma = rounding;
    EXPECT_EQ(run(Case::matrix_product, 0, 5, 1, 32, 2048), "");
    const auto rounded = [&](int i) {
      return static_cast<double>(__uint_as_float(pack_bf16(0, values_[static_cast<std::size_t>(i)]) & 0xFFFF0000u));
    };
    for (int r = 0; r < 16; ++r)
      for (int c = 0; c < 8; ++c) {
        double sum = 0, size = 0;
        for (int k = 0; k < 16; ++k) {
          const double product = rounded(16 * r + k) * rounded(256 + 16 * c + k);
          sum += product;
          size += std::abs(product);
        }
        const double units = rounding == MmaRounding::exact ? 0.5 : 17;  // of 2^-23: one rounding, or one per addend
        EXPECT_NEAR(out_[8 * r + c], sum, units * 0x1p-23 * size) << "row " << r << " column " << c;
      }
  }
}

TEST_F(Executor, RoundsLikeTheInstructions) {
  EXPECT_EQ(pack_bf16(1.0f, -2.0f), 0xC0003F80u);
  EXPECT_EQ(pack_bf16(__uint_as_float(0x3F808000u), 0), 0x3F80u);  // a tie goes to even
  EXPECT_EQ(pack_bf16(__uint_as_float(0x3F818000u), 0), 0x3F82u);
  EXPECT_EQ(pack_bf16(__uint_as_float(0x3F808001u), 0), 0x3F81u);
  EXPECT_EQ(pack_bf16(INFINITY, NAN), 0x7FFF7F80u);
  EXPECT_EQ(pack_bf16(3.4e38f, 0), 0x7F80u);
}

TEST_F(Executor, RepeatsAScheduleFromItsSeed) {
  std::vector<std::uint64_t> switches;
  for (int i = 0; i < 2; ++i) {
    run(Case::last_block, 1, 9, 16);
    switches.push_back(session().switches);
  }
  EXPECT_EQ(switches[0], switches[1]);
  EXPECT_EQ(session().barriers, 16u);
}

}  // namespace
}  // namespace simt
