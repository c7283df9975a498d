// Device memory and copies. As CUDA promises, a copy from pageable memory copies what was there at the time of the
// call.
#include <cstring>

#include "simt/host.h"
#include "simt/runtime/state.h"

namespace simt::runtime {

Allocations::const_iterator find_memory(const void* p, std::size_t bytes) {
  const Allocations& memory = state().memory;
  const auto* at = static_cast<const char*>(p);
  auto found = memory.upper_bound(at);
  if (found == memory.begin()) return memory.end();
  --found;
  return at + bytes <= found->first + found->second.bytes ? found : memory.end();
}

bool is_device_memory(const void* p, std::size_t bytes) { return find_memory(p, bytes) != state().memory.end(); }

}  // namespace simt::runtime

using namespace simt::runtime;

namespace {

cudaError_t copy(void* to, const void* from, std::size_t bytes) {
  simt::device_copy(to, from, bytes);
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  SIMT_CALL(cudaErrorMemoryAllocation);
  if (is_any_captured()) return failed(forbidden_by_capture());
  State& s = state();
  if (bytes > s.machine.memory - s.bytes_in_use) return failed(cudaErrorMemoryAllocation);
  *p = simt::device_malloc(bytes);
  s.memory[static_cast<char*>(*p)] = {current_device(), bytes};
  s.bytes_in_use += bytes;
  return cudaSuccess;
}

cudaError_t cudaMallocManaged(void** p, std::size_t bytes, unsigned) {
  const cudaError_t error = cudaMalloc(p, bytes);
  if (error == cudaSuccess) state().memory[static_cast<char*>(*p)].type = cudaMemoryTypeManaged;
  return error;
}

/// Also accepts memory that CUDA does not know: it is host memory.
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* p) {
  SIMT_CALL(cudaErrorUnknown);
  const auto found = find_memory(p, 1);
  const bool known = found != state().memory.end();
  *attributes = {};
  attributes->type = known ? found->second.type : cudaMemoryTypeUnregistered;
  attributes->device = known ? found->second.device : cudaInvalidDeviceId;
  return cudaSuccess;
}

/// Frees the memory even if it returns an error, which is then one of work enqueued before.
cudaError_t cudaFree(void* p) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  if (p == nullptr) return cudaSuccess;
  State& s = state();
  const auto found = s.memory.find(static_cast<char*>(p));
  if (found == s.memory.end()) return failed(cudaErrorInvalidValue);
  const cudaError_t captured = is_any_captured() ? forbidden_by_capture() : cudaSuccess;
  drain_all();
  s.bytes_in_use -= found->second.bytes;
  s.memory.erase(found);
  simt::device_free(p);
  return failed(captured);
}

cudaError_t cudaMemset(void* p, int byte, std::size_t bytes) {
  SIMT_CALL(cudaErrorUnknown);
  if (!is_device_memory(p, bytes)) return failed(cudaErrorInvalidValue);
  return failed(enqueue(nullptr, [=] {
    simt::device_fill(p, byte, bytes);
    return cudaSuccess;
  }));
}

cudaError_t cudaMemsetAsync(void* p, int byte, std::size_t bytes, cudaStream_t stream) {
  SIMT_CALL(cudaErrorUnknown);
  if (!is_device_memory(p, bytes)) return failed(cudaErrorInvalidValue);
  return failed(enqueue(stream, [=] {
    simt::device_fill(p, byte, bytes);
    return cudaSuccess;
  }));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  SIMT_CALL(cudaErrorUnknown);
  const bool reads_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool writes_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  if (is_device_memory(from, bytes) != reads_device || is_device_memory(to, bytes) != writes_device)
    return failed(cudaErrorInvalidValue);
  if (kind == cudaMemcpyHostToDevice && stream_of(stream) != nullptr && !stream_of(stream)->capture) {
    const auto* host = static_cast<const char*>(from);
    return failed(enqueue(stream, [to, staged = std::vector<char>(host, host + bytes)] {
      return copy(to, staged.data(), staged.size());
    }));
  }
  const cudaError_t error = enqueue(stream, [=] {
    if (kind != cudaMemcpyDeviceToHost) return copy(to, from, bytes);
    std::memcpy(to, from, bytes);
    return cudaSuccess;
  });
  if (error == cudaSuccess && kind == cudaMemcpyDeviceToHost && !stream_of(stream)->capture) drain(*stream_of(stream));
  return failed(error);
}
}
