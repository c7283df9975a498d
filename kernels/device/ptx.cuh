// Every PTX instruction of the project, one per function. With nvcc they are inline assembly. With a host compiler they
// are calls of the executor of tests/simt, which runs the kernels without a GPU. In kernels/, only this file, smem.cuh
// and launch.h depend on that executor.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define SCOREMATCH_UNROLL _Pragma("unroll")
#define SCOREMATCH_NO_UNROLL _Pragma("unroll 1")
#else
#include "simt/device.h"  // upward: the executor, only in the builds of tests/simt
#define SCOREMATCH_UNROLL
#define SCOREMATCH_NO_UNROLL
#endif
#define SCOREMATCH_DEVICE __device__ __forceinline__

namespace scorematch {
namespace kernels {

/// The upper 16 bits of a float; arithmetic is done in float.
struct bf16 {
  std::uint16_t bits;
};

enum class Space { global, shared };

namespace ptx {

/// A place in shared memory, as instructions take it. Panels are addressed by arithmetic on these.
using SharedAddress = std::uint32_t;

#if defined(__CUDACC__)

/// Returns p with the assumption that it points into kSpace. The compiler cannot infer that for a pointer that was
/// itself stored, and would use generic accesses, which resolve every address at run time. p must not be null. The
/// empty assembly gives each space's pointer a separate value: nvcc 13.0 applies an assumption made in one branch to
/// the other branch too.
template <Space kSpace, class T>
SCOREMATCH_DEVICE T* in(T* p) {
  if constexpr (kSpace == Space::global) {
    asm("// global" : "+l"(p));
    __builtin_assume(__isGlobal(p));
  } else {
    asm("// shared" : "+l"(p));
    __builtin_assume(__isShared(p));
  }
  return p;
}

SCOREMATCH_DEVICE SharedAddress shared_address(const void* p) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(p));
}

/// Rounds to nearest, ties to even; NaN stays NaN.
SCOREMATCH_DEVICE bf16 to_bf16(float x) {
  bf16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
}

/// Rounds two floats; `low` goes to the lower half.
SCOREMATCH_DEVICE std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}

/// Starts a copy of 16 bytes from global to shared memory. The first `source_bytes` are read from the source; the rest
/// are zeros.
SCOREMATCH_DEVICE void cp_async16(void* shared, const void* global, int source_bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(source_bytes)
               : "memory");
}
SCOREMATCH_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most kPending of this thread's groups are in flight.
template <int kPending>
SCOREMATCH_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

/// Loads 8x8 matrices of 16-bit elements; lane 8 i + r gives the address of row r of matrix i.
SCOREMATCH_DEVICE void ldmatrix_x2(std::uint32_t (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
}
SCOREMATCH_DEVICE void ldmatrix_x4(std::uint32_t (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
SCOREMATCH_DEVICE void ldmatrix_x4(std::uint32_t (&r)[4], const void* row) { ldmatrix_x4(r, shared_address(row)); }
SCOREMATCH_DEVICE void ldmatrix_x4_trans(std::uint32_t (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
SCOREMATCH_DEVICE void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row) {
  ldmatrix_x4_trans(r, shared_address(row));
}

/// A barrier of kThreads threads, whole warps of the block: it ends when that many have come to it, waiting or not.
/// Barrier 0 is that of __syncthreads.
template <int kBarrier, int kThreads>
SCOREMATCH_DEVICE void barrier_wait() {
  asm volatile("bar.sync %0, %1;" ::"n"(kBarrier), "n"(kThreads) : "memory");
}
template <int kBarrier, int kThreads>
SCOREMATCH_DEVICE void barrier_arrive() {
  asm volatile("bar.arrive %0, %1;" ::"n"(kBarrier), "n"(kThreads) : "memory");
}

/// Instructions of the special function unit. Error bounds of the PTX ISA and the CUDA Programming Guide: relative
/// 2^-11 for tanh, 2^-22 for 2^x, and 2^-23 for 1/x and the square root; log2 x, 2^-22 of max(1, |log2 x|); sine and
/// cosine in [-pi, pi], absolute 2^-21.
SCOREMATCH_DEVICE float tanh_approx(float x) {
  float y;
  asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SCOREMATCH_DEVICE float ex2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SCOREMATCH_DEVICE float rcp_approx(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SCOREMATCH_DEVICE float lg2_approx(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

SCOREMATCH_DEVICE float sqrt_approx(float x) {
  float y;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SCOREMATCH_DEVICE float sin_approx(float x) {
  float y;
  asm("sin.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SCOREMATCH_DEVICE float cos_approx(float x) {
  float y;
  asm("cos.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// Adds to two adjacent floats in global memory, aligned to eight bytes, that no other thread accesses. On compute
/// capability 9.0 and later, subnormal sums are flushed to zero. A thread's own additions happen in program order, so
/// sums are repeatable.
SCOREMATCH_DEVICE void add_float2(float* p, float x, float y) {
#if __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1201
  asm volatile("red.global.add.v2.f32 [%0], {%1, %2};" ::"l"(p), "f"(x), "f"(y) : "memory");
#else
  float2 sum = *reinterpret_cast<float2*>(p);
  sum.x += x;
  sum.y += y;
  *reinterpret_cast<float2*>(p) = sum;
#endif
}

/// d[16, 8] += a[16, 16] b[16, 8] in bf16, accumulated in float.
SCOREMATCH_DEVICE void mma_bf16_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// d[16, 8] += a[16, 8] b[8, 8] in tf32, accumulated in float; the lower 13 bits of the operands must be zero.
SCOREMATCH_DEVICE void mma_tf32_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#else

template <Space, class T>
T* in(T* p) {
  return p;
}

// With errors within these bounds, as the options of the executor select.
inline float tanh_approx(float x) { return simt::approximated(std::tanh(x), 0x1p-11f * std::tanh(x)); }
inline float ex2_approx(float x) { return simt::approximated(std::exp2(x), 0x1p-22f * std::exp2(x)); }
inline float rcp_approx(float x) { return simt::approximated(1.0f / x, 0x1p-23f / x); }
inline float lg2_approx(float x) {
  return simt::approximated(std::log2(x), 0x1p-22f * std::max(1.0f, std::abs(std::log2(x))));
}
inline float sqrt_approx(float x) { return simt::approximated(std::sqrt(x), 0x1p-23f * std::sqrt(x)); }
inline float sin_approx(float x) { return simt::approximated(std::sin(x), 0x1p-21f); }
inline float cos_approx(float x) { return simt::approximated(std::cos(x), 0x1p-21f); }
inline void add_float2(float* p, float x, float y) {
  const float2 sum = *reinterpret_cast<const float2*>(p);
  *reinterpret_cast<float2*>(p) = make_float2(sum.x + x, sum.y + y);
}
using simt::barrier_arrive;
using simt::barrier_wait;
using simt::cp_async16;
using simt::cp_async_commit;
using simt::cp_async_wait;
using simt::ldmatrix_x2;
using simt::ldmatrix_x4;
using simt::ldmatrix_x4_trans;
using simt::mma_bf16_m16n8k16;
using simt::mma_tf32_m16n8k8;
using simt::pack_bf16;
using simt::shared_address;
SCOREMATCH_DEVICE bf16 to_bf16(float x) { return {static_cast<std::uint16_t>(simt::pack_bf16(x, 0.0f))}; }

#endif

template <class T>
SCOREMATCH_DEVICE T* in_global(T* p) {
  return in<Space::global>(p);
}

}  // namespace ptx
}  // namespace kernels
}  // namespace scorematch
