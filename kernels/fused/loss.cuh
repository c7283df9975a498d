// Losses and gradients of a batch in one launch: perturbation, jet, head and backward pass, tile by tile. The loss of a
// sample is lambda times the sum over the terms (kernels::Term) of
//
//   quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2] + weight sum_m [ v_m^T J v_m [+ (v_m^T s)^2 / 2] ]
//
// x is [samples, dim], partial gradients [blocks, partial_stride], estimates [blocks]. Each block processes every
// gridDim.x-th tile of `rows` samples and has its own sums of gradients and losses. Intermediate results stay on the
// multiprocessor, unless the tiling saves them in global memory. fused_reduce adds the sums of the blocks in order. The
// tensor cores sum over the rows of a tile, and each block adds its tiles in order, so sums depend only on the tiling
// and on the number of blocks.
//
// Shared bytes: fused_shared_bytes(). Device bytes: 4 dim per sample read; 4 P per block read; 4 P per tile added to
// the partial sums of the block, in the L2 cache. FLOP per sample: docs/performance.md.
#pragma once
#include "fused/direction.cuh"
#include "fused/loss_of.h"
#include "fused/rows.cuh"

namespace scorematch {
namespace kernels {
namespace {

/// The gradient of x of a row that is a sample.
SCOREMATCH_DEVICE float* grad_x_of(const FusedLossParams& p, const HeadRow& r) {
  return p.grad_x == nullptr ? nullptr : p.grad_x + r.sample * p.grad_x_stride;
}

/// Starts a term over a tile: its state, its perturbed samples, and zeros in grad_x if the head adds to it or writes
/// none. Synchronizes twice.
template <class Block>
SCOREMATCH_DEVICE void load_term(const Block& block, std::int64_t index, int which) {
  const FusedLossParams& p = block.p;
  // The last warp does this, because it rarely has a loss of the previous tile to store.
  if (block.thread() == block.shape.threads - 32) block.start_tile(index, p.terms[which], which == 0);
  __syncthreads();
  const TileState& tile = block.tile;
  load_tile(block, [&](int row) {
    const std::int64_t sample = tile.first + row;
    if (row >= tile.samples) return padding_row(row, sample);
    return head_row(p.batch, p.weighting, p.grad_factor, tile.term.target,
                    sigma_of(p.batch.sigma, p.batch.noise, sample), row, sample);
  });
  if (p.grad_x == nullptr || which > 0 || (needs_score(tile.term) && !tile.term.sliced_square)) return;
  const int dim = p.batch.dim;
  for_each_row(block, dim, [&](int row, const LaneOfRow& at) {
    const float zero[4] = {};
    if (row < tile.samples)
      for (int g = at.lane; g < group_count(dim); g += at.lanes.lanes())
        write4(ptx::in_global(p.grad_x) + (tile.first + row) * p.grad_x_stride, g, dim, zero);
  });
}

/// Loads a direction and computes the parts of v^T J v and v^T s that bypass the network: those with b_o instead of F.
template <class Block>
SCOREMATCH_DEVICE void load_loss_direction(const Block& block, int m) {
  struct Sums {
    SampleScore<Space::shared> score;
    float along, slice;
  };
  const Term& term = block.tile.term;
  const bool sliced = term.sliced_square;
  const auto start = [&](const HeadRow& r) {
    const SampleScore<Space::shared> score(block.p.batch, r, eps_of(block, r), term.score_point, block.output_bias());
    return Sums{score, 0.0f, 0.0f};
  };
  load_direction(
      block, m, start,
      [&](Sums& sums, int g, const float(&v)[4]) {
        float s[4] = {};
        if (sliced) sums.score.get4(g, s);
        SCOREMATCH_UNROLL
        for (int i = 0; i < 4; ++i) {
          sums.along = fmaf(v[i], sums.score.a * v[i], sums.along);
          sums.slice = fmaf(v[i], s[i], sums.slice);
        }
      },
      [&](Sums& sums, const HeadRow& r, const LaneOfRow& at, const SampleDirection&) {
        const float along = at.lanes.sum(sums.along), slice = at.lanes.sum(sums.slice);
        if (at.lane == 0) block.arrays.direction_base[r.row] = make_float2(along, slice);
      });
}

/// The part of the loss that depends on s, from h of the last layer in work 1. The gradient of F goes to `side`. Begins
/// with a barrier and ends synchronized.
template <class Jet>
SCOREMATCH_DEVICE void score_loss(const Jet& jet) {
  using T = typename Jet::T;
  const auto& block = jet.block;
  const TileState& tile = block.tile;
  __syncthreads();
  jet.form_output(true);
  __syncthreads();
  const int columns = block.shape.tiling.output_columns;
  for_each_row(block, columns, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    const SampleEps<Space::shared> eps = eps_of(block, r);
    const SampleScore<Space::shared> score(block.p.batch, r, eps, tile.term.score_point,
                                           block.output() + row * block.shape.output_stride);
    RowGradients<T> grads{};
    grads.columns = columns;
    if (wants_gradient(block.p)) grads.output = block.arrays.side + row * block.shape.side_stride;
    grads.x = grad_x_of(block.p, r);
    grads.adds_x = !tile.is_first_term || tile.term.sliced_square;
    const ScoreTerm<Space::shared> score_term(block.p.batch, tile.term, r, eps);
    const float loss = at.lanes.sum(run_score_term(tile.term, r, score, score_term, grads, at));
    if (at.lane != 0) return;
    block.arrays.loss[row] += loss;
    if (block.p.loss_per_direction == nullptr || !r.is_sample) return;
    float* each = ptx::in_global(block.p.loss_per_direction) + r.sample;
    SCOREMATCH_NO_UNROLL
    for (int m = 0; m < block.p.directions; ++m, each += block.p.loss_per_direction_plane)
      *each += r.loss_factor * loss;
  });
  __syncthreads();
}

/// Calls each(row, k, gradient) for columns [first, first + count) of the gradient of the network input.
template <class Jet, class Each>
SCOREMATCH_DEVICE void visit_input_gradient(const Jet& jet, int first, int count, const Each& each) {
  using Block = typename Jet::Block;
  const Block& block = jet.block;
  const int columns = block.shape.columns_at_once();
  SCOREMATCH_NO_UNROLL
  for (int group = first / columns; group * columns < first + count; ++group) {
    typename Block::Tile c;
    jet.input_gradient(c, group);
    const int column = group * columns + block.tile_column() + 2 * (block.lane() & 3) - first;
    for_each_fragment<Block::kRowTiles, 4>([&](int i, int pair) {
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const int row = block.tile_row() + 16 * i + 8 * (q / 2 % 2) + (block.lane() >> 2);
        const int k = column + 16 * pair + 8 * (q / 4) + q % 2;
        if (row < block.tile.samples && k >= 0 && k < count) each(row, k, c[i][2 * pair + q / 4][q % 4]);
      }
    });
  }
}

template <class Block>
SCOREMATCH_DEVICE void clear_losses(const Block& block) {
  for (int row = block.thread(); row < block.shape.rows; row += block.shape.threads) block.arrays.loss[row] = 0.0f;
}

/// grad_x += c (gradient of the network input).
template <class Jet>
SCOREMATCH_DEVICE void store_grad_x(const Jet& jet) {
  const auto& block = jet.block;
  const FusedLossParams& p = block.p;
  visit_input_gradient(jet, 0, p.batch.dim, [&](int row, int k, float gradient) {
    float& grad = ptx::in_global(p.grad_x)[(block.tile.first + row) * p.grad_x_stride + k];
    grad = fmaf(block.arrays.levels[row].c, gradient, grad);
  });
}

/// grad_context [+]= its columns of the gradient of the network input.
template <class Jet>
SCOREMATCH_DEVICE void store_grad_context(const Jet& jet) {
  const auto& block = jet.block;
  const FusedLossParams& p = block.p;
  visit_input_gradient(
      jet, p.batch.dim + p.features.count, p.batch.context.columns, [&](int row, int k, float gradient) {
        float& grad = ptx::in_global(p.grad_context)[(block.tile.first + row) * p.grad_context_stride + k];
        if (!block.arrays.levels[row].has_context()) gradient = 0.0f;
        grad = block.tile.is_first_term ? gradient : grad + gradient;
      });
}

/// Does not read the state of the tile, which may already be that of the next one.
template <class Block>
SCOREMATCH_DEVICE void store_losses(const Block& block, std::int64_t index) {
  const std::int64_t first = block.first_of(index), left = block.p.samples - first;
  for (int row = block.thread(); row < block.shape.rows && row < left; row += block.shape.threads) {
    const float loss = block.arrays.values[row].loss_factor * block.arrays.loss[row];
    if (block.p.loss_per_sample != nullptr) ptx::in_global(block.p.loss_per_sample)[first + row] = loss;
    block.arrays.loss_sums[row].add(loss);
  }
}

/// Processes one term over one tile; begins and ends synchronized.
template <class Jet>
SCOREMATCH_DEVICE void run_term(Jet& jet, std::int64_t index, int which) {
  const auto& block = jet.block;
  const Term& term = block.tile.term;
  load_term(block, index, which);
  jet.forward_value();
  if (term.has_directions) {
    SCOREMATCH_NO_UNROLL
    for (int m = 0; m < block.p.directions; ++m) {
      load_loss_direction(block, m);
      jet.forward_tangent();
      FusedDirection<Jet>{jet, block}.run(m);
    }
    if (needs_score(term)) jet.restore_top();
  }
  if (needs_score(term)) score_loss(jet);
  if (wants_gradient(block.p)) {
    jet.backward_value(needs_score(term), term.sliced_square, term.has_directions);
    if (block.p.grad_x != nullptr) store_grad_x(jet);
    if constexpr (Jet::Block::kRowTiles == 1) {  // with two, registers do not suffice: FusedWish::has_context
      if (block.p.grad_context != nullptr) store_grad_context(jet);
    }
  }
  __syncthreads();
}

template <class Operands, Activation kActivation, int kRowTiles>
__global__ void __launch_bounds__(kFusedThreads, 1)
    fused_loss_kernel(const __grid_constant__ FusedLossParams p, const __grid_constant__ FusedShape<Operands> shape) {
  using Block = FusedBlock<FusedLossParams, Operands, kRowTiles>;
  SCOREMATCH_SHARED(memory);
  const Block block(p, shape, Block::carve_shared(p, shape, memory));
  block.load_parameters(p.params);
  for (int row = block.thread(); row < shape.rows; row += shape.threads) {
    block.arrays.ones[row] = from_float<typename Operands::T>(1.0f);
    block.arrays.loss_sums[row] = {0.0, 0.0, 0.0f, 0};
  }
  __syncthreads();
  FusedJet<Block, kActivation> jet{block};
  SCOREMATCH_NO_UNROLL
  for (std::int64_t tile = blockIdx.x; block.first_of(tile) < p.samples; tile += gridDim.x) {
    clear_losses(block);
    SCOREMATCH_NO_UNROLL
    for (int which = 0; which < p.term_count; ++which) run_term(jet, tile, which);
    store_losses(block, tile);
  }
  const EstimateRecord all = merge_all(static_cast<const ValueSums*>(block.arrays.loss_sums), shape.rows);
  if (block.thread() == 0) ptx::in_global(p.estimates)[blockIdx.x] = all;
}

}  // namespace

template <class Operands, Activation kActivation, int kRowTiles>
int launch_fused_loss_of(const FusedLossParams& p, CUstream_st* stream) {
  const FusedShape<Operands> shape(p.net, p.tiling);
  return launch(fused_loss_kernel<Operands, kActivation, kRowTiles>, fused_grid(p), stream, p, shape);
}

}  // namespace kernels
}  // namespace scorematch
