// The row-by-row steps of a fused kernel: the perturbation and directions. A warp processes a few rows at a time, and
// its lanes divide the columns of a row in groups of four.
#pragma once
#include "fused/block.cuh"

namespace scorematch {
namespace kernels {

/// Calls each(row, at) for rows of `columns`; `at` is this lane's place in the row. A lane takes about four groups, so
/// that computing the values that they share pays off, or fewer if threads would be idle. All 32 lanes of a warp take
/// part.
template <class Block, class Each>
SCOREMATCH_DEVICE void for_each_row(const Block& block, int columns, const Each& each) {
  const int groups = group_count(columns), quarter = (groups + 3) / 4, least = block.shape.lanes_per_row;
  const RowLanes lanes(groups, quarter > least ? quarter : least);
  const int at_once = lanes.rows(32);
  for (int first = block.warp() * at_once; first < block.shape.rows; first += block.shape.warps * at_once)
    each(first + lanes.row_of(block.lane()), LaneOfRow{lanes, lanes.lane_of(block.lane())});
}

/// Whether eps is passed from the perturbation to the head through shared memory.
template <class Block>
SCOREMATCH_DEVICE bool saves_eps(const Block& block) {
  return block.shape.tiling.saves_eps && block.p.batch.eps.given.data == nullptr;
}

/// eps of a row: the values that load_tile() has saved, or else given or drawn again.
template <class Block>
SCOREMATCH_DEVICE SampleEps<Space::shared> eps_of(const Block& block, const HeadRow& r) {
  const BatchParams& batch = block.p.batch;
  SampleEps<Space::shared> eps(batch.eps, batch.noise, r.sample, batch.dim);
  eps.noise.is_fast = Block::Operands::kFast;
  if (saves_eps(block)) eps.read_saved(block.arrays.eps + r.row * block.shape.tiling.output_columns);
  return eps;
}

/// Loads the network input and `row_values(row)`, the values that the head of a row needs. Two threads of different
/// warps compute the noise level and these values of a row at the same time. Both are long chains in double, so both
/// draw sigma. Synchronizes once; the input is valid after the caller's next barrier.
template <class Block, class RowValues>
SCOREMATCH_DEVICE void load_tile(const Block& block, const RowValues& row_values) {
  const auto& p = block.p;
  const TileState& tile = block.tile;
  const int rows = block.shape.rows, levels = rows < 32 ? 32 : rows;  // threads that find levels
  SCOREMATCH_NO_UNROLL
  for (int i = block.thread(); i < levels + rows; i += block.shape.threads) {
    if (i < rows)
      block.arrays.levels[i] = find_level_and_context(p.batch, p.features, tile.first + i, i < tile.samples);
    if (i >= levels) block.arrays.values[i - levels] = row_values(i - levels);
  }
  __syncthreads();
  const int columns = block.shape.tiling.input_columns;
  for_each_row(block, columns, [&](int row, const LaneOfRow& at) {
    const RowLevel& level = block.arrays.levels[row];
    SampleEps<> eps(p.batch.eps, p.batch.noise, tile.first + row, p.batch.dim);
    eps.noise.is_fast = Block::Operands::kFast;
    const PerturbRow<typename Block::T, Space::shared> perturbed{
        p.features,
        p.batch.context,
        {p.batch.data.x.data + level.row() * p.batch.data.x.stride, eps, tile.term.point * level.sigma, p.batch.dim},
        level.log_sigma,
        level.place,
        level.c,
        row < tile.samples,
        block.arrays.input + row * block.shape.input_stride,
        columns,
        nullptr,
        saves_eps(block) ? block.arrays.eps + row * block.shape.tiling.output_columns : nullptr};
    for (int g = at.lane; g < group_count(columns); g += at.lanes.lanes()) perturbed.store_group(g);
  });
}

/// Loads v_m of the tile into `side`. begin(r) returns the state of a row, each(state, g, v) is called for the groups
/// of a row that is a sample, and done(state, r, at, direction) for every row.
template <class Block, class Begin, class Each, class Done>
SCOREMATCH_DEVICE void load_direction(const Block& block, int m, const Begin& begin, const Each& each,
                                      const Done& done) {
  const BatchParams& batch = block.p.batch;
  const int columns = block.shape.side_columns;
  for_each_row(block, columns, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    const int dim = r.is_sample ? batch.dim : 0;
    SampleDirection direction(batch.directions, batch.noise, m, r.sample, batch.dim);
    direction.noise.is_fast = Block::Operands::kFast;
    if (direction.has_row_value()) direction.find_row_value(dim > 0, at.lanes, at.lane);
    auto state = begin(r);
    auto* side = block.arrays.side + row * block.shape.side_stride;
    for (int g = at.lane; g < group_count(columns); g += at.lanes.lanes()) {
      float v[4] = {};
      if (4 * g < dim) {
        direction.get4(g, v);
        each(state, g, v);
      }
      write4(side, g, columns, v);
    }
    done(state, r, at, direction);
  });
}

}  // namespace kernels
}  // namespace scorematch
