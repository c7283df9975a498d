// Small kernels with known answers, and kernels with known mistakes, for tests of the emulator itself.
#pragma once
#include <cstdint>

namespace scorematch::ptx_cases {

/// c = a + b, in blocks of 128.
void launch_add(const float* a, const float* b, float* c, int count);

/// One warp for 32 values: how many steps of Collatz's sequence lead to 1; each lane loops as often as its value says.
void launch_collatz(const unsigned* in, unsigned* out, int count);

/// One warp: nested loops with `continue`, `switch` and `break`, as nested() has them, then a shuffle with lane ^ 5.
void launch_nested(const int* in, int* out);

/// Sums of 256 values each, by a tree in shared memory.
void launch_reduce(const double* in, double* out, int blocks);

/// Of 64 values x. singles: exp, log |x|, sin, tanh, erf, root of |x| by x; doubles: exp, log |x|, |x|^1.7, cos(pi x),
/// x / 3 + root of |x|.
void launch_math(const float* x, float* singles, double* doubles);
constexpr int kMathValues = 64, kSingles = 6, kDoubles = 5;

/// How a product d[16, 8] = c + a[16, k] b[k, 8] of small integers reaches the tensor cores: its instruction, and where
/// its fragments come from.
enum class Mma { bf16_k16, bf16_k16_ldmatrix, tf32_k8, tf32_k4, bf16_k8 };
void launch_mma(Mma kind, const float* a, const float* b, const float* c, float* d);

/// What is wrong in kernels of one block. `data` has 64 floats.
enum class Mistake {
  reads_past_the_end,
  reads_misaligned,
  reads_shared_past_the_end,
  branches_on_unwritten,
  addresses_by_unwritten,
  races_between_warps,
  races_between_lanes,
  leaves_a_barrier,
  reads_before_the_copy_is_done,
  shuffles_with_missing_lanes,
  divides_by_zero,
  diverges_where_uniform,
  takes_global_for_shared,
  unknown_instruction,
};
void launch_mistake(Mistake mistake, float* data);

/// Nothing, with these limits. `bounded`: a kernel of at most 64 threads.
void launch_nothing(int blocks, int threads, int shared_bytes, bool bounded);
/// @return a cudaError_t
int allow_shared(int bytes);

}  // namespace scorematch::ptx_cases
