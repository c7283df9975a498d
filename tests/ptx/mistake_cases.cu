// A kernel for each mistake that the emulator reports.
#include "ptx/machine_cases.h"

namespace scorematch::ptx_cases {
namespace {

constexpr int kFloats = 64;  // in the array of each kernel

__global__ void read_past_the_end_kernel(float* data) { data[0] = data[kFloats + threadIdx.x]; }

__global__ void read_misaligned_kernel(float* data) {
  const float4 four = *reinterpret_cast<const float4*>(data + threadIdx.x);
  data[32 + threadIdx.x] = four.x + four.y + four.z + four.w;
}

__global__ void read_shared_past_the_end_kernel(float* data) {
  __shared__ float shared[32];
  shared[threadIdx.x] = data[threadIdx.x];
  data[threadIdx.x] = shared[threadIdx.x + 1 + static_cast<int>(data[32])];
}

__global__ void branch_on_unwritten_kernel(float* data) {
  __shared__ float shared[32];
  if (shared[threadIdx.x] > 0) data[threadIdx.x] = 1;
}

__global__ void address_by_unwritten_kernel(float* data) {
  __shared__ int shared[32];
  data[shared[threadIdx.x] & 31] = 1;
}

/// A barrier is missing.
__global__ void race_between_warps_kernel(float* data) {
  __shared__ float shared[64];
  shared[threadIdx.x] = data[threadIdx.x];
  data[threadIdx.x] = shared[threadIdx.x ^ 32];
}

/// __syncwarp() is missing.
__global__ void race_between_lanes_kernel(float* data) {
  __shared__ float shared[32];
  shared[threadIdx.x] = data[threadIdx.x];
  data[threadIdx.x] = shared[threadIdx.x ^ 1];
}

__global__ void leave_a_barrier_kernel(float* data) {
  if (threadIdx.x < 32) {
    asm volatile("bar.sync 1, 64;" ::: "memory");
  } else {
    asm volatile("bar.sync 2, 64;" ::: "memory");
  }
  data[threadIdx.x] = 1;
}

__global__ void read_before_the_copy_is_done_kernel(float* data) {
  __shared__ __align__(16) float shared[4 * 32];
  const auto at = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared + 4 * threadIdx.x));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, 4;" ::"r"(at), "l"(data + threadIdx.x) : "memory");
  asm volatile("cp.async.commit_group;" ::: "memory");
  const float early = shared[4 * threadIdx.x];
  asm volatile("cp.async.wait_group 0;" ::: "memory");
  if (early > 0) data[threadIdx.x] = early;
}

__global__ void come_with_another_size_kernel(float* data) {
  if (threadIdx.x < 32)
    asm volatile("bar.arrive 1, 64;" ::: "memory");
  else
    asm volatile("bar.sync 1, 96;" ::: "memory");
  data[threadIdx.x] = 1;
}

__global__ void shuffle_with_missing_lanes_kernel(float* data) {
  if (threadIdx.x < 16) data[threadIdx.x] = __shfl_xor_sync(0xFFFFFFFFu, data[threadIdx.x], 1);
}

__global__ void divide_by_zero_kernel(float* data) { data[0] = static_cast<float>(7 / static_cast<int>(data[0])); }

__global__ void diverge_where_uniform_kernel(float* data) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.lt.u32 p, %0, 16;\n@p bra.uni SKIP_IT;\nst.global.f32 [%1], 0f3F800000;\nSKIP_IT:\n}" ::
          "r"(threadIdx.x),
      "l"(data + threadIdx.x)
      : "memory");
}

__global__ void take_global_for_shared_kernel(float* data) {
  float value = 0;
  asm volatile("{\n.reg .u64 at;\ncvta.to.shared.u64 at, %1;\nld.shared.f32 %0, [at];\n}" : "=f"(value) : "l"(data));
  data[threadIdx.x] = value;
}

__global__ void unknown_instruction_kernel(float* data) {
  asm volatile("{\n.reg .b32 x;\nadd.f16x2 x, %1, %1;\nst.global.b32 [%0], x;\n}" ::"l"(data), "r"(threadIdx.x)
               : "memory");
}

}  // namespace

void launch_mistake(Mistake mistake, float* data) {
  switch (mistake) {
    case Mistake::reads_past_the_end:
      return read_past_the_end_kernel<<<1, 32>>>(data);
    case Mistake::reads_misaligned:
      return read_misaligned_kernel<<<1, 32>>>(data);
    case Mistake::reads_shared_past_the_end:
      return read_shared_past_the_end_kernel<<<1, 32>>>(data);
    case Mistake::branches_on_unwritten:
      return branch_on_unwritten_kernel<<<1, 32>>>(data);
    case Mistake::addresses_by_unwritten:
      return address_by_unwritten_kernel<<<1, 32>>>(data);
    case Mistake::races_between_warps:
      return race_between_warps_kernel<<<1, 64>>>(data);
    case Mistake::races_between_lanes:
      return race_between_lanes_kernel<<<1, 32>>>(data);
    case Mistake::leaves_a_barrier:
      return leave_a_barrier_kernel<<<1, 64>>>(data);
    case Mistake::comes_with_another_size:
      return come_with_another_size_kernel<<<1, 64>>>(data);
    case Mistake::reads_before_the_copy_is_done:
      return read_before_the_copy_is_done_kernel<<<1, 32>>>(data);
    case Mistake::shuffles_with_missing_lanes:
      return shuffle_with_missing_lanes_kernel<<<1, 32>>>(data);
    case Mistake::divides_by_zero:
      return divide_by_zero_kernel<<<1, 1>>>(data);
    case Mistake::diverges_where_uniform:
      return diverge_where_uniform_kernel<<<1, 32>>>(data);
    case Mistake::takes_global_for_shared:
      return take_global_for_shared_kernel<<<1, 32>>>(data);
    case Mistake::unknown_instruction:
      return unknown_instruction_kernel<<<1, 32>>>(data);
  }
}

}  // namespace scorematch::ptx_cases
