// Tests of the cuda engine run in two ways: on a GPU, or else reported as skipped; and, with SCOREMATCH_STAND_IN, on
// the stand-in runtime and the executor. There every test starts with a fresh machine, and must leave no live object
// and no error.
#pragma once
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "scorematch/engine.h"
#include "scorematch/error.h"
#if defined(SCOREMATCH_STAND_IN)
#include "simt/host.h"
#include "simt/runtime/runtime.h"
#endif

namespace scorematch::testing_support {

#if defined(SCOREMATCH_STAND_IN)

constexpr bool kOnStandIn = true;

class CudaTest : public testing::Test {
 protected:
  CudaTest() {
    simt::runtime::start();
    simt::session() = {};
  }
  ~CudaTest() override {
    EXPECT_EQ(simt::runtime::live(), "");
    for (const std::string& each : simt::session().errors) ADD_FAILURE() << each;
    simt::session() = {};
    choose_rounding(0);
  }
  /// Sets the schedule of the following launches.
  static void draw_schedule(std::uint64_t seed) { simt::options.seed = seed; }
  /// Sets how tensor cores round in the following launches: one of three models.
  static void choose_rounding(std::uint64_t n) { simt::options.mma = static_cast<simt::MmaRounding>(n % 3); }
};

#else

constexpr bool kOnStandIn = false;

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    try {
      Engine::cuda();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::device_unavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
  static void draw_schedule(std::uint64_t) {}
  static void choose_rounding(std::uint64_t) {}
};

#endif

/// Whether a GPU runs the tests, and not the stand-in or, with SCOREMATCH_EMULATED, the emulator of tests/ptx.
inline bool is_on_gpu() {
  static const bool is = !kOnStandIn && std::getenv("SCOREMATCH_EMULATED") == nullptr;
  return is;
}

/// The amount of work of a test, `full` on a GPU.
template <class T>
T amount(T small, T full) {
  return is_on_gpu() ? full : small;
}

/// Uninitialized device memory. The stand-in and the emulator report reads before a write; on a GPU it is filled with
/// NaN.
class RawMemory {
 public:
  explicit RawMemory(std::size_t bytes) : bytes_(bytes) {
    EXPECT_EQ(cudaMalloc(&data_, bytes), cudaSuccess);
    if (is_on_gpu()) {
      EXPECT_EQ(cudaMemset(data_, 0xFF, bytes), cudaSuccess);
    }
  }
  RawMemory(const RawMemory&) = delete;
  RawMemory& operator=(const RawMemory&) = delete;
  ~RawMemory() { cudaFree(data_); }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

class Stream {
 public:
  Stream() { EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// The recorded work that `work` enqueues on a stream; empty if it throws.
class Graph {
 public:
  template <class Work>
  Graph(const Stream& stream, const Work& work) {
    EXPECT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
    try {
      work();
    } catch (...) {
      cudaStreamEndCapture(stream.get(), &graph_);
      if (graph_ != nullptr) cudaGraphDestroy(graph_);
      throw;
    }
    EXPECT_EQ(cudaStreamEndCapture(stream.get(), &graph_), cudaSuccess);
    if (graph_ != nullptr) {
      EXPECT_EQ(cudaGraphInstantiate(&executable_, graph_, 0), cudaSuccess);
    }
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }
  void launch(const Stream& stream) const { EXPECT_EQ(cudaGraphLaunch(executable_, stream.get()), cudaSuccess); }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace scorematch::testing_support
