// A batch to its loss and gradients in one launch: prologue, jet, head and back, tile after tile, nothing in between
// leaving the multiprocessor. A block does every so manieth tile and sums gradients and losses of its own; fused_reduce
// adds the blocks' in their order. Sums over rows are a tile's by the tensor cores, then the block's tiles in order: of
// the tiling and the number of blocks alone.
//
// Shared bytes: fused_shared_bytes(). Device bytes: 4 dim a sample in; 4 P a block in, and 4 P out onto its partial
// sums a tile, of the L2 cache. FLOP a sample as docs/performance.md counts them.
#pragma once
#include "fused/direction.cuh"
#include "fused/rows.cuh"
#include "heads/all.cuh"

namespace scorematch {
namespace kernels {
namespace {

SCOREMATCH_DEVICE HeadParts parts_of(Objective objective) {
  HeadParts parts{};
  visit_head(objective, [&](auto head) {
    using Head = typename decltype(head)::Head;
    parts = {Head::kScoreTerm, Head::kDirections, Head::kSlicedSquare};
  });
  return parts;
}

/// A direction, and of v^T J v and v^T s what does not pass through the network: there F is b_o alone.
template <class Block>
SCOREMATCH_DEVICE void load_loss_direction(const Block& block, int m) {
  struct Sums {
    SampleScore<Space::shared> score;
    float along, slice;
  };
  const HeadParams& head = block.p.head;
  const bool sliced = block.p.parts.sliced;
  load_direction(
      block, head.directions, m,
      [&](const HeadRow& r) {
        return Sums{SampleScore<Space::shared>(head, r), 0.0f, 0.0f};
      },
      [&](Sums& sums, int g, const float(&v)[4]) {
        float s[4] = {};
        if (sliced) sums.score.get4(g, s);
        SCOREMATCH_UNROLL
        for (int i = 0; i < 4; ++i) {
          sums.along = fmaf(v[i], sums.score.a * v[i], sums.along);
          sums.slice = fmaf(v[i], s[i], sums.slice);
        }
      },
      [&](Sums& sums, const HeadRow& r, const LaneOfRow& at, float) {
        const float along = at.lanes.sum(sums.along), slice = at.lanes.sum(sums.slice);
        if (at.lane == 0) block.arrays.direction_base[r.row] = make_float2(along, slice);
      });
}

/// The part of the loss that is a function of s, from F in output(); its adjoint into `side`.
template <class Head, class Block>
SCOREMATCH_DEVICE void score_part(const Block& block) {
  const HeadParams& head = block.p.head;
  for_each_row(block, head.grad_columns, [&](int row, const LaneOfRow& at) {
    const float loss =
        at.lanes.sum(score_term<Head, typename Block::T, Space::shared>(head, block.arrays.values[row], at));
    if (at.lane == 0) block.arrays.loss[row] += loss;
  });
}

/// grad_x += c (adjoint of the network's input).
template <class Jet>
SCOREMATCH_DEVICE void store_input_gradient(const Jet& jet) {
  using Block = typename Jet::Block;
  const Block& block = jet.block;
  const HeadParams& head = block.p.head;
  SCOREMATCH_NO_UNROLL
  for (int group = 0; group * 32 * block.p.tiling.column_warps < head.dim; ++group) {
    typename Block::Tile c;
    jet.pull_to_input(c, group);
    const int column = group * 32 * block.p.tiling.column_warps + block.tile_column() + 2 * (block.lane() & 3);
    for_each_fragment<Block::kRowTiles, 4>([&](int i, int pair) {
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const int row = block.tile_row() + 16 * i + 8 * (q / 2 % 2) + (block.lane() >> 2);
        const int k = column + 16 * pair + 8 * (q / 4) + q % 2;
        if (row >= head.batch || k >= head.dim) continue;
        float& grad = ptx::in_global(head.grad_x)[row * head.grad_x_stride + k];
        grad = fmaf(block.arrays.levels[row].c, c[i][2 * pair + q / 4][q % 4], grad);
      }
    });
  }
}

/// Writes what is every tile's and term's into the parameters. Called by one thread, once.
template <class Block>
SCOREMATCH_DEVICE void set_block(Block& block, const FusedLossParams& given) {
  FusedLossParams& p = block.p;
  HeadParams& head = p.head;
  set_block_prologue(block);
  p.parts = parts_of(given.head.objective);
  block.partial = given.partial + blockIdx.x * given.partial_stride;
  block.bias_partial = block.partial + given.bias_offset;
  head.noise.fast_normals = Block::Operands::kFast;
  head.rows = block.shape.rows;
  head.sigma_rows = nullptr;
  head.sigma = p.prologue.sigma;
  head.grad_columns = p.tiling.output_columns;
  head.grad_x = nullptr;
  head.grad_output = p.gradient || p.grad_x != nullptr ? static_cast<void*>(block.arrays.side) : nullptr;
  head.grad_output_stride = block.shape.side_stride;
  if (p.tiling.saves_eps && p.prologue.eps.given.data == nullptr) {
    p.prologue.eps_out = block.arrays.eps;
    p.prologue.eps_stride = p.tiling.output_columns;
    head.eps.given = {block.arrays.eps, p.tiling.output_columns};
    head.eps.saved = true;
  }
}

/// And what is this tile's and term's. Called by one thread.
template <class Block>
SCOREMATCH_DEVICE void set_term(Block& block, std::int64_t first, int which) {
  FusedLossParams& p = block.p;
  HeadParams& head = p.head;
  set_prologue(block, first);
  p.prologue.point = p.terms[which].point;
  head.first = first;
  head.batch = p.prologue.batch;
  head.term = p.terms[which];
  head.add_loss = which > 0;
  if (p.grad_x != nullptr) head.grad_x = p.grad_x + first * head.grad_x_stride;
  if (p.prologue.eps_out != nullptr) head.eps.first = first;
  // Along directions F is b_o alone, until the score itself is formed.
  head.output = block.arrays.biases + p.net.layers[p.net.hidden].bias;
  head.output_stride = 0;
}

template <class Block>
SCOREMATCH_DEVICE void clear_input_gradient(const Block& block) {
  const HeadParams& head = block.p.head;
  for_each_row(block, head.dim, [&](int row, const LaneOfRow& at) {
    const float zero[4] = {};
    if (row < head.batch)
      for (int g = at.lane; g < group_count(head.dim); g += at.lanes.lanes())
        write4(ptx::in_global(head.grad_x) + row * head.grad_x_stride, g, head.dim, zero);
  });
}

template <class Block>
SCOREMATCH_DEVICE void form_score(Block& block) {
  if (block.thread() == 0) {
    block.p.head.output = block.output();
    block.p.head.output_stride = block.shape.output_stride;
  }
  __syncthreads();
  visit_head(block.p.head.objective, [&](auto head) {
    using Head = typename decltype(head)::Head;
    if constexpr (Head::kScoreTerm) score_part<Head>(block);
  });
  __syncthreads();
}

/// One term over one tile; begins and ends synchronised.
template <class Jet>
SCOREMATCH_DEVICE void run_term(Jet& jet, std::int64_t tile, int which) {
  auto& block = jet.block;
  const HeadParts& parts = block.p.parts;
  // By the last warp, which seldom has a row's loss of the tile before to store.
  if (block.thread() == block.shape.threads - 32) set_term(block, block.first_of(tile), which);
  __syncthreads();
  load_tile(block, [&](int row) { return head_row(block.p.head, row); });
  if (block.p.grad_x != nullptr && !parts.score_term) clear_input_gradient(block);
  jet.forward(false);
  if (parts.directions) {
    SCOREMATCH_NO_UNROLL
    for (int m = 0; m < block.p.directions; ++m) {
      load_loss_direction(block, m);
      jet.forward(true);
      FusedDirection<Jet>{jet, block}.run(m == 0);
    }
    if (parts.score_term) jet.restore_top();
  }
  if (parts.score_term) {
    __syncthreads();
    jet.form_output(true);
    form_score(block);
  }
  if (block.p.head.grad_output != nullptr) {
    jet.backward(parts.score_term, parts.sliced, parts.directions);
    if (block.p.grad_x != nullptr) store_input_gradient(jet);
  }
  __syncthreads();
}

template <class Jet>
SCOREMATCH_DEVICE void run_tile(Jet& jet, std::int64_t tile) {
  auto& block = jet.block;
  for (int row = block.thread(); row < block.shape.rows; row += block.shape.threads) block.arrays.loss[row] = 0.0f;
  SCOREMATCH_NO_UNROLL
  for (int which = 0; which < block.p.term_count; ++which) run_term(jet, tile, which);
  // The next tile's parameters may already be on their way into p.head.
  const std::int64_t first = block.first_of(tile), left = block.p.batch - first;
  for (int row = block.thread(); row < block.shape.rows && row < left; row += block.shape.threads) {
    const float loss = block.arrays.values[row].loss_factor * block.arrays.loss[row];
    if (block.p.loss_per_sample != nullptr) ptx::in_global(block.p.loss_per_sample)[first + row] = loss;
    block.arrays.loss_sums[row].add(loss);
  }
}

template <class Operands, Activation kActivation, int kRowTiles>
__global__ void __launch_bounds__(kFusedThreads, 1) fused_loss_kernel(const __grid_constant__ FusedLossParams given) {
  using Block = FusedBlock<FusedLossParams, Operands, kRowTiles>;
  SCOREMATCH_SHARED(memory);
  Carver carve(memory);
  Block& block = Block::make(given, carve);
  if (block.thread() == 0) set_block(block, given);
  block.load_parameters(given.params);
  for (int row = block.thread(); row < block.shape.rows; row += block.shape.threads) {
    block.arrays.ones[row] = from_float<typename Operands::T>(1.0f);
    block.arrays.loss_sums[row] = {0.0, 0.0, 0.0f, 0};
  }
  __syncthreads();
  FusedJet<Block, kActivation> jet{block};
  SCOREMATCH_NO_UNROLL
  for (std::int64_t tile = blockIdx.x; block.first_of(tile) < block.p.batch; tile += gridDim.x) run_tile(jet, tile);
  const EstimateRecord all = merge_all(static_cast<const ValueSums*>(block.arrays.loss_sums), block.shape.rows);
  if (block.thread() == 0) ptx::in_global(block.p.estimates)[blockIdx.x] = all;
}

}  // namespace

template <class Operands, int kRowTiles>
int launch_fused_loss_of(const FusedLossParams& p, CUstream_st* stream) {
  return visit_activation(p.net.activation, [&](auto kind) {
    return launch(fused_loss_kernel<Operands, decltype(kind)::value, kRowTiles>, fused_grid(p), stream, p);
  });
}

}  // namespace kernels
}  // namespace scorematch
