// Kernels made ready before their first launch. CUDA loads a kernel where it is first used, which may wait and
// allocate, and so may fail while a stream is captured; and a kernel may be given more than 48 KB of shared memory once
// it has been asked for, which must not change under a launch that another thread prepares.
#pragma once

struct CUstream_st;

namespace scorematch {
namespace kernels {

/// In a stream's place: launchers load the kernel that they would launch, and allow it all the shared memory there is.
inline CUstream_st* only_load() {
  static char place;
  return reinterpret_cast<CUstream_st*>(&place);
}

}  // namespace kernels
}  // namespace scorematch
