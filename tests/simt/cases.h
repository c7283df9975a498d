// Small kernels, correct and faulty, for the executor's own tests.
#pragma once
#include <cstddef>

namespace simt {

enum class Case {
  exchange_in_warp,  // lanes exchange through shared memory; variant 0: unsynchronized, 1: __syncwarp, 2: __syncthreads
  exchange_in_block,  // the same for warps; variant 0: only __syncwarp, 1: __syncthreads
  last_block,         // the last block adds up the parts of all blocks; variant 0: without a fence, 1: with one
  semaphore,          // block i waits for block i - 1
  copy,               // out[i] = in[i]
  read_shared,        // before anything was written there
  two_writers,
  overrun,     // by one element, of a shared array
  half_warps,  // shuffles with half masks; variant 0: within a half, 1: across halves
  ballot,
  divergent_barrier,  // half of the block waits at another barrier
  early_return,       // one thread returns before a barrier
  exited_lane,        // one lane returns before a collective of the whole warp
  waits_forever,      // half a warp waits in a shuffle that the other half never joins
  misaligned,
  copy_asynchronously,  // variant 0: does not wait, 1: waits; 2: misaligned source, 3: misaligned destination
  hand_over,    // one warp writes, the other reads at a named barrier; variant 0: correct; 1: the writer does not come,
                // 2: the sizes differ, 3: the writer comes twice, 4: no such barrier
  load_matrix,  // variant 0: correct; row of lane 5 is 1: in global memory, 2: past its array, 3: misaligned
  matrix_product,  // out[16, 8] = in[16, 16] in[8, 16]^T in bf16
  unrounded_tf32,
  too_much_shared,
};

/// Runs `blocks` blocks of `threads` threads. @return the result of enqueue
int launch_case(Case which, int variant, unsigned blocks, unsigned threads, std::size_t shared_bytes, const float* in,
                float* out, unsigned* counter);

}  // namespace simt
