// Fragments follow the tables of the PTX ISA, "Matrix Fragments for mma.m16n8k16 / m16n8k8 / m16n8k4". They are also
// loaded by ldmatrix, which is made for them.
#include "ptx/machine_cases.h"

namespace scorematch::ptx_cases {
namespace {

__global__ void add_kernel(const float* a, const float* b, float* c, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) c[i] = a[i] + b[i];
}

__global__ void collatz_kernel(const unsigned* in, unsigned* out) {
  unsigned long long value = in[threadIdx.x];
  unsigned steps = 0;
  for (; value != 1; ++steps) value = value % 2 == 0 ? value / 2 : 3 * value + 1;
  out[threadIdx.x] = steps;
}

__global__ void nested_kernel(const int* in, int* out) {
  int r = 0;
  for (int i = 0; i < in[threadIdx.x]; ++i) {
    if (i % 3 == 0) continue;
    switch (i % 7) {
      case 1:
        r += 5;
        break;
      case 2:
        r ^= i;
        break;
      case 4:
        r -= 3;
        break;
      default:
        r = r * 3 + 1;
    }
    if (r > 100000) break;
  }
  out[threadIdx.x] = r + __shfl_xor_sync(0xFFFFFFFFu, r, 5);
}

__global__ void reduce_kernel(const double* in, double* out) {
  __shared__ double sums[256];
  sums[threadIdx.x] = in[blockIdx.x * 256 + threadIdx.x];
  for (unsigned half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) out[blockIdx.x] = sums[0];
}

__global__ void math_kernel(const float* values, float* singles, double* doubles) {
  const float x = values[threadIdx.x];
  const double y = static_cast<double>(x);
  float* const f = singles + kSingles * threadIdx.x;
  double* const d = doubles + kDoubles * threadIdx.x;
  f[0] = expf(x), f[1] = logf(fabsf(x)), f[2] = sinf(x), f[3] = tanhf(x), f[4] = erff(x), f[5] = sqrtf(fabsf(x)) / x;
  d[0] = exp(y), d[1] = log(fabs(y)), d[2] = pow(fabs(y), 1.7), d[3] = cospi(y), d[4] = y / 3.0 + sqrt(fabs(y));
}

/// Exact for small integers.
__device__ unsigned short to_bf16(float x) { return static_cast<unsigned short>(__float_as_uint(x) >> 16); }
__device__ std::uint32_t pair(float low, float high) {
  return static_cast<std::uint32_t>(to_bf16(low)) | static_cast<std::uint32_t>(to_bf16(high)) << 16;
}

__device__ void mma_k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ void mma_by_table(float (&d)[4], const float* a, const float* b, int group, int t) {
  std::uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) {
    const float* const at = a + (group + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    fa[i] = pair(at[0], at[1]);
  }
  for (int i = 0; i < 2; ++i) {
    const float* const at = b + (2 * t + i * 8) * 8 + group;
    fb[i] = pair(at[0], at[8]);
  }
  mma_k16(d, fa, fb);
}

__device__ std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

__device__ void mma_by_ldmatrix(float (&d)[4], const float* a, const float* b, int lane) {
  __shared__ __align__(16) unsigned short a_rows[16 * 16], b_rows[16 * 8];  // b is [k, 8], so transposed
  for (int i = lane; i < 256; i += 32) a_rows[i] = to_bf16(a[i]);
  for (int i = lane; i < 128; i += 32) b_rows[i] = to_bf16(b[i]);
  __syncwarp();
  std::uint32_t fa[4], fb[2];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3])
               : "r"(shared_address(a_rows + lane % 16 * 16 + lane / 16 * 8))
               : "memory");
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(fb[0]), "=r"(fb[1])
               : "r"(shared_address(b_rows + lane % 16 * 8))
               : "memory");
  mma_k16(d, fa, fb);
}

__device__ void mma_tf32_k8(float (&d)[4], const float* a, const float* b, int group, int t) {
  std::uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) fa[i] = __float_as_uint(a[(group + i % 2 * 8) * 8 + t + i / 2 * 4]);
  for (int i = 0; i < 2; ++i) fb[i] = __float_as_uint(b[(t + 4 * i) * 8 + group]);
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
}

__device__ void mma_tf32_k4(float (&d)[4], const float* a, const float* b, int group, int t) {
  std::uint32_t fa[2];
  for (int i = 0; i < 2; ++i) fa[i] = __float_as_uint(a[(group + 8 * i) * 4 + t]);
  asm volatile("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(fa[0]), "r"(fa[1]), "r"(__float_as_uint(b[t * 8 + group])));
}

__device__ void mma_bf16_k8(float (&d)[4], const float* a, const float* b, int group, int t) {
  std::uint32_t fa[2];
  for (int i = 0; i < 2; ++i) {
    const float* const at = a + (group + 8 * i) * 8 + 2 * t;
    fa[i] = pair(at[0], at[1]);
  }
  const float* const column = b + 2 * t * 8 + group;
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(fa[0]), "r"(fa[1]), "r"(pair(column[0], column[8])));
}

__global__ void mma_kernel(Mma kind, const float* a, const float* b, const float* c, float* out) {
  const int lane = static_cast<int>(threadIdx.x), group = lane / 4, t = lane % 4;
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = c[(group + i / 2 * 8) * 8 + 2 * t + i % 2];
  if (kind == Mma::bf16_k16) mma_by_table(d, a, b, group, t);
  if (kind == Mma::bf16_k16_ldmatrix) mma_by_ldmatrix(d, a, b, lane);
  if (kind == Mma::tf32_k8) mma_tf32_k8(d, a, b, group, t);
  if (kind == Mma::tf32_k4) mma_tf32_k4(d, a, b, group, t);
  if (kind == Mma::bf16_k8) mma_bf16_k8(d, a, b, group, t);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

/// Warp 0 writes 32 values at a time, and warp 1 reads them. They meet at two barriers; at each, one of them only
/// arrives.
__global__ void hand_over_kernel(const float* in, float* out, int times) {
  __shared__ float values[32];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < times; ++i) {
    if (threadIdx.x < 32) {
      if (i > 0) asm volatile("bar.sync 2, 64;" ::: "memory");
      values[lane] = in[32 * i + lane];
      asm volatile("bar.arrive 1, 64;" ::: "memory");
    } else {
      asm volatile("bar.sync 1, 64;" ::: "memory");
      out[32 * i + lane] = values[31 - lane];
      if (i + 1 < times) asm volatile("bar.arrive 2, 64;" ::: "memory");
    }
  }
}

__global__ void __launch_bounds__(64) bounded_kernel() {}
__global__ void unbounded_kernel() {}

}  // namespace

void launch_add(const float* a, const float* b, float* c, int count) {
  add_kernel<<<(count + 127) / 128, 128>>>(a, b, c, count);
}
void launch_collatz(const unsigned* in, unsigned* out, int count) { collatz_kernel<<<1, count>>>(in, out); }
void launch_nested(const int* in, int* out) { nested_kernel<<<1, 32>>>(in, out); }
void launch_reduce(const double* in, double* out, int blocks) { reduce_kernel<<<blocks, 256>>>(in, out); }
void launch_hand_over(const float* in, float* out, int times) { hand_over_kernel<<<1, 64>>>(in, out, times); }
void launch_math(const float* x, float* singles, double* doubles) {
  math_kernel<<<1, kMathValues>>>(x, singles, doubles);
}
void launch_mma(Mma kind, const float* a, const float* b, const float* c, float* d) {
  mma_kernel<<<1, 32>>>(kind, a, b, c, d);
}
void launch_nothing(int blocks, int threads, int shared_bytes, bool bounded) {
  if (bounded)
    bounded_kernel<<<blocks, threads, shared_bytes>>>();
  else
    unbounded_kernel<<<blocks, threads, shared_bytes>>>();
}
int allow_shared(int bytes) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(unbounded_kernel),
                              cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

}  // namespace scorematch::ptx_cases
