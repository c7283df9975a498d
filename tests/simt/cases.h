// Small kernels, sound and faulty, for the executor's own tests.
#pragma once
#include <cstddef>

namespace simt {

enum class Case {
  exchange_in_warp,  // lanes exchange through shared memory; variant 0: unsynchronised, 1: __syncwarp, 2: __syncthreads
  exchange_in_block,  // warps do; variant 0: __syncwarp alone, 1: __syncthreads
  last_block,         // the last block adds the others' parts; variant 0: without a fence, 1: with one
  semaphore,          // block i waits for block i - 1
  copy,               // out[i] = in[i]
  read_shared,        // before anything was written there
  two_writers,
  overrun,     // of a shared array, by one
  half_warps,  // shuffles with half masks; variant 0: within them, 1: across
  ballot,
  divergent_barrier,  // half of the block waits elsewhere
  early_return,       // of one thread, before a barrier
  exited_lane,        // before a collective of the whole warp
  waits_for_ever,     // one warp for the other, in a shuffle nobody joins
  misaligned,
  copy_asynchronously,  // variant 0: does not wait, 1: waits; 2: from, 3: to where it is not aligned
  load_matrix,          // variant 0: sound; of lane 5's row, 1: in global memory, 2: past its array, 3: not aligned
  matrix_product,       // out[16, 8] = in[16, 16] in[8, 16]^T in bf16
  unrounded_tf32,
  too_much_shared,
};

/// `blocks` blocks of `threads` threads. @return what enqueue gave back
int launch_case(Case which, int variant, unsigned blocks, unsigned threads, std::size_t shared_bytes, const float* in,
                float* out, unsigned* counter);

}  // namespace simt
