// What the processor can do at best, measured where and when the jobs are: the floor they are held to.
#pragma once

namespace scorematch::bench {

/// Fused multiplications and additions of vectors in registers, float32 or pairs of bfloat16, flops a second on
/// `threads` threads together.
double measure_peak_flops(int threads, bool bf16 = false);

/// Bytes read and written a second by copying arrays larger than caches, on `threads` threads together.
double measure_copy_bytes(int threads);

}  // namespace scorematch::bench
