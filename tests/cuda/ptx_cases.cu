#include "cuda/ptx_cases.h"

#include "device/launch.h"
#include "device/operands.cuh"
#include "device/ptx.cuh"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

__global__ void convert_kernel(ConvertCase c) {
  const int lane = static_cast<int>(threadIdx.x);
  c.bf16[lane] = ptx::to_bf16(c.in[lane]).bits;
  c.pair[lane] = ptx::pack_bf16(c.in[lane], c.in[lane ^ 1]);
  c.tf32[lane] = to_tf32(c.in[lane]);
}

__global__ void copy_kernel(CopyCase c) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  unsigned char* shared = carve.take<unsigned char>(kWarp * 16);
  const int lane = static_cast<int>(threadIdx.x);
  const bool late = lane % 2 != 0;
  if (!late) ptx::cp_async16(shared + lane * 16, c.in + lane * 16, lane % 17);
  ptx::cp_async_commit();
  if (late) ptx::cp_async16(shared + lane * 16, c.in + lane * 16, lane % 17);
  ptx::cp_async_commit();
  ptx::cp_async_wait<1>();
  for (int i = 0; i < 16 && !late; ++i) c.out[lane * 16 + i] = shared[lane * 16 + i];
  ptx::cp_async_wait<0>();
  for (int i = 0; i < 16 && late; ++i) c.out[lane * 16 + i] = shared[lane * 16 + i];
}

__global__ void fragments_kernel(FragmentCase c) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  std::uint16_t* shared = carve.take<std::uint16_t>(4 * 64);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 4 * 64; i += kWarp) shared[i] = c.in[i];
  __syncthreads();
  std::uint32_t two[2], four[4], turned[4];
  ptx::ldmatrix_x2(two, shared + lane % 16 * 8);
  ptx::ldmatrix_x4(four, shared + lane * 8);
  ptx::ldmatrix_x4_trans(turned, shared + lane * 8);
  for (int i = 0; i < 2; ++i) c.two[lane * 2 + i] = two[i];
  for (int i = 0; i < 4; ++i) {
    c.four[lane * 4 + i] = four[i];
    c.turned[lane * 4 + i] = turned[i];
  }
}

__global__ void mma_kernel(MmaCase c) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = c.c[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  std::uint32_t a[4], b[2];
  if (c.bf16) {
    for (int i = 0; i < 4; ++i) {
      const float* at = c.a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
      a[i] = ptx::pack_bf16(at[0], at[1]);
    }
    for (int i = 0; i < 2; ++i) {
      const float* at = c.b + (2 * t + i * 8) * 8 + g;
      b[i] = ptx::pack_bf16(at[0], at[8]);
    }
    ptx::mma_bf16_m16n8k16(d, a, b);
  } else {
    for (int i = 0; i < 4; ++i) a[i] = to_tf32(c.a[(g + i % 2 * 8) * 8 + t + i / 2 * 4]);
    for (int i = 0; i < 2; ++i) b[i] = to_tf32(c.b[(t + i * 4) * 8 + g]);
    ptx::mma_tf32_m16n8k8(d, a, b);
  }
  for (int i = 0; i < 4; ++i) c.d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

__global__ void approximations_kernel(ApproximationCase c) {
  const int lane = static_cast<int>(threadIdx.x);
  c.tanh[lane] = ptx::tanh_approx(c.in[lane]);
  c.ex2[lane] = ptx::ex2_approx(c.in[lane]);
  c.rcp[lane] = ptx::rcp_approx(c.in[lane]);
  c.lg2[lane] = ptx::lg2_approx(fabsf(c.in[lane]));
  c.sqrt[lane] = ptx::sqrt_approx(fabsf(c.in[lane]));
  c.sin[lane] = ptx::sin_approx(c.in[lane]);
  c.cos[lane] = ptx::cos_approx(c.in[lane]);
}

__global__ void add_pairs_kernel(float* sums) {
  const int lane = static_cast<int>(threadIdx.x);
  ptx::add_float2(sums + 2 * lane, 1.0f, static_cast<float>(lane));
  ptx::add_float2(sums + 2 * lane, 2.0f, static_cast<float>(3 * lane));
}

/// Loads a kernel, because no plan does.
template <class... Parameters>
int load_and_launch(void (*kernel)(Parameters...), std::size_t bytes, CUstream_st* stream, Parameters... arguments) {
  const int status = load(kernel);
  return status != 0 ? status : launch(kernel, {1, 1, kWarp, bytes}, stream, arguments...);
}

}  // namespace

int launch_approximations(const ApproximationCase& c, CUstream_st* stream) {
  return load_and_launch(approximations_kernel, 0, stream, c);
}
int launch_add_pairs(float* sums, CUstream_st* stream) { return load_and_launch(add_pairs_kernel, 0, stream, sums); }
int launch_convert(const ConvertCase& c, CUstream_st* stream) { return load_and_launch(convert_kernel, 0, stream, c); }
int launch_copy(const CopyCase& c, CUstream_st* stream) {
  return load_and_launch(copy_kernel, shared_bytes<unsigned char>(kWarp * 16), stream, c);
}
int launch_fragments(const FragmentCase& c, CUstream_st* stream) {
  return load_and_launch(fragments_kernel, shared_bytes<std::uint16_t>(4 * 64), stream, c);
}
int launch_mma(const MmaCase& c, CUstream_st* stream) { return load_and_launch(mma_kernel, 0, stream, c); }

}  // namespace kernels
}  // namespace scorematch
