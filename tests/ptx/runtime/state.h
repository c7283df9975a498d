// What the parts of the stand-in for the CUDA runtime share. Calls may come from any thread; a lock serializes them.
#pragma once
#include <cuda_runtime_api.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "ptx/runtime/machine.h"

namespace ptx::runtime {

std::recursive_mutex& lock();
#define PTX_CALL const std::lock_guard<std::recursive_mutex> call_guard(::ptx::runtime::lock())

/// Prints a line to standard error that begins with "emulator:".
void say(const std::string& text);

// ---- error.cpp

/// Makes `error` the last error of the thread, unless it is cudaSuccess, and returns it.
cudaError_t failed(cudaError_t error);
/// The error that work has ended with, or cudaSuccess. After an error, no more work is done.
cudaError_t& sticky_error();

// ---- device.cpp

/// The compute capability of the device: 90, or 80 with SCOREMATCH_PTX_CAPABILITY=80.
int capability();
/// The maximum shared memory of a block, in bytes.
u32 max_shared();

// ---- stream.cpp

using Work = std::function<cudaError_t()>;

/// Does the work at once, or records it if the stream is being captured. An error of the work becomes the sticky error.
cudaError_t enqueue(cudaStream_t stream, Work work);
bool is_any_captured();

// ---- memory.cpp

/// The allocation that contains all of these bytes; nullptr: none.
Alloc* allocation_of(const void* data, std::size_t bytes);
/// For these bytes of an allocation: one byte each, nonzero if it was written.
u8* written_bytes(const Alloc& allocation, const void* data);

}  // namespace ptx::runtime

struct CUgraph_st {
  std::vector<ptx::runtime::Work> nodes;
};
struct CUgraphExec_st {
  std::vector<ptx::runtime::Work> nodes;
};
struct CUstream_st {
  bool blocking = false;  // the legacy stream waits for it
  bool capturing = false, broken = false;
  std::vector<ptx::runtime::Work> captured;
};
