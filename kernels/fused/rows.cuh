// What a fused kernel does to its tile row by row: the prologue, and directions. A warp takes a few rows at a time, its
// lanes share out a row's columns in groups of four.
#pragma once
#include "fused/block.cuh"
#include "heads/row.cuh"

namespace scorematch {
namespace kernels {

/// each(row, at), `at` being this lane's place in the row, for rows of `columns`. A lane takes about four groups, so
/// that what a row's groups have in common is worth finding, or fewer where threads would have none. All 32 lanes take
/// part.
template <class Block, class Each>
SCOREMATCH_DEVICE void for_each_row(const Block& block, int columns, const Each& each) {
  const int groups = group_count(columns), quarter = (groups + 3) / 4, least = block.shape.lanes_a_row;
  const RowLanes lanes(groups, quarter > least ? quarter : least);
  const int at_once = lanes.rows(32);
  for (int first = block.warp() * at_once; first < block.shape.rows; first += block.shape.warps * at_once)
    each(first + lanes.row_of(block.lane()), LaneOfRow{lanes, lanes.lane_of(block.lane())});
}

/// What perturb's functions are told of every tile. Called by one thread, once.
template <class Block>
SCOREMATCH_DEVICE void set_block_prologue(Block& block) {
  PerturbParams& p = block.p.prologue;
  p.noise.fast_normals = Block::Operands::kFast;
  p.rows = block.shape.rows;
  p.sigma_out = nullptr;
  p.net_input = block.arrays.input;
  p.net_stride = block.shape.input_stride;
  p.net_columns = block.p.tiling.input_columns;
}

/// And of the tile of samples first .... Called by one thread.
template <class Block>
SCOREMATCH_DEVICE void set_prologue(Block& block, std::int64_t first) {
  PerturbParams& p = block.p.prologue;
  p.first = first;
  p.batch = block.p.batch - first < p.rows ? block.p.batch - first : p.rows;
}

/// The network's input, and `row_values(row)`, what a row's head wants. A row's noise level and these values are found
/// by two threads, of different warps, at the same time: both are long chains in double, so both draw sigma.
/// Synchronizes once; the input is there after the caller's next barrier.
template <class Block, class RowValues>
SCOREMATCH_DEVICE void load_tile(const Block& block, const RowValues& row_values) {
  const PerturbParams& p = block.p.prologue;
  const int rows = block.shape.rows, levels = rows < 32 ? 32 : rows;  // threads for them
  SCOREMATCH_NO_UNROLL
  for (int i = block.thread(); i < levels + rows; i += block.shape.threads) {
    if (i < rows) block.arrays.levels[i] = find_level(p, i);
    if (i >= levels) block.arrays.values[i - levels] = row_values(i - levels);
  }
  __syncthreads();
  const int groups = group_count(p.net_columns);
  for_each_row(block, p.net_columns, [&](int row, const LaneOfRow& at) {
    const PerturbRow<typename Block::T, Space::shared> perturbed(p, row, block.arrays.levels[row]);
    for (int g = at.lane; g < groups; g += at.lanes.lanes()) perturbed.store_group(g);
  });
}

/// v_m of the tile into `side`: begin(r) gives what each(state, g, v) wants for the groups of a row that is a sample,
/// and done(state, r, at, scale) of every row.
template <class Block, class Begin, class Each, class Done>
SCOREMATCH_DEVICE void load_direction(const Block& block, const DirectionSource& source, int m, const Begin& begin,
                                      const Each& each, const Done& done) {
  const PerturbParams& p = block.p.prologue;
  const int columns = block.shape.side_columns;
  for_each_row(block, columns, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    const int dim = row < p.batch ? p.dim : 0;
    SampleDirection direction(source, p.noise, m, r.sample, p.dim);
    if (direction.is_on_sphere()) direction.scale_to_sphere(dim > 0, at.lanes, at.lane);
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
    done(state, r, at, direction.scale);
  });
}

}  // namespace kernels
}  // namespace scorematch
