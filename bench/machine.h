// The peak rates of the processor, measured where and when the jobs run: the basis of the floors.
#pragma once

namespace scorematch::bench {

/// Fused multiplications and additions of vectors in registers, float32 or pairs of bfloat16, in FLOP per second on
/// `threads` threads together.
double measure_peak_flops(int threads, bool bf16 = false);

/// Bytes read and written per second by copying arrays larger than caches, on `threads` threads together.
double measure_copy_bytes(int threads);

}  // namespace scorematch::bench
