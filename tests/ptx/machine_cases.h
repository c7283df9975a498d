// Small kernels with known answers, and kernels with known mistakes, for tests of the emulator itself.
#pragma once
#include <cstdint>

namespace scorematch::ptx_cases {

/// c = a + b, in blocks of 128.
void launch_add(const float* a, const float* b, float* c, int count);

/// One warp per 32 values: the number of steps of the Collatz sequence down to 1. Each lane loops as often as its value
/// requires.
void launch_collatz(const unsigned* in, unsigned* out, int count);

/// One warp: nested loops with `continue`, `switch` and `break`, as in nested(), then a shuffle with lane ^ 5.
void launch_nested(const int* in, int* out);

/// Sums of 256 values each, by a tree in shared memory.
void launch_reduce(const double* in, double* out, int blocks);

/// Reverses each 32 of 32 `times` values. One warp reads them, another one writes.
void launch_hand_over(const float* in, float* out, int times);

/// For 64 values x. singles: exp, log |x|, sin, tanh, erf, square root of |x| divided by x; doubles: exp, log |x|,
/// |x|^1.7, cos(pi x), x / 3 + square root of |x|.
void launch_math(const float* x, float* singles, double* doubles);
constexpr int kMathValues = 64, kSingles = 6, kDoubles = 5;

/// The instruction that computes the product d[16, 8] = c + a[16, k] b[k, 8] of small integers, and how its fragments
/// are loaded.
enum class Mma { bf16_k16, bf16_k16_ldmatrix, tf32_k8, tf32_k4, bf16_k8 };
void launch_mma(Mma kind, const float* a, const float* b, const float* c, float* d);

/// The mistake in a kernel of one block. `data` has 64 floats.
enum class Mistake {
  reads_past_the_end,
  reads_misaligned,
  reads_shared_past_the_end,
  branches_on_unwritten,
  addresses_by_unwritten,
  races_between_warps,
  races_between_lanes,
  leaves_a_barrier,
  comes_with_another_size,
  reads_before_the_copy_is_done,
  shuffles_with_missing_lanes,
  divides_by_zero,
  diverges_where_uniform,
  takes_global_for_shared,
  unknown_instruction,
};
void launch_mistake(Mistake mistake, float* data);

/// An empty kernel with these launch parameters. `bounded`: one with at most 64 threads.
void launch_nothing(int blocks, int threads, int shared_bytes, bool bounded);
/// @return a cudaError_t
int allow_shared(int bytes);

}  // namespace scorematch::ptx_cases
