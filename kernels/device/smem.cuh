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

/// The bytes that take<T>(count) uses: arrays are aligned to 128 bytes.
template <class T>
__host__ __device__ constexpr std::size_t shared_bytes(std::size_t count) {
  return (count * sizeof(T) + 127) / 128 * 128;
}

/// An array carved from shared memory, for use in a struct that is itself in shared memory. A pointer there would lose
/// its address space.
template <class T>
class SharedArray {
 public:
#if defined(__CUDACC__)
  SCOREMATCH_DEVICE operator T*() const {
    extern __shared__ __align__(1024) unsigned char scorematch_shared_memory[];
    return reinterpret_cast<T*>(scorematch_shared_memory + offset_);
  }

 private:
  friend class Carver;
  std::uint32_t offset_ = 0;
#else
  operator T*() const { return array_; }

 private:
  friend class Carver;
  T* array_ = nullptr;
#endif
};

class Carver {
 public:
  SCOREMATCH_DEVICE explicit Carver(unsigned char* block) : block_(block) {}
  /// Counts, on the host, the bytes that would be taken.
  __host__ __device__ Carver() : block_(nullptr), counts_(true) {}
  __host__ __device__ std::size_t used() const { return used_; }

  /// Every thread of the block must take the same arrays in the same order. Only counts on the host.
#if defined(__CUDACC__)
  template <class T>
  __host__ __device__ T* take(std::size_t count) {
    T* array = reinterpret_cast<T*>(block_ + used_);
    used_ += shared_bytes<T>(count);
    return array;
  }
  template <class T>
  __host__ __device__ void take(SharedArray<T>& array, std::size_t count) {
    array.offset_ = static_cast<std::uint32_t>(used_);
    used_ += shared_bytes<T>(count);
  }
#else
  template <class T>
  T* take(std::size_t count, simt::Site site = SIMT_HERE) {
    T* array = counts_ ? nullptr : static_cast<T*>(simt::take_shared(used_, count * sizeof(T), index_++, site));
    used_ += shared_bytes<T>(count);
    return array;
  }
  template <class T>
  void take(SharedArray<T>& array, std::size_t count, simt::Site site = SIMT_HERE) {
    array.array_ = take<T>(count, site);
  }
#endif

 private:
  [[maybe_unused]] unsigned char* block_;
  [[maybe_unused]] bool counts_ = false;
  std::size_t used_ = 0;
#if !defined(__CUDACC__)
  int index_ = 0;
#endif
};

}  // namespace kernels
}  // namespace scorematch
