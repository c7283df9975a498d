// The one launch function. It has typed arguments, requires a stream, enables the full shared memory, and returns a
// cudaError_t as an int, 0 for success. It neither waits nor allocates, so it may be captured once the kernel is
// loaded.
#pragma once
#include <cstddef>
#include <utility>

#include "device/ptx.cuh"
#include "loading.h"

struct CUstream_st;

namespace scorematch {
namespace kernels {

struct Grid {
  unsigned blocks_x = 1, blocks_y = 1;
  unsigned threads = 1;
  std::size_t shared_bytes = 0;
};

#if defined(__CUDACC__)

/// Loads a kernel onto the current device: querying its attributes does that.
template <class... Parameters>
int load(void (*kernel)(Parameters...)) {
  const auto* const function = reinterpret_cast<const void*>(kernel);
  cudaFuncAttributes attributes;
  int device = 0, most = 0;
  cudaError_t status = cudaFuncGetAttributes(&attributes, function);
  if (status == cudaSuccess) status = cudaGetDevice(&device);
  if (status == cudaSuccess) status = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (status == cudaSuccess)
    status = cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  most - static_cast<int>(attributes.sharedSizeBytes));
  return status;
}

template <class... Parameters>
int launch(void (*kernel)(Parameters...), const Grid& grid, CUstream_st* stream, Parameters... arguments) {
  if (stream == only_load()) return load(kernel);
  void* pointers[] = {static_cast<void*>(&arguments)...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(grid.blocks_x, grid.blocks_y), dim3(grid.threads),
                          pointers, grid.shared_bytes, stream);
}

#else

template <class... Parameters>
int load(void (*kernel)(Parameters...)) {
  return simt::load(reinterpret_cast<const void*>(kernel));
}

template <class... Parameters>
int launch(void (*kernel)(Parameters...), const Grid& grid, CUstream_st* stream, Parameters... arguments) {
  if (stream == only_load()) return load(kernel);
  return simt::enqueue(stream, kernel, dim3(grid.blocks_x, grid.blocks_y), dim3(grid.threads), grid.shared_bytes,
                       arguments...);
}

#endif

}  // namespace kernels
}  // namespace scorematch
