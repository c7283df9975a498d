// A test on the stand-in runtime: a fresh machine before it, nothing alive and no complaint of the executor's after it.
#pragma once
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <string>

#include "simt/host.h"
#include "simt/runtime/runtime.h"

namespace scorematch::testing_support {

class StandIn : public testing::Test {
 protected:
  StandIn() {
    simt::runtime::start();
    simt::session() = {};
  }
  ~StandIn() override {
    EXPECT_EQ(simt::runtime::live(), "");
    for (const std::string& each : simt::session().errors) ADD_FAILURE() << each;
    simt::session() = {};
  }
};

/// Scratch memory as it comes from CUDA: poisoned here, and reading what nobody wrote is reported.
class RawMemory {
 public:
  explicit RawMemory(std::size_t bytes) : bytes_(bytes) { EXPECT_EQ(cudaMalloc(&data_, bytes), cudaSuccess); }
  RawMemory(const RawMemory&) = delete;
  RawMemory& operator=(const RawMemory&) = delete;
  ~RawMemory() { cudaFree(data_); }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

}  // namespace scorematch::testing_support
