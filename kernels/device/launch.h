// The one launch function. Typed arguments, a stream that cannot be forgotten, shared memory opted into, errors given
// back: a cudaError_t as an int, 0 for success. It neither waits nor allocates, so it may be captured. And loading a
// kernel without a launch.
#pragma once
#include <cstddef>
#include <utility>

#include "device/ptx.cuh"

struct CUstream_st;

namespace scorematch {
namespace kernels {

struct Grid {
  unsigned blocks_x = 1, blocks_y = 1;
  unsigned threads = 1;
  std::size_t shared_bytes = 0;
};

#if defined(__CUDACC__)

template <class... Parameters>
int launch(void (*kernel)(Parameters...), const Grid& grid, CUstream_st* stream, Parameters... arguments) {
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (grid.shared_bytes > kWithoutAsking) {
    const cudaError_t status =
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(grid.shared_bytes));
    if (status != cudaSuccess) return status;
  }
  void* pointers[] = {static_cast<void*>(&arguments)...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(grid.blocks_x, grid.blocks_y), dim3(grid.threads),
                          pointers, grid.shared_bytes, stream);
}

template <class... Parameters>
int load(void (*kernel)(Parameters...)) {
  cudaFuncAttributes attributes;  // finding them loads it
  return cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel));
}

#else

template <class... Parameters>
int launch(void (*kernel)(Parameters...), const Grid& grid, CUstream_st* stream, Parameters... arguments) {
  return simt::enqueue(stream, kernel, dim3(grid.blocks_x, grid.blocks_y), dim3(grid.threads), grid.shared_bytes,
                       arguments...);
}

template <class... Parameters>
int load(void (*)(Parameters...)) {
  return simt::load();
}

#endif

}  // namespace kernels
}  // namespace scorematch
