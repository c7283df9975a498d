// Device memory: memory of the host, with one more byte per byte that says whether it was written.
#include <cstdlib>
#include <cstring>

#include "ptx/runtime/exported.h"
#include "ptx/runtime/state.h"
#include "support/poisoned_memory.h"

namespace ptx::runtime {
namespace {

constexpr std::size_t kAlignment = 256, kGuardBytes = 256, kMaxBytes = std::size_t{8} << 30;

using scorematch::testing_support::allocate_poisoned;
using scorematch::testing_support::free_poisoned;
using scorematch::testing_support::kPoison;

u8* allocate(std::size_t bytes, bool managed) {
  auto* const data = reinterpret_cast<u8*>(allocate_poisoned(bytes + kGuardBytes, kAlignment));
  auto* const written = static_cast<u8*>(std::calloc(bytes + 1, 1));
  if (data == nullptr || written == nullptr) {
    free_poisoned(reinterpret_cast<char*>(data), bytes + kGuardBytes);
    std::free(written);
    return nullptr;
  }
  if (managed) std::memset(written, 1, bytes);  // writes of the host to managed memory are not observed
  Alloc allocation;
  allocation.base = reinterpret_cast<u64>(data);
  allocation.size = bytes;
  allocation.managed = managed;
  allocation.shadow = written;
  allocs[allocation.base] = allocation;
  ++alloc_generation;
  return data;
}

void release(const Alloc& allocation) {
  std::free(allocation.shadow);
  std::free(allocation.trace);
  free_poisoned(reinterpret_cast<char*>(allocation.base), allocation.size + kGuardBytes);
  ++alloc_generation;
}

cudaMemcpyKind kind_of(const Alloc* to, const Alloc* from) {
  if (to != nullptr) return from != nullptr ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice;
  return from != nullptr ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

/// A copy to the host uses all bytes that it copies.
void check_copied_bytes(const u8* written, std::size_t bytes) {
  std::size_t unwritten = 0;
  for (std::size_t i = 0; i < bytes; ++i) unwritten += written[i] == 0;
  if (unwritten == 0 || env("SCOREMATCH_PTX_D2H", 1) == 0) return;
  ++stats.uninitialized;
  complain("a copy to the host of " + std::to_string(bytes) + " bytes, of which " + std::to_string(unwritten) +
           " are uninitialized");
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const Alloc *const target = allocation_of(to, bytes), *const source = allocation_of(from, bytes);
  if (kind == cudaMemcpyDefault) kind = kind_of(target, source);
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (bytes == 0) return cudaSuccess;
  if ((to_device && target == nullptr) || (from_device && source == nullptr)) {
    say("a copy of " + std::to_string(bytes) + " bytes outside device memory");
    return cudaErrorInvalidValue;
  }
  std::memmove(to, from, bytes);
  const u8* const read = from_device ? written_bytes(*source, from) : nullptr;
  if (to_device && from_device) {
    std::memmove(written_bytes(*target, to), read, bytes);
  } else if (to_device) {
    std::memset(written_bytes(*target, to), 1, bytes);
  } else if (from_device) {
    check_copied_bytes(read, bytes);
  }
  return cudaSuccess;
}

cudaError_t fill(void* data, int value, std::size_t bytes) {
  if (bytes == 0) return cudaSuccess;
  const Alloc* const allocation = allocation_of(data, bytes);
  if (allocation == nullptr) {
    say("cudaMemset of " + std::to_string(bytes) + " bytes outside device memory");
    return cudaErrorInvalidValue;
  }
  std::memset(data, value, bytes);
  // This is how tests mark memory as uninitialized.
  static const bool poisons = env("SCOREMATCH_PTX_FF", 0) != 0;
  std::memset(written_bytes(*allocation, data), poisons && value == kPoison ? 0 : 1, bytes);
  return cudaSuccess;
}

}  // namespace

Alloc* allocation_of(const void* data, std::size_t bytes) {
  const u64 at = reinterpret_cast<u64>(data);
  Alloc* const found = find_alloc(at);
  return found != nullptr && at - found->base + bytes <= found->size ? found : nullptr;
}

u8* written_bytes(const Alloc& allocation, const void* data) {
  return allocation.shadow + (reinterpret_cast<u64>(data) - allocation.base);
}

}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

unsigned char* emulator_memory(const void* data, std::size_t bytes) {
  PTX_CALL;
  const ptx::Alloc* const found = allocation_of(data, bytes);
  return found == nullptr ? nullptr : written_bytes(*found, data);
}

void emulator_report_unwritten(const char* what) {
  PTX_CALL;
  ++ptx::stats.uninitialized;
  ptx::complain(what);
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  PTX_CALL;
  if (is_any_captured()) return failed(cudaErrorStreamCaptureUnsupported);
  if (bytes > kMaxBytes) return failed(cudaErrorMemoryAllocation);
  *data = bytes == 0 ? nullptr : allocate(bytes, false);
  return bytes != 0 && *data == nullptr ? failed(cudaErrorMemoryAllocation) : cudaSuccess;
}

cudaError_t cudaMallocManaged(void** data, std::size_t bytes, unsigned) {
  PTX_CALL;
  *data = allocate(bytes, true);
  return *data == nullptr ? failed(cudaErrorMemoryAllocation) : cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  PTX_CALL;
  if (data == nullptr) return cudaSuccess;
  const auto found = ptx::allocs.find(reinterpret_cast<u64>(data));
  if (found == ptx::allocs.end()) return failed(cudaErrorInvalidValue);
  release(found->second);
  ptx::allocs.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** data, std::size_t bytes, cudaStream_t) { return cudaMalloc(data, bytes); }
cudaError_t cudaFreeAsync(void* data, cudaStream_t) { return cudaFree(data); }

cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  *data = std::malloc(bytes);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) { return cudaMallocHost(data, bytes); }

cudaError_t cudaFreeHost(void* data) {
  std::free(data);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  PTX_CALL;
  return enqueue(stream, [=] { return copy(to, from, bytes, kind); });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  PTX_CALL;
  const cudaError_t error = enqueue(nullptr, [=] { return copy(to, from, bytes, kind); });
  return error != cudaSuccess ? error : cudaDeviceSynchronize();
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  PTX_CALL;
  return enqueue(stream, [=] { return fill(data, value, bytes); });
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return cudaMemsetAsync(data, value, bytes, nullptr);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* data) {
  PTX_CALL;
  std::memset(static_cast<void*>(attributes), 0, sizeof *attributes);
  attributes->type = cudaMemoryTypeUnregistered;
  attributes->device = cudaInvalidDeviceId;
  const ptx::Alloc* const found = ptx::find_alloc(reinterpret_cast<u64>(data));
  if (found == nullptr) return cudaSuccess;
  attributes->type = found->managed ? cudaMemoryTypeManaged : cudaMemoryTypeDevice;
  attributes->device = 0;
  attributes->devicePointer = const_cast<void*>(data);
  if (found->managed) attributes->hostPointer = const_cast<void*>(data);
  return cudaSuccess;
}
}
