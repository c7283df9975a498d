// Loads kernels before their first launch. CUDA loads a kernel on first use, which may wait and allocate, and so may
// fail while a stream is captured. A kernel also needs an attribute for more than 48 KB of shared memory, which must
// not change during a launch that another thread prepares.
#pragma once

struct CUstream_st;

namespace scorematch {
namespace kernels {

/// In place of a stream: launchers load the kernel that they would launch, and allow it the largest possible shared
/// memory.
inline CUstream_st* only_load() {
  static char place;
  return reinterpret_cast<CUstream_st*>(&place);
}

}  // namespace kernels
}  // namespace scorematch
