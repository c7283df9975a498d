// What the parts of the stand-in for CUDA's runtime share. Calls come from any thread, one at a time.
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

/// To standard error, as a line of the emulator's.
void say(const std::string& text);

// ---- error.cpp

/// Makes `error` the thread's last one, unless it is cudaSuccess, and returns it.
cudaError_t failed(cudaError_t error);
/// The error that work has ended with; no later work is done. cudaSuccess while there is none.
cudaError_t& sticky_error();

// ---- device.cpp

/// Of the device: 90, or 80 by SCOREMATCH_PTX_CAPABILITY=80.
int capability();
/// The most shared memory that a block may have, in bytes.
u32 most_shared();

// ---- stream.cpp

using Work = std::function<cudaError_t()>;

/// Does the work at once, or records it where the stream is being captured. What work ends with is the sticky error.
cudaError_t enqueue(cudaStream_t stream, Work work);
bool is_any_captured();

// ---- memory.cpp

/// The allocation that all these bytes are in; nullptr: none.
Alloc* allocation_of(const void* data, std::size_t bytes);
/// Of these bytes of an allocation: which of them are written, a byte each.
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
