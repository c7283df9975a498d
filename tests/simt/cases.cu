#include "simt/cases.h"

#include "device/launch.h"
#include "device/smem.cuh"

namespace simt {
namespace {

using namespace scorematch::kernels;

int thread() { return static_cast<int>(threadIdx.x); }

__global__ void exchange_in_warp(float* out, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* values = carve.take<float>(64);
  values[thread()] = static_cast<float>(thread());
  if (variant == 1) __syncwarp();
  if (variant == 2) __syncthreads();
  out[thread()] = values[thread() ^ 1];
}

__global__ void exchange_in_block(float* out, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* values = carve.take<float>(64);
  values[thread()] = static_cast<float>(thread());
  __syncwarp();
  if (variant == 1) __syncthreads();
  out[thread()] = values[(thread() + 32) % 64];
}

__global__ void hand_over(float* out, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* values = carve.take<float>(32);
  if (thread() < 32) {
    values[thread()] = static_cast<float>(thread());
    if (variant == 2) return ptx::barrier_arrive<3, 96>();
    if (variant == 4) return ptx::barrier_arrive<16, 64>();
    if (variant != 1) ptx::barrier_arrive<3, 64>();
    if (variant == 3) ptx::barrier_arrive<3, 64>();
  } else {
    if (variant == 3) return;
    ptx::barrier_wait<3, 64>();
    out[thread() - 32] = values[63 - thread()];
  }
}

__global__ void last_block(float* part, unsigned* counter, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  int* is_last = carve.take<int>(1);
  if (thread() == 0) {
    part[blockIdx.x] = static_cast<float>(blockIdx.x + 1);
    if (variant == 1) __threadfence();
    *is_last = atomicAdd(counter, 1u) == gridDim.x - 1 ? 1 : 0;
  }
  __syncthreads();
  if (*is_last == 0 || thread() != 0) return;
  float sum = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) sum += part[i];
  part[gridDim.x] = sum;
}

__global__ void semaphore(float* out, unsigned* counter) {
  if (thread() != 0) return;
  while (atomicAdd(counter, 0u) != blockIdx.x) __nanosleep(20);
  out[0] = 2 * out[0] + static_cast<float>(blockIdx.x);
  __threadfence();
  atomicAdd(counter, 1u);
}

__global__ void copy(const float* in, float* out) { out[thread()] = in[thread()]; }

__global__ void read_shared(float* out) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  const float* values = carve.take<float>(64);
  out[thread()] = values[thread()];
}

__global__ void two_writers(float* out) { out[thread() / 2] = 1.0f; }

__global__ void overrun(float* out) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* first = carve.take<float>(32);
  float* second = carve.take<float>(32);
  first[thread()] = 1;
  second[thread()] = 2;
  __syncthreads();
  out[thread()] = first[thread() + (thread() == 31 ? 1 : 0)];
}

__global__ void half_warps(float* out, int variant) {
  float value = static_cast<float>(thread());
  if (thread() < 16)
    value += __shfl_xor_sync(0xFFFFu, value, variant == 0 ? 8 : 16);
  else
    value += __shfl_xor_sync(0xFFFF0000u, value, 4);
  out[thread()] = value;
}

__global__ void ballot(float* out) {
  out[thread()] = static_cast<float>(__ballot_sync(~0u, thread() % 3 == 0) & 0xFFu);
}

__global__ void divergent_barrier(float* out) {
  if (thread() < 32)
    __syncthreads();
  else
    __syncthreads();
  out[thread()] = 1;
}

__global__ void early_return(float* out) {
  if (thread() == 5) return;
  __syncthreads();
  out[thread()] = 1;
}

__global__ void exited_lane(float* out) {
  if (thread() == 31) return;
  out[thread()] = __shfl_xor_sync(~0u, 1.0f, 1);
}

__global__ void waits_forever(float* out) {
  float value = 1;
  if (thread() < 16) value = __shfl_xor_sync(~0u, value, 1);
  if (thread() >= 16) __syncthreads();
  out[thread()] = value;
}

__global__ void misaligned(const float* in, float* out) {
  const float4 four = *reinterpret_cast<const float4*>(in + 1);
  out[thread()] = four.x + four.w;
}

__global__ void copy_asynchronously(const float* in, float* out, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* values = carve.take<float>(129);
  ptx::cp_async16(values + 4 * thread() + (variant == 3 ? 1 : 0), in + 4 * thread() + (variant == 2 ? 1 : 0), 16);
  ptx::cp_async_commit();
  if (variant >= 1) ptx::cp_async_wait<0>();
  __syncthreads();
  for (int i = 0; i < 4; ++i) out[4 * thread() + i] = values[4 * thread() + i];
}

__global__ void load_matrix(const float* in, float* out, int variant) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  bf16* rows = carve.take<bf16>(16 * 8);
  for (int i = thread(); i < 16 * 8; i += 32) rows[i] = ptx::to_bf16(in[i]);
  __syncwarp();
  const void* row = rows + thread() % 16 * 8;
  if (thread() == 5 && variant == 1) row = in;
  if (thread() == 5 && variant == 2) row = rows + 16 * 8;
  if (thread() == 5 && variant == 3) row = rows + 4;
  std::uint32_t loaded[2];
  ptx::ldmatrix_x2(loaded, row);
  out[thread()] = __uint_as_float(loaded[0] << 16);
}

__global__ void matrix_product(const float* in, float* out) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  bf16* a = carve.take<bf16>(16 * 16);
  bf16* b = carve.take<bf16>(8 * 16);
  for (int i = thread(); i < 16 * 16; i += 32) a[i] = ptx::to_bf16(in[i]);
  for (int i = thread(); i < 8 * 16; i += 32) b[i] = ptx::to_bf16(in[16 * 16 + i]);
  __syncwarp();
  std::uint32_t left[4], right[2];
  float d[4] = {};
  ptx::ldmatrix_x4(left, a + thread() % 16 * 16 + thread() / 16 * 8);
  ptx::ldmatrix_x2(right, b + thread() % 8 * 16 + thread() / 8 % 2 * 8);
  ptx::mma_bf16_m16n8k16(d, left, right);
  for (int i = 0; i < 4; ++i) out[(thread() / 4 + i / 2 * 8) * 8 + thread() % 4 * 2 + i % 2] = d[i];
}

__global__ void unrounded_tf32(const float* in, float* out) {
  const std::uint32_t word = __float_as_uint(in[thread()]);
  const std::uint32_t a[4] = {word, word, word, word}, b[2] = {word, word};
  float d[4] = {};
  ptx::mma_tf32_m16n8k8(d, a, b);
  out[thread()] = d[0];
}

}  // namespace

int launch_case(Case which, int variant, unsigned blocks, unsigned threads, std::size_t shared_bytes, const float* in,
                float* out, unsigned* counter) {
  const Grid grid{blocks, 1, threads, shared_bytes};
  switch (which) {
    case Case::exchange_in_warp:
      return launch(exchange_in_warp, grid, nullptr, out, variant);
    case Case::exchange_in_block:
      return launch(exchange_in_block, grid, nullptr, out, variant);
    case Case::hand_over:
      return launch(hand_over, grid, nullptr, out, variant);
    case Case::last_block:
      return launch(last_block, grid, nullptr, out, counter, variant);
    case Case::semaphore:
      return launch(semaphore, grid, nullptr, out, counter);
    case Case::copy:
      return launch(copy, grid, nullptr, in, out);
    case Case::read_shared:
      return launch(read_shared, grid, nullptr, out);
    case Case::two_writers:
      return launch(two_writers, grid, nullptr, out);
    case Case::overrun:
    case Case::too_much_shared:
      return launch(overrun, grid, nullptr, out);
    case Case::half_warps:
      return launch(half_warps, grid, nullptr, out, variant);
    case Case::ballot:
      return launch(ballot, grid, nullptr, out);
    case Case::divergent_barrier:
      return launch(divergent_barrier, grid, nullptr, out);
    case Case::early_return:
      return launch(early_return, grid, nullptr, out);
    case Case::exited_lane:
      return launch(exited_lane, grid, nullptr, out);
    case Case::waits_forever:
      return launch(waits_forever, grid, nullptr, out);
    case Case::misaligned:
      return launch(misaligned, grid, nullptr, in, out);
    case Case::copy_asynchronously:
      return launch(copy_asynchronously, grid, nullptr, in, out, variant);
    case Case::load_matrix:
      return launch(load_matrix, grid, nullptr, in, out, variant);
    case Case::matrix_product:
      return launch(matrix_product, grid, nullptr, in, out);
    case Case::unrounded_tf32:
      return launch(unrounded_tf32, grid, nullptr, in, out);
  }
  return -1;
}

}  // namespace simt
