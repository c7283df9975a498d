// The emulator's reports: for each mistake, a program, its expected message, and its expected exit.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "ptx/machine_cases.h"

namespace scorematch::ptx_cases {
namespace {

constexpr int kFloats = 64, kFaulted = 5, kComplained = 99;

float* zeros() {
  void* data = nullptr;
  if (cudaMalloc(&data, kFloats * sizeof(float)) != cudaSuccess) std::abort();
  if (cudaMemset(data, 0, kFloats * sizeof(float)) != cudaSuccess) std::abort();
  return static_cast<float*>(data);
}

/// Ends the program with kFaulted after a fault, or with 99 if the emulator complained.
[[noreturn]] void run(Mistake mistake, const char* races = "0") {
  setenv("SCOREMATCH_PTX_RACE", races, 1);
  launch_mistake(mistake, zeros());
  std::exit(cudaDeviceSynchronize() == cudaErrorIllegalAddress ? kFaulted : 0);
}

class PtxMistake : public testing::Test {
 protected:
  // A new process each time, because options are read once.
  PtxMistake() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

auto faults() { return testing::ExitedWithCode(kFaulted); }
auto complains() { return testing::ExitedWithCode(kComplained); }

TEST_F(PtxMistake, OutOfBounds) {
  EXPECT_EXIT(run(Mistake::reads_past_the_end), faults(), "global memory out of bounds");
  EXPECT_EXIT(run(Mistake::reads_shared_past_the_end), faults(), "shared memory");
}

TEST_F(PtxMistake, Misaligned) { EXPECT_EXIT(run(Mistake::reads_misaligned), faults(), "FAULT: .*align"); }

TEST_F(PtxMistake, Uninitialized) {
  EXPECT_EXIT(run(Mistake::branches_on_unwritten), complains(), "uninitialized value is used as a predicate");
  EXPECT_EXIT(run(Mistake::addresses_by_unwritten), complains(), "uninitialized value is used as an address");
  EXPECT_EXIT(run(Mistake::reads_before_the_copy_is_done), complains(), "uninitialized|cp.async");
}

TEST_F(PtxMistake, UninitializedBytesInACopyToTheHost) {
  const auto copy = [](bool poisoned) {
    if (poisoned) setenv("SCOREMATCH_PTX_FF", "1", 1);
    void* data = nullptr;
    float host[kFloats];
    if (cudaMalloc(&data, sizeof host) != cudaSuccess) std::abort();
    if (poisoned && cudaMemset(data, 0xFF, sizeof host) != cudaSuccess) std::abort();
    std::exit(cudaMemcpy(host, data, sizeof host, cudaMemcpyDeviceToHost));
  };
  EXPECT_EXIT(copy(false), complains(), "copy to the host of 256 bytes, of which 256 are uninitialized");
  EXPECT_EXIT(copy(true), complains(), "copy to the host of 256 bytes, of which 256 are uninitialized");
}

TEST_F(PtxMistake, Races) {
  EXPECT_EXIT(run(Mistake::races_between_warps, "1"), complains(), "race");
  EXPECT_EXIT(run(Mistake::races_between_lanes, "2"), complains(), "race");
}

TEST_F(PtxMistake, Barriers) {
  EXPECT_EXIT(run(Mistake::leaves_a_barrier), faults(), "different barriers");
  EXPECT_EXIT(run(Mistake::comes_with_another_size), faults(), "another size");
}

TEST_F(PtxMistake, Convergence) {
  EXPECT_EXIT(run(Mistake::shuffles_with_missing_lanes), faults(), "FAULT");
  EXPECT_EXIT(run(Mistake::diverges_where_uniform), faults(), "bra.uni");
}

TEST_F(PtxMistake, DivisionByZero) { EXPECT_EXIT(run(Mistake::divides_by_zero), faults(), "zero"); }

TEST_F(PtxMistake, WrongSpace) {
  EXPECT_EXIT(run(Mistake::takes_global_for_shared), complains(), "uninitialized value is used as an address");
}

TEST_F(PtxMistake, UnknownInstruction) {
  EXPECT_EXIT(run(Mistake::unknown_instruction), testing::KilledBySignal(SIGABRT), "add.f16x2");
}

/// As on a GPU: after a fault everything fails with its error, but memory can still be freed.
TEST_F(PtxMistake, AFaultStopsTheDevice) {
  const auto go_on = [] {
    float* const data = zeros();
    launch_mistake(Mistake::reads_past_the_end, data);
    launch_nothing(1, 32, 0, false);
    std::exit(cudaGetLastError() == cudaErrorIllegalAddress && cudaFree(data) == cudaSuccess ? 7 : 1);
  };
  EXPECT_EXIT(go_on(), testing::ExitedWithCode(7), "FAULT");
}

}  // namespace
}  // namespace scorematch::ptx_cases
