// Times of calls on the GPU, by CUDA events in the default stream.
#pragma once
#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <vector>

#include "device_sizes.h"

namespace scorematch::bench {

inline void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

/// Blocks the default stream until it is opened, so that work enqueued meanwhile runs without waiting for the host. It
/// opens by itself after 20 ms, because a call with more launches than the queue holds would otherwise wait for it
/// forever. Such a call takes longer than its launches do.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    open();
    cudaStreamSynchronize(nullptr);  // the stream may still access this object
  }
  void close() {
    is_open_ = false;
    check(cudaLaunchHostFunc(
        nullptr, [](void* gate) { static_cast<const Gate*>(gate)->wait(); }, this));
  }
  void open() { is_open_ = true; }

 private:
  void wait() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (!is_open_ && std::chrono::steady_clock::now() < end) {
    }
  }
  std::atomic<bool> is_open_ = true;
};

class Timer {
 public:
  Timer() {
    check(cudaEventCreate(&begin_));
    check(cudaEventCreate(&end_));
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  /// The median seconds of call(i), over device_sizes.calls.
  double median(const std::function<void(int)>& call) {
    std::vector<double> seconds;
    const int warm_ups = device_sizes.warm_ups, calls = device_sizes.calls;
    for (int i = 0; i < warm_ups + calls; ++i) {
      gate_.close();
      check(cudaEventRecord(begin_));
      call(i);
      check(cudaEventRecord(end_));
      gate_.open();
      check(cudaEventSynchronize(end_));
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, begin_, end_));
      if (i >= warm_ups) seconds.push_back(1e-3 * static_cast<double>(milliseconds));
    }
    std::nth_element(seconds.begin(), seconds.begin() + calls / 2, seconds.end());
    return seconds[static_cast<std::size_t>(calls / 2)];
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  Gate gate_;
};

}  // namespace scorematch::bench
