// A block of a narrow kernel: its shared memory, its barriers, and how a lane finds its place in panels.
#pragma once
#include "device/estimate.cuh"
#include "device/smem.cuh"
#include "fused/fused_launchers.h"
#include "narrow/shape.cuh"

namespace scorematch {
namespace kernels {

/// What the input of a row needs: c x + point c_step eps. All factors of a padding row are zero.
struct NarrowInput {
  const float* x;   // of the row, or of the last sample
  float c, c_step;  // c_step: c sigma
};

/// What the head of a row needs. For a complete square, the gradient of s is b F + x_part x + eps_part eps +
/// target_part target. For any terms, s = b F + x_part x + eps_part eps, and g = target_part eps.
struct NarrowHead {
  float x_part, eps_part, target_part, b;
  float output_factor, x_factor;  // from the gradient of s to those of F and x, as in HeadRow
  float loss_factor;
  float input_factor;  // from the gradient of the network input, times Shape::scale, to that of x
};

template <class Shape>
struct NarrowArrays {
  unsigned char *weights, *panels;
  float4* biases;                // [all_biases]
  NarrowInput* inputs;           // [2, rows]: of this tile and the next, like heads and features
  NarrowHead* heads;             // [2, most_terms, rows]
  float* features;               // [2, rows, features]
  ValueSums* loss_sums;          // [rows]
  float4* eps = nullptr;         // [2, columns / 16, group_threads]: of the lanes of the compute group, for any terms
  float* term_losses = nullptr;  // [rows]: of the terms so far, for any terms

  __host__ __device__ explicit NarrowArrays(Carver& carve) {
    weights = carve.take<unsigned char>(Shape::all_weights);
    panels = carve.take<unsigned char>(Shape::all_panels);
    biases = carve.take<float4>(Shape::all_biases);
    inputs = carve.take<NarrowInput>(2 * Shape::rows);
    heads = carve.take<NarrowHead>(2 * Shape::most_terms * Shape::rows);
    features = carve.take<float>(2 * Shape::rows * Shape::features);
    loss_sums = carve.take<ValueSums>(Shape::rows);
    if (!Shape::any_terms) return;
    eps = carve.take<float4>(2 * Shape::out_steps(Shape::depth) * Shape::group_threads);
    term_losses = carve.take<float>(Shape::rows);
  }
};

/// Named barriers, of both groups of a block; one group waits and the other one arrives.
namespace narrow_barrier {
constexpr int kLevels = 1;  // and the next: the levels of a tile with an even, an odd number are there
constexpr int kFree = 3;    // the panels of a tile have been read; without a backward pass, its levels
constexpr int kLayer = 4;   // + l: both operands of the weight gradient of layer l are there
}  // namespace narrow_barrier

/// The number of terms, a constant for a complete square.
template <class Shape>
SCOREMATCH_DEVICE int term_count(const FusedLossParams& p) {
  return Shape::any_terms ? p.term_count : 1;
}

/// The levels of the block's tile number i are there. Their arrays, and these barriers, are used in turn.
template <class Shape>
SCOREMATCH_DEVICE void announce_levels(int i) {
  if (i % 2 == 0)
    ptx::barrier_arrive<narrow_barrier::kLevels, Shape::threads>();
  else
    ptx::barrier_arrive<narrow_barrier::kLevels + 1, Shape::threads>();
}
template <class Shape>
SCOREMATCH_DEVICE void wait_for_levels(int i) {
  if (i % 2 == 0)
    ptx::barrier_wait<narrow_barrier::kLevels, Shape::threads>();
  else
    ptx::barrier_wait<narrow_barrier::kLevels + 1, Shape::threads>();
}

SCOREMATCH_DEVICE bool has_backward_pass(const FusedLossParams& p) { return p.gradient || p.grad_x != nullptr; }

/// Addresses of a lane's row in ldmatrix for the first 16 columns of the first panel at `start`, which is aligned to
/// 1024 bytes. In all of them chunks 2 k and 2 k + 1 take the place of 0 and 1 by an exclusive or with 32 k.
struct PanelLane {
  ptx::SharedAddress rows_first;     // matrices: (row, chunk) 00, 01, 10, 11
  ptx::SharedAddress columns_first;  // 00, 10, 01, 11

  SCOREMATCH_DEVICE PanelLane(ptx::SharedAddress start, int lane) {
    const auto m = static_cast<std::uint32_t>(lane >> 3), r = static_cast<std::uint32_t>(lane & 7);
    rows_first = start + ((m >> 1) * 8 + r) * 128 + ((m & 1) ^ r) * 16;
    columns_first = start + ((m & 1) * 8 + r) * 128 + ((m >> 1) ^ r) * 16;
  }
};

/// Columns 16 k ... of an address in a panel of `rows` rows that is for columns 0 to 15, and `offset` bytes more. The
/// offset is a constant of the instruction.
SCOREMATCH_DEVICE ptx::SharedAddress at_columns(ptx::SharedAddress address, int k, int rows, int offset) {
  return (address ^ static_cast<ptx::SharedAddress>(k % 4 * 32)) +
         static_cast<ptx::SharedAddress>(k / 4 * rows * 128 + offset);
}

/// c[16, 16] += a b, with b as two columns of eight.
SCOREMATCH_DEVICE void multiply_columns(float (&low)[4], float (&high)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[4]) {
  const std::uint32_t first[2] = {b[0], b[1]}, second[2] = {b[2], b[3]};
  ptx::mma_bf16_m16n8k16(low, a, first);
  ptx::mma_bf16_m16n8k16(high, a, second);
}

}  // namespace kernels
}  // namespace scorematch
