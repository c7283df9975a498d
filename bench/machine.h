// The processor's best rates, measured together with the jobs. They determine the floors of the jobs.
#pragma once

namespace scorematch::bench {

/// FLOP/s of fused multiply-adds of vectors in registers, float32 or pairs of bfloat16, on `threads` threads together.
double measure_peak_flops(int threads, bool bf16 = false);

/// Bytes read and written per second by copying arrays larger than the caches, on `threads` threads together.
double measure_copy_bytes(int threads);

}  // namespace scorematch::bench
