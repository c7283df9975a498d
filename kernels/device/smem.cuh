// Shared memory, carved as typed, named arrays from the one dynamic block of a launch:
//
//   SCOREMATCH_SHARED(block);
//   Carver carve(block);
//   float* partial = carve.take<float>(kWarps);
#pragma once
#include <cstddef>

#include "device/ptx.cuh"

#if defined(__CUDACC__)
#define SCOREMATCH_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#else
#define SCOREMATCH_SHARED(name) unsigned char* const name = nullptr
#endif

namespace scorematch {
namespace kernels {

/// Bytes take<T>(count) uses: arrays start on 128 bytes.
template <class T>
__host__ __device__ constexpr std::size_t shared_bytes(std::size_t count) {
  return (count * sizeof(T) + 127) / 128 * 128;
}

class Carver {
 public:
  SCOREMATCH_DEVICE explicit Carver(unsigned char* block) : block_(block) {}

  /// Every thread of the block takes the same arrays in the same order.
#if defined(__CUDACC__)
  template <class T>
  SCOREMATCH_DEVICE T* take(std::size_t count) {
    T* array = reinterpret_cast<T*>(block_ + used_);
    used_ += shared_bytes<T>(count);
    return array;
  }
#else
  template <class T>
  T* take(std::size_t count, simt::Site site = SIMT_HERE) {
    T* array = static_cast<T*>(simt::take_shared(used_, count * sizeof(T), index_++, site));
    used_ += shared_bytes<T>(count);
    return array;
  }
#endif

 private:
  [[maybe_unused]] unsigned char* block_;
  std::size_t used_ = 0;
#if !defined(__CUDACC__)
  int index_ = 0;
#endif
};

}  // namespace kernels
}  // namespace scorematch
