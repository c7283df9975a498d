// The only device: a Hopper with few multiprocessors, or an Ampere with compute capability 8.0.
#include <cstdlib>
#include <cstring>

#include "ptx/runtime/state.h"

namespace ptx::runtime {
namespace {

constexpr std::size_t kMemoryBytes = std::size_t{8} << 30;
constexpr int kMaxThreads = 1024, kMaxGridX = 2147483647, kMaxGridYZ = 65535;

thread_local int current_device = 0;

/// Of the only device: several processes may emulate several.
char device_number() { return static_cast<char>(env("SCOREMATCH_PTX_DEVICE", 0)); }
int multiprocessors() { return static_cast<int>(env("SCOREMATCH_PTX_SMS", 4)); }

}  // namespace

int capability() {
  static const int chosen = [] {
    const long asked = env("SCOREMATCH_PTX_CAPABILITY", 90);
    if (asked == 80 || asked == 90) return static_cast<int>(asked);
    say("SCOREMATCH_PTX_CAPABILITY: expected 80 or 90, got " + std::to_string(asked));
    std::abort();
  }();
  return chosen;
}

u32 max_shared() { return capability() == 80 ? 166912 : kSharedOptin; }

}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : failed(cudaErrorInvalidDevice); }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  std::memset(static_cast<void*>(p), 0, sizeof *p);
  std::strcpy(p->name, "PTX emulator");
  p->uuid.bytes[15] = device_number();
  p->major = capability() / 10;
  p->minor = capability() % 10;
  p->totalGlobalMem = kMemoryBytes;
  p->sharedMemPerBlock = ptx::kSharedDefault;
  p->sharedMemPerBlockOptin = max_shared();
  p->reservedSharedMemPerBlock = ptx::kSharedStart;
  p->sharedMemPerMultiprocessor = p->sharedMemPerBlockOptin + p->reservedSharedMemPerBlock;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = kMaxThreads;
  p->maxThreadsPerMultiProcessor = 2048;
  p->maxBlocksPerMultiProcessor = 32;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = kMaxThreads;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = kMaxGridX;
  p->maxGridSize[1] = p->maxGridSize[2] = kMaxGridYZ;
  p->multiProcessorCount = multiprocessors();
  p->l2CacheSize = 50 << 20;
  p->memoryBusWidth = 5120;
  p->unifiedAddressing = p->managedMemory = p->concurrentManagedAccess = 1;
  p->totalConstMem = 65536;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = multiprocessors();
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = capability() / 10;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = capability() % 10;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(ptx::kSharedDefault);
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(max_shared());
      return cudaSuccess;
    case cudaDevAttrMaxGridDimX:
      *value = kMaxGridX;
      return cudaSuccess;
    case cudaDevAttrWarpSize:
      *value = 32;
      return cudaSuccess;
    default:
      say("cudaDeviceGetAttribute: unknown attribute " + std::to_string(attribute));
      return failed(cudaErrorInvalidValue);
  }
}

cudaError_t cudaDeviceSynchronize() {
  PTX_CALL;
  if (!is_any_captured()) return failed(sticky_error());
  return failed(cudaErrorStreamCaptureUnsupported);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = kMemoryBytes;
  return cudaSuccess;
}
}
