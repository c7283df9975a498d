// Scores of a batch, Jacobian-vector products and divergences in one launch:
//
//   s = a x + b F      J v = a v + b c (dF/dz) v      divergence = weight sum_m v_m^T J v_m
//
// x and the score are [samples, dim], the products [M, samples, dim]; tiles of `rows` samples. Each block processes
// every gridDim.x-th tile: the jet forward, with the directions one after the other. Elementwise in the samples:
// nothing depends on the launch, and the sums over a row depend only on the tiling.
//
// Shared bytes: fused_shared_bytes(). Device bytes per sample: 4 dim (2 + M), and 4 dim M more if directions are given.
#pragma once
#include "device/score_row.cuh"
#include "fused/jet.cuh"
#include "fused/rows.cuh"

namespace scorematch {
namespace kernels {
namespace {

/// Loads the samples of a tile into the network input. Synchronizes twice.
template <class Block>
SCOREMATCH_DEVICE void load_samples(const Block& block, std::int64_t index) {
  const BatchParams& batch = block.p.batch;
  if (block.thread() == 0) block.start_tile(index, Term(), true);
  __syncthreads();
  load_tile(block, [&](int row) {
    HeadRow r = padding_row(row, block.tile.first + row);
    r.is_sample = row < block.tile.samples;
    if (r.is_sample) r.sigma = sigma_of(batch.sigma, batch.noise, r.sample);
    const Coefficients k = coefficients(batch.parameterization, r.sigma);
    r.a = k.a, r.b = k.b, r.c = k.c;
    return r;
  });
}

/// Lanes may have rows past the samples of the tile.
template <class Block>
SCOREMATCH_DEVICE void store_scores(const Block& block) {
  const FusedScoreParams& p = block.p;
  const Table& x = p.batch.data.x;
  const int dim = p.batch.dim;
  for_each_row(block, dim, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    if (row < block.tile.samples)
      for (int g = at.lane; g < group_count(dim); g += at.lanes.lanes())
        store_score<Space::shared>({r.a, r.b, r.c}, block.output() + row * block.shape.output_stride,
                                   x.data + r.sample * x.stride, g, dim, p.score + r.sample * p.score_stride);
  });
}

/// Stores J v_m and adds v_m^T J v_m to the divergence.
template <class Block>
SCOREMATCH_DEVICE void store_jvps(const Block& block, int m) {
  const FusedScoreParams& p = block.p;
  const int dim = p.batch.dim;
  for_each_row(block, dim, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    float along = 0.0f;
    if (row < block.tile.samples) {
      SampleDirection direction(p.batch.directions, p.batch.noise, m, r.sample, dim);
      direction.noise.is_fast = Block::Operands::kFast;
      direction.row_value = block.arrays.loss[row];
      float* jvp = p.jvp == nullptr ? nullptr : p.jvp + m * p.jvp_plane + r.sample * p.jvp_stride;
      for (int g = at.lane; g < group_count(dim); g += at.lanes.lanes())
        along += store_jvp<Space::shared>({r.a, r.b, r.c}, direction, block.output() + row * block.shape.output_stride,
                                          g, dim, jvp);
    }
    along = at.lanes.sum(along) * p.weight;
    if (p.divergence == nullptr || row >= block.tile.samples || at.lane != 0) return;
    float& divergence = ptx::in_global(p.divergence)[r.sample];
    divergence = m == 0 ? along : divergence + along;
  });
}

template <class Jet>
SCOREMATCH_DEVICE void run_tile(const Jet& jet, std::int64_t index) {
  const auto& block = jet.block;
  load_samples(block, index);
  jet.forward_value();
  if (block.p.score != nullptr) {
    __syncthreads();
    jet.form_output(true);
    __syncthreads();
    store_scores(block);
  }
  SCOREMATCH_NO_UNROLL
  for (int m = 0; m < block.p.directions; ++m) {
    // The value that a direction's columns share is saved in the array that holds the losses in a loss kernel.
    load_direction(
        block, m, [](const HeadRow&) { return 0; }, [](int, int, const float(&)[4]) {},
        [&](int, const HeadRow& r, const LaneOfRow& at, const SampleDirection& direction) {
          if (at.lane == 0) block.arrays.loss[r.row] = direction.row_value;
        });
    jet.forward_tangent();
    __syncthreads();
    jet.form_output(false);
    __syncthreads();
    store_jvps(block, m);
    __syncthreads();
  }
  __syncthreads();
}

template <class Operands, Activation kActivation, int kRowTiles>
__global__ void __launch_bounds__(kFusedThreads, 1)
    fused_score_kernel(const __grid_constant__ FusedScoreParams p, const __grid_constant__ FusedShape<Operands> shape) {
  using Block = FusedBlock<FusedScoreParams, Operands, kRowTiles>;
  SCOREMATCH_SHARED(memory);
  const Block block(p, shape, Block::carve_shared(p, shape, memory));
  block.load_parameters(p.params);
  __syncthreads();
  const FusedJet<Block, kActivation> jet{block};
  SCOREMATCH_NO_UNROLL
  for (std::int64_t tile = blockIdx.x; block.first_of(tile) < p.samples; tile += gridDim.x) run_tile(jet, tile);
}

}  // namespace

template <class Operands, int kRowTiles>
int launch_fused_score_of(const FusedScoreParams& p, CUstream_st* stream) {
  const FusedShape<Operands> shape(p.net, p.tiling);
  return visit_activation(p.net.activation, [&](auto kind) {
    return launch(fused_score_kernel<Operands, decltype(kind)::value, kRowTiles>, fused_grid(p), stream, p, shape);
  });
}

}  // namespace kernels
}  // namespace scorematch
