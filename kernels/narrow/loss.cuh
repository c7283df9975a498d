// The loss and the gradients of a batch for one shape, in one launch: what fused/loss.cuh computes, for objectives
// without directions. The loss of a sample is lambda times one complete square, or times the sum of one or two terms of
// the noise:
//
//   |s + target|^2 / 2    or    quadratic |s|^2 / 2 + s.g,   s = a x_tilde + b F(c x_tilde, e(sigma))
//
// The terms of a tile are processed one after the other, with the same noise.
//
// x is [samples, dim], partial gradients [blocks, partial_stride], estimates [blocks]. Each block processes every
// gridDim.x-th tile of 64 samples. Its compute group (compute.cuh) carries a tile through the network in registers; its
// gradient group (gradient.cuh) adds the weight gradients, in registers too, and finds the noise levels of the next
// tile. They meet at named barriers: the levels of a tile are there; both operands of a layer's weight gradient are
// there; all panels have been read. fused_reduce adds the sums of the blocks in order. A warp adds in program order and
// tiles are assigned to blocks in a fixed way, so sums depend only on the number of blocks.
//
// Shared bytes: NarrowArrays. Device bytes: 4 dim per sample read; 4 P per block read and written once. FLOP per
// sample: docs/performance.md.
#pragma once
#include "device/launch.h"
#include "narrow/compute.cuh"
#include "narrow/gradient.cuh"
#include "narrow/loss_of.h"

namespace scorematch {
namespace kernels {
namespace {

/// The first sample of this block's tile number 0, and the distance to that of the next one.
template <class Shape>
SCOREMATCH_DEVICE std::int64_t first_sample() {
  return std::int64_t{blockIdx.x} * Shape::rows;
}
template <class Shape>
SCOREMATCH_DEVICE std::int64_t tile_step() {
  return std::int64_t{gridDim.x} * Shape::rows;
}

template <class Shape>
SCOREMATCH_DEVICE void run_compute_group(const FusedLossParams& p, const NarrowArrays<Shape>& arrays) {
  NarrowCompute<Shape> compute(p, arrays);
  compute.begin_tile(0);
  const std::int64_t step = tile_step<Shape>();
  int i = 0;
  SCOREMATCH_NO_UNROLL
  for (std::int64_t first = first_sample<Shape>(); first < p.samples; first += step, ++i)
    compute.run_tile(first, first + step < p.samples, i);
}

template <class Shape>
SCOREMATCH_DEVICE void run_gradient_group(const FusedLossParams& p, const NarrowArrays<Shape>& arrays) {
  NarrowGradient<Shape> gradient(p, arrays);
  gradient.clear();
  const std::int64_t step = tile_step<Shape>();
  int i = 0;
  SCOREMATCH_NO_UNROLL
  for (std::int64_t first = first_sample<Shape>(); first < p.samples; first += step, ++i) {
    const bool more = first + step < p.samples;
    if (more) gradient.find_levels(first + step, i + 1);
    if (has_backward_pass(p)) {
      SCOREMATCH_NO_UNROLL
      for (int which = 0; which < term_count<Shape>(p); ++which) {
        gradient.add_layers();
        if (more || which + 1 < term_count<Shape>(p)) ptx::barrier_arrive<narrow_barrier::kFree, Shape::threads>();
      }
    } else {
      ptx::barrier_wait<narrow_barrier::kFree, Shape::threads>();
    }
  }
  if (p.gradient) gradient.store_sums();
}

template <class Shape>
__global__ void __launch_bounds__(Shape::threads, 1) narrow_loss_kernel(const __grid_constant__ FusedLossParams p) {
  SCOREMATCH_SHARED(memory);
  Carver carve(memory);
  const NarrowArrays<Shape> arrays(carve);
  const int thread = static_cast<int>(threadIdx.x);
  // The shuffle tells the compiler that the threads of a warp take the same branch.
  const bool computes = __shfl_sync(0xFFFFFFFFu, thread / Shape::group_threads, 0) == 0;
  if (computes) {
    if (thread < Shape::rows) arrays.loss_sums[thread] = {0.0, 0.0, 0.0f, 0};
    load_narrow_parameters(p, arrays, thread);
  } else {
    NarrowGradient<Shape>(p, arrays).find_levels(first_sample<Shape>(), 0);
  }
  __syncthreads();
  if (computes)
    run_compute_group(p, arrays);
  else
    run_gradient_group(p, arrays);
  const EstimateRecord all = merge_all(static_cast<const ValueSums*>(arrays.loss_sums), Shape::rows);
  if (thread == 0) ptx::in_global(p.estimates)[blockIdx.x] = all;
}

}  // namespace

template <class Shape>
std::size_t narrow_shared_bytes_of() {
  Carver carve;
  const NarrowArrays<Shape> arrays(carve);
  return carve.used();
}

template <class Shape>
int launch_narrow_loss_of(const FusedLossParams& p, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>(p.blocks), 1, Shape::threads, narrow_shared_bytes_of<Shape>()};
  return launch(narrow_loss_kernel<Shape>, grid, stream, p);
}

/// Instantiates the kernel of a shape.
#define SCOREMATCH_NARROW_LOSS(dim, features, hidden, depth, activation, any_terms)                                 \
  template int launch_narrow_loss_of<NarrowShape<dim, features, hidden, depth, Activation::activation, any_terms>>( \
      const FusedLossParams&, CUstream_st*);                                                                        \
  template std::size_t                                                                                              \
  narrow_shared_bytes_of<NarrowShape<dim, features, hidden, depth, Activation::activation, any_terms>>()

}  // namespace kernels
}  // namespace scorematch
