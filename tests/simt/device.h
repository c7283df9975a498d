// Replaces CUDA's builtins when a host compiler builds a kernel's source. Every CUDA thread is a fiber (fiber.h);
// blocks run in an order drawn from a seed, on one thread of the host. __shared__ and __constant__ are left undefined
// on purpose: shared memory is carved from the dynamic block of a launch.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct CUstream_st;

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace simt {

/// A line of a kernel. The default argument SIMT_HERE is the line of the caller.
struct Site {
  const char* file;
  int line;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};
#define SIMT_HERE ::simt::Site::here()

struct Block;
/// The part of a thread that kernels read.
struct Lane {
  uint3 thread_index, block_index;
  dim3 block_size, grid_size;
  Block* block;
  unsigned linear, warp, lane;
};
extern __thread Lane* g_lane;  // null outside a launch
inline Lane& current() { return *g_lane; }

/// A result of the special function unit: `value` with an error of options.approximation times `bound`.
float approximated(float value, float bound);

// ---- collectives
enum class Op { shuffle_index, shuffle_xor, shuffle_up, shuffle_down, ballot, ldmatrix, mma_bf16, mma_tf32, sync_warp };
void sync_threads(Site site);
/// A barrier with a number: it ends when `threads` threads have come to it, waiting or not.
void come_to_barrier(int barrier, int threads, bool waits, Site site);
void collective(Op op, std::uint32_t mask, void* record, Site site);  // record: input and output of this lane, as below

struct ShuffleRecord {
  std::uint32_t in[2], out[2];
  int argument, width;
};
struct BallotRecord {
  bool predicate;
  std::uint32_t out;
};
struct LdmatrixRecord {
  const void* row;
  std::uint32_t* out;
  int count;
  bool transposed;
};
struct MmaRecord {
  float* d;
  const std::uint32_t *a, *b;
};

template <class T>
T shuffle(Op op, std::uint32_t mask, T value, int argument, int width, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  ShuffleRecord record{{0, 0}, {0, 0}, argument, width};
  std::memcpy(record.in, &value, sizeof value);
  collective(op, mask, &record, site);
  std::memcpy(&value, record.out, sizeof value);
  return value;
}

// ---- memory
void* take_shared(std::size_t offset, std::size_t bytes, int index, Site site);
std::uint32_t shared_address(const void* p);
const void* shared_pointer(std::uint32_t address);  // the inverse
void note_atomic(void* p, std::size_t bytes, Site site);
void note_fence();
void yield();
void trap(Site site);

// ---- the instructions that ptx.cuh wraps
std::uint32_t pack_bf16(float low, float high);
void cp_async16(void* shared, const void* global, int source_bytes, Site site = SIMT_HERE);
void cp_async_commit();
void cp_async_wait_for(int pending);
template <int kBarrier, int kThreads>
void barrier_wait(Site site = SIMT_HERE) {
  come_to_barrier(kBarrier, kThreads, true, site);
}
template <int kBarrier, int kThreads>
void barrier_arrive(Site site = SIMT_HERE) {
  come_to_barrier(kBarrier, kThreads, false, site);
}
template <int kPending>
void cp_async_wait() {
  cp_async_wait_for(kPending);
}
inline void ldmatrix_x2(std::uint32_t (&r)[2], const void* row, Site site = SIMT_HERE) {
  LdmatrixRecord record{row, r, 2, false};
  collective(Op::ldmatrix, ~0u, &record, site);
}
inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row, Site site = SIMT_HERE) {
  LdmatrixRecord record{row, r, 4, false};
  collective(Op::ldmatrix, ~0u, &record, site);
}
inline void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row, Site site = SIMT_HERE) {
  LdmatrixRecord record{row, r, 4, true};
  collective(Op::ldmatrix, ~0u, &record, site);
}
inline void ldmatrix_x4(std::uint32_t (&r)[4], std::uint32_t row, Site site = SIMT_HERE) {
  ldmatrix_x4(r, shared_pointer(row), site);
}
inline void ldmatrix_x4_trans(std::uint32_t (&r)[4], std::uint32_t row, Site site = SIMT_HERE) {
  ldmatrix_x4_trans(r, shared_pointer(row), site);
}
inline void mma_bf16_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                              Site site = SIMT_HERE) {
  MmaRecord record{d, a, b};
  collective(Op::mma_bf16, ~0u, &record, site);
}
inline void mma_tf32_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                             Site site = SIMT_HERE) {
  MmaRecord record{d, a, b};
  collective(Op::mma_tf32, ~0u, &record, site);
}

// ---- launching
/// A kernel with its arguments, which all threads read.
struct Call {
  void (*thread)(const void* arguments);
  std::shared_ptr<const void> arguments;
  std::size_t argument_bytes;
  const void* kernel;
};
int enqueue_call(CUstream_st* stream, dim3 grid, dim3 block, std::size_t shared_bytes, Call call);

/// @return a cudaError_t
int load(const void* kernel);

/// Runs kernel(arguments...) in every thread of the grid. @return a cudaError_t
template <class... Parameters>
int enqueue(CUstream_st* stream, void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Parameters... arguments) {
  struct Pack {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;
  };
  const auto thread = [](const void* p) {
    const auto& pack = *static_cast<const Pack*>(p);
    std::apply(pack.kernel, pack.arguments);
  };
  return enqueue_call(stream, grid, block, shared_bytes,
                      {thread, std::make_shared<const Pack>(Pack{kernel, std::make_tuple(arguments...)}), sizeof(Pack),
                       reinterpret_cast<const void*>(kernel)});
}

}  // namespace simt

#define threadIdx (::simt::current().thread_index)
#define blockIdx (::simt::current().block_index)
#define blockDim (::simt::current().block_size)
#define gridDim (::simt::current().grid_size)

inline void __syncthreads(simt::Site site = SIMT_HERE) { simt::sync_threads(site); }
inline void __syncwarp(std::uint32_t mask = ~0u, simt::Site site = SIMT_HERE) {
  simt::collective(simt::Op::sync_warp, mask, nullptr, site);
}
template <class T>
T __shfl_sync(std::uint32_t mask, T value, int lane, int width = 32, simt::Site site = SIMT_HERE) {
  return simt::shuffle(simt::Op::shuffle_index, mask, value, lane, width, site);
}
template <class T>
T __shfl_xor_sync(std::uint32_t mask, T value, int lanes, int width = 32, simt::Site site = SIMT_HERE) {
  return simt::shuffle(simt::Op::shuffle_xor, mask, value, lanes, width, site);
}
template <class T>
T __shfl_up_sync(std::uint32_t mask, T value, unsigned by, int width = 32, simt::Site site = SIMT_HERE) {
  return simt::shuffle(simt::Op::shuffle_up, mask, value, static_cast<int>(by), width, site);
}
template <class T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned by, int width = 32, simt::Site site = SIMT_HERE) {
  return simt::shuffle(simt::Op::shuffle_down, mask, value, static_cast<int>(by), width, site);
}
inline std::uint32_t __ballot_sync(std::uint32_t mask, int predicate, simt::Site site = SIMT_HERE) {
  simt::BallotRecord record{predicate != 0, 0};
  simt::collective(simt::Op::ballot, mask, &record, site);
  return record.out;
}
template <class T, class U>
__attribute__((no_sanitize("thread"))) T atomicAdd(T* p, U value, simt::Site site = SIMT_HERE) {
  simt::note_atomic(p, sizeof(T), site);
  const T old = *p;
  *p = static_cast<T>(old + static_cast<T>(value));
  return old;
}
inline void __threadfence() { simt::note_fence(); }
inline void __nanosleep(unsigned) { simt::yield(); }
inline void __trap(simt::Site site = SIMT_HERE) { simt::trap(site); }

using std::isfinite;
inline float __uint_as_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::uint32_t __float_as_uint(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline double sinpi(double x) { return std::sin(3.14159265358979323846 * std::remainder(x, 2.0)); }
inline double cospi(double x) { return std::cos(3.14159265358979323846 * std::remainder(x, 2.0)); }
inline void sincospif(float x, float* sine, float* cosine) {
  *sine = static_cast<float>(sinpi(static_cast<double>(x)));
  *cosine = static_cast<float>(cospi(static_cast<double>(x)));
}
