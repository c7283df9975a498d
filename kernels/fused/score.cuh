// The score of a batch, products with its Jacobian and its divergence in one launch: the jet forward, tile after tile;
// directions one after the other over the same tile. Elementwise in the samples: nothing depends on the launch, and a
// row's sums on the tiling alone. Device bytes a sample: 4 dim (2 + 2 M).
#pragma once
#include "device/score_row.cuh"
#include "fused/jet.cuh"
#include "fused/rows.cuh"

namespace scorematch {
namespace kernels {
namespace {

/// What is every tile's, into the parameters. Called by one thread, once.
template <class Block>
SCOREMATCH_DEVICE void set_block(Block& block) {
  set_block_prologue(block);
  ScoreParams& score = block.p.score;
  score.noise.fast_normals = Block::Operands::kFast;
  score.rows = block.shape.rows;
  score.output = score.jvp = block.output();
  score.output_stride = score.jvp_stride = block.shape.output_stride;
  score.direction_scale = block.arrays.loss;
}

/// What is this tile's. Called by one thread.
template <class Block>
SCOREMATCH_DEVICE void set_tile(Block& block, std::int64_t first) {
  set_prologue(block, first);
  ScoreParams& score = block.p.score;
  const ScoreParams& given = block.p.given;
  score.first = first;
  score.batch = block.p.prologue.batch;
  if (given.score != nullptr) score.score = given.score + first * given.score_stride;
  if (given.divergence != nullptr) score.divergence = given.divergence + first;
}

template <class Block>
SCOREMATCH_DEVICE void store_scores(const Block& block) {
  const ScoreParams& p = block.p.score;
  for_each_row(block, p.dim, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    if (row < p.batch)
      for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes())
        store_score<Space::shared>(p, {r.a, r.b, r.c}, row, g);
  });
}

template <class Block>
SCOREMATCH_DEVICE void store_jvps(const Block& block, bool first) {
  const ScoreParams& p = block.p.score;
  for_each_row(block, p.dim, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    float along = 0.0f;
    if (row < p.batch)
      for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes())
        along += store_jvp<Space::shared>(p, {r.a, r.b, r.c}, row, 0, g);
    along = at.lanes.sum(along) * p.weight;
    if (p.divergence == nullptr || row >= p.batch || at.lane != 0) return;
    float& divergence = ptx::in_global(p.divergence)[row];
    divergence = first ? along : divergence + along;
  });
}

template <class Jet>
SCOREMATCH_DEVICE void run_tile(Jet& jet, std::int64_t tile) {
  auto& block = jet.block;
  const std::int64_t first = block.first_of(tile);
  if (block.thread() == 0) set_tile(block, first);
  __syncthreads();
  load_tile(block, [&](int row) {
    const PerturbParams& p = block.p.prologue;
    const float sigma = row < p.batch ? sigma_of(p.sigma, p.noise, first + row) : 1.0f;
    const Coefficients k = coefficients(p.parameterization, sigma);
    return HeadRow{row, first + row, sigma, k.a, k.b, k.c, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f};
  });
  jet.forward(false);
  if (block.p.given.score != nullptr) {
    __syncthreads();
    jet.form_output(true);
    __syncthreads();
    store_scores(block);
  }
  SCOREMATCH_NO_UNROLL
  for (int m = 0; m < block.p.directions; ++m) {
    if (block.thread() == 0) {
      ScoreParams& score = block.p.score;
      score.first_direction = m;
      if (score.jvp_out != nullptr)
        score.jvp_out = block.p.given.jvp_out + m * score.jvp_out_plane + first * score.jvp_out_stride;
    }
    load_direction(
        block, block.p.given.directions, m, [](const HeadRow&) { return 0; }, [](int, int, const float(&)[4]) {},
        [&](int, const HeadRow& r, const LaneOfRow& at, float scale) {
          if (at.lane == 0) block.arrays.loss[r.row] = scale;
        });
    jet.forward(true);
    __syncthreads();
    jet.form_output(false);
    __syncthreads();
    store_jvps(block, m == 0);
    __syncthreads();
  }
  __syncthreads();
}

template <class Operands, Activation kActivation, int kRowTiles>
__global__ void __launch_bounds__(kFusedThreads, 1) fused_score_kernel(const __grid_constant__ FusedScoreParams given) {
  using Block = FusedBlock<FusedScoreParams, Operands, kRowTiles>;
  SCOREMATCH_SHARED(memory);
  Carver carve(memory);
  Block& block = Block::make(given, carve);
  if (block.thread() == 0) set_block(block);
  block.load_parameters(given.params);
  __syncthreads();
  FusedJet<Block, kActivation> jet{block};
  SCOREMATCH_NO_UNROLL
  for (std::int64_t tile = blockIdx.x; block.first_of(tile) < block.p.batch; tile += gridDim.x) run_tile(jet, tile);
}

}  // namespace

template <class Operands, int kRowTiles>
int launch_fused_score_of(const FusedScoreParams& p, CUstream_st* stream) {
  return visit_activation(p.net.activation, [&](auto kind) {
    return launch(fused_score_kernel<Operands, decltype(kind)::value, kRowTiles>, fused_grid(p), stream, p);
  });
}

}  // namespace kernels
}  // namespace scorematch
