// The internals of the stand-in runtime.
#pragma once
#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simt/runtime/runtime.h"

using Work = std::function<int()>;  // a cudaError_t

struct CUgraph_st {
  std::vector<Work> nodes;
};
struct CUgraphExec_st {
  std::vector<Work> nodes;
};
struct CUstream_st {
  int device = 0;
  bool blocking = true;  // waits for the default stream, and the default stream waits for it
  std::deque<Work> queue;
  std::unique_ptr<CUgraph_st> capture;  // null: not being captured
  bool capture_broken = false;
};

namespace simt::runtime {

struct Memory {
  int device;
  std::size_t bytes;
  cudaMemoryType type = cudaMemoryTypeDevice;
};
using Allocations = std::map<const char*, Memory>;  // by address

struct State {
  Machine machine;
  Allocations memory;
  std::size_t bytes_in_use = 0;
  std::set<CUstream_st*> streams;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;
  int handles = 0;
  std::set<std::pair<int, const void*>> loaded;           // device, kernel
  std::set<std::pair<int, std::string>> loaded_products;  // device, cuBLASLt's algorithm
  std::map<int, CUstream_st> default_streams;             // by device
  cudaError_t fault = cudaSuccess;                        // sticky: the error of work on the device
  int calls = 0, fail_at = 0, enqueued = 0, waits = 0;
  bool has_failed = false;
  std::string failed_call;
};

/// One lock for everything, because there is only one executor.
std::recursive_mutex& lock();
State& state();
int& current_device();
cudaError_t& last_error();

/// Records an error for cudaGetLastError.
cudaError_t failed(cudaError_t error);
/// Whether this call, which can fail, is the one chosen to fail.
bool is_chosen(const char* call);

/// The stream that an argument means; null if it is not a stream.
CUstream_st* stream_of(cudaStream_t stream);
bool is_any_captured();
bool is_being_captured(cudaStream_t stream);
/// For a call that capture forbids: invalidates every capture in progress.
cudaError_t forbidden_by_capture();
/// Adds work to the stream, or to the graph that it is captured into.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Does all waiting work of one stream, or of all streams.
void drain(CUstream_st& stream);
void drain_all();
/// The allocation that holds these bytes, or memory.end().
Allocations::const_iterator find_memory(const void* p, std::size_t bytes);
bool is_device_memory(const void* p, std::size_t bytes);

#define SIMT_CALL(error)                                                    \
  const std::lock_guard<std::recursive_mutex> guard(simt::runtime::lock()); \
  if (simt::runtime::is_chosen(__func__)) return simt::runtime::failed(error)

}  // namespace simt::runtime
