// What the processor can do at best, measured where and when the jobs are: the floor they are held to.
#pragma once

namespace scorematch::bench {

/// Fused multiplications and additions of float vectors in registers, flops a second on `threads` threads together.
double measure_peak_flops(int threads);

/// Bytes read and written a second by copying arrays larger than caches, on `threads` threads together.
double measure_copy_bytes(int threads);

}  // namespace scorematch::bench
