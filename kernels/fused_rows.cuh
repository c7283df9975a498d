// What a fused kernel does to its tile row by row: the prologue, and directions. A warp takes a few rows at a time, its
// lanes share out a row's columns in groups of four.
#pragma once
#include "fused_block.cuh"
#include "heads/row.cuh"

namespace scorematch {
namespace kernels {

/// each(row, at), `at` being this lane's place in the row, for rows of `columns`. All 32 lanes take part.
template <class Block, class Each>
SCOREMATCH_DEVICE void for_each_row(const Block& block, int columns, const Each& each) {
  const RowLanes lanes(group_count(columns));
  const int at_once = lanes.rows(32);
  for (int first = block.warp() * at_once; first < block.shape.rows; first += block.shape.warps * at_once)
    each(first + lanes.row_of(block.lane()), LaneOfRow{lanes, lanes.lane_of(block.lane())});
}

/// Where a tile of samples first ... goes, for perturb's functions. Called by one thread.
template <class Block>
SCOREMATCH_DEVICE void set_prologue(Block& block, std::int64_t first) {
  PerturbParams& p = block.p.prologue;
  p.first = first;
  p.rows = block.shape.rows;
  p.batch = block.p.batch - first < p.rows ? block.p.batch - first : p.rows;
  p.sigma_out = block.arrays.sigma;
  p.net_input = block.arrays.input;
  p.net_stride = block.shape.input_stride;
  p.net_columns = block.p.tiling.input_columns;
}

/// The network's input; `row_values(row)` is what a row's head wants, once its sigma is known. Synchronises once; the
/// input is there after the caller's next barrier.
template <class Block, class RowValues>
SCOREMATCH_DEVICE void load_tile(const Block& block, const RowValues& row_values) {
  const PerturbParams& p = block.p.prologue;
  SCOREMATCH_NO_UNROLL
  for (int row = block.thread(); row < block.shape.rows; row += block.shape.threads) {
    block.arrays.levels[row] = find_level(p, row);
    block.arrays.values[row] = row_values(row);
  }
  __syncthreads();
  for_each_row(block, p.net_columns, [&](int row, const LaneOfRow& at) {
    for (int g = at.lane; g < group_count(p.net_columns); g += at.lanes.lanes())
      store_group<typename Block::T>(p, row, block.arrays.levels[row], g);
  });
}

/// v_m of the tile into `side`: each(r, at, scale, g, v) for a row's groups, then done(r, at, scale).
template <class Block, class Each, class Done>
SCOREMATCH_DEVICE void load_direction(const Block& block, const DirectionSource& source, int m, const Each& each,
                                      const Done& done) {
  const PerturbParams& p = block.p.prologue;
  const int columns = block.shape.side_columns;
  for_each_row(block, columns, [&](int row, const LaneOfRow& at) {
    const HeadRow& r = block.arrays.values[row];
    const bool is_sample = row < p.batch;
    const float scale =
        is_scaled(source) ? sphere_scale(source, p.noise, m, r.sample, is_sample, p.dim, at.lanes, at.lane) : 1.0f;
    for (int g = at.lane; g < group_count(columns); g += at.lanes.lanes()) {
      float v[4] = {};
      if (is_sample && 4 * g < p.dim) direction4(source, p.noise, m, r.sample, g, p.dim, v);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) v[i] *= scale;
      if (is_sample && 4 * g < p.dim) each(r, g, v);
      write4(block.arrays.side + row * block.shape.side_stride, g, columns, v);
    }
    done(r, at, scale);
  });
}

}  // namespace kernels
}  // namespace scorematch
