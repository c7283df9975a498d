// Scores of a batch, Jacobian-vector products and divergences in one launch, for networks that are padded to the same
// widths: what fused/score.cuh computes.
//
//   s = a x + b F      J v = a v + b c (dF/dz) v      divergence = weight sum_m v_m^T J v_m
//
// x and the score are [samples, dim], the products [M, samples, dim]. A warp (score_warp.cuh) has 32 rows of the batch,
// or 16 if there are directions, and goes its own way once the parameters are there; tile number t of the batch belongs
// to block t % gridDim.x. Elementwise in the samples: nothing depends on the launch.
//
// Shared bytes: NarrowScoreArrays. Device bytes per sample: 4 dim (2 + M), and 4 dim M more if directions are given.
#pragma once
#include "device/launch.h"
#include "narrow/parameters.cuh"
#include "narrow/score_of.h"
#include "narrow/score_warp.cuh"

namespace scorematch {
namespace kernels {
namespace {

/// Loads the weights of layer l, and its biases, by one of `parts` parts of the threads.
template <class Shape>
SCOREMATCH_DEVICE void load_score_layer(const FusedScoreParams& p, const NarrowScoreArrays<Shape>& arrays, int l,
                                        int part, int parts) {
  constexpr int kBatch = 8, kInputStride = Shape::stride(Shape::inputs), kStride = Shape::stride(Shape::hidden);
  const int depth = p.net.hidden, threads = 32 * parts, thread = 32 * part + static_cast<int>(threadIdx.x) % 32;
  const LayerPlace& place = p.net.layers[l].place;
  NarrowMatrix m = NarrowMatrix::of(p.params, place);
  unsigned char* const to = arrays.weights + Shape::weights_at(l);
  const auto word = [&](int row, int stride, int column) {
    return reinterpret_cast<std::uint32_t*>(to + row * stride + 2 * column);
  };
  const auto hidden_word = [&](int row, int column) { return word(row, kStride, column); };
  if (l == 0) {
    m.columns = p.batch.dim;
    load_narrow_weights<Shape::hidden, Shape::columns, false, true, kBatch>(
        m, Shape::scale, thread, threads, [&](int row, int column) { return word(row, kInputStride, column); });
    m.from += p.batch.dim, m.columns = p.features.count;
    load_narrow_weights<Shape::hidden, kNarrowFeatures, false, true, kBatch>(
        m, Shape::scale, thread, threads,
        [&](int row, int column) { return word(row, kInputStride, Shape::columns + column); });
  } else if (l < depth) {
    load_narrow_weights<Shape::hidden, Shape::hidden, false, false, kBatch>(m, Shape::scale, thread, threads,
                                                                            hidden_word);
  } else {
    load_narrow_weights<Shape::columns, Shape::hidden, true, false, kBatch>(m, Shape::scale, thread, threads,
                                                                            hidden_word);
  }
  SCOREMATCH_NO_UNROLL
  for (int i = thread; i < (l < depth ? Shape::hidden : Shape::columns); i += threads) {
    const int row = l < depth ? i : narrow_column(i);
    arrays.biases[l * Shape::hidden + i] =
        row < place.out ? Shape::scale * ptx::in_global(p.params)[place.bias + row] : 0.0f;
  }
}

/// Loads the parameters, by `warps` warps: each has a part of one layer or, if there are more layers, several layers,
/// so that all layers are on their way at once.
template <class Shape>
SCOREMATCH_DEVICE void load_score_parameters(const FusedScoreParams& p, const NarrowScoreArrays<Shape>& arrays,
                                             int warp, int warps) {
  const int layers = p.net.hidden + 1;
  SCOREMATCH_NO_UNROLL
  for (int l = warp % layers; l < layers; l += warps)
    load_score_layer(p, arrays, l, warp / layers, l < warps ? (warps - l + layers - 1) / layers : 1);
}

template <class Shape, bool kHasDirections>
__global__ void __launch_bounds__(32 * Shape::warps(kHasDirections), 1)
    narrow_score_kernel(const __grid_constant__ FusedScoreParams p) {
  using Warp = NarrowScoreWarp<Shape, kHasDirections>;
  constexpr int kWarps = Shape::warps(kHasDirections);
  SCOREMATCH_SHARED(memory);
  Carver carve(memory);
  const NarrowScoreArrays<Shape> arrays(carve, p.net.hidden);
  // The shuffle tells the compiler that the threads of a warp take the same branch.
  const int warp = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x) / 32, 0);
  Warp own(p, arrays);
  bool is_first_tile = true;
  // The first x is on its way while the parameters are loaded.
  SCOREMATCH_NO_UNROLL
  for (std::int64_t tile = std::int64_t{warp} * gridDim.x + blockIdx.x;; tile += kWarps * gridDim.x) {
    const std::int64_t first = tile * Warp::kSamples;
    const bool is_last_warp = warp == kWarps - 1;
    own.begin_tile(first);
    if (is_first_tile && !is_last_warp) load_score_parameters(p, arrays, warp, kWarps - 1);
    if (!own.has_one_level() || (is_first_tile && is_last_warp)) {
      __syncwarp();
      own.find_levels(first);
      __syncwarp();
    }
    if (is_first_tile) __syncthreads();
    is_first_tile = false;
    if (first >= p.samples) return;
    own.run_tile();
  }
}

}  // namespace

template <class Shape>
std::size_t narrow_score_shared_bytes_of(int depth) {
  Carver carve;
  const NarrowScoreArrays<Shape> arrays(carve, depth);
  return carve.used();
}

template <class Shape>
int launch_narrow_score_of(const FusedScoreParams& p, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>(p.blocks), 1, static_cast<unsigned>(32 * Shape::warps(p.directions > 0)),
                  narrow_score_shared_bytes_of<Shape>(p.net.hidden)};
  if (p.directions > 0) return launch(narrow_score_kernel<Shape, true>, grid, stream, p);
  return launch(narrow_score_kernel<Shape, false>, grid, stream, p);
}

/// Instantiates the kernels of a shape.
#define SCOREMATCH_NARROW_SCORE(columns, hidden, activation)                                      \
  template int launch_narrow_score_of<NarrowScoreShape<columns, hidden, Activation::activation>>( \
      const FusedScoreParams&, CUstream_st*);                                                     \
  template std::size_t narrow_score_shared_bytes_of<NarrowScoreShape<columns, hidden, Activation::activation>>(int)

}  // namespace kernels
}  // namespace scorematch
