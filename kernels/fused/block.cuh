// A block of a fused kernel: its shared memory, the products of its tile with the weights of the layers, and the weight
// gradients. fused/jet.cuh uses them.
//
// | array | shape | contents |
// |---|---|---|
// | weights | [out, in] of every layer, or two slabs of one | resident, or streamed |
// | input, side | [rows, .] of T | the network input; a direction, later the gradient of the output |
// | work 0, 1, 2 | [rows, work_columns] of T | activations and gradients; 2 also holds F, in float; 0 may be `side` too
// |
// | saved | a lane's own fragments | z of each layer; z', curvature, h, h' with directions or residual layers |
//
// The whole block computes a product: warp (i, j) has rows 16 kRowTiles i ... and columns 32 j .... Parameters and
// sizes are constants of the launch. Everything else that all threads share is in shared memory, because registers are
// needed for tiles.
#pragma once
#include "device/activation.cuh"
#include "device/estimate.cuh"
#include "device/head.cuh"
#include "device/launch.h"
#include "device/perturbation.cuh"
#include "device/smem.cuh"
#include "fused/shape.cuh"

namespace scorematch {
namespace kernels {

template <Space kSpace>
using SpaceConstant = std::integral_constant<Space, kSpace>;

template <class Operands>
struct FusedArrays {
  using T = typename Operands::T;
  SharedArray<T> weights, input, side, work, ones, slice_weights;
  SharedArray<float> biases;
  // Per row: the unweighted loss; the sums of its losses; its noise level; the part of v^T J v and v^T s that bypasses
  // the network; and, [column_warps, rows], the parts that pass through it.
  SharedArray<float> loss;
  SharedArray<float> eps;  // [rows, output_columns]
  SharedArray<RowLevel> levels;
  SharedArray<HeadRow> values;
  SharedArray<ValueSums> loss_sums;
  SharedArray<float2> direction_base, direction_parts;
  SharedArray<float4> saved;

  __host__ __device__ FusedArrays(const FusedShape<Operands>& shape, Carver& carve) {
    const FusedTiling& tiling = shape.tiling;
    const auto count = [](int elements) { return static_cast<std::size_t>(elements); };
    carve.take(weights, count(shape.all_weights()));
    carve.take(input, count(shape.rows * shape.input_stride));
    carve.take(work, count(shape.all_work()));
    // Without directions `side` holds only the gradient of the output, while the first work array is free.
    if (tiling.directions || shape.rows * shape.side_stride > shape.work)
      carve.take(side, count(shape.rows * shape.side_stride));
    else
      side = work;
    carve.take(ones, count(shape.rows));
    carve.take(slice_weights, count(shape.rows));
    carve.take(biases, count(shape.all_biases()));
    carve.take(loss, count(shape.rows));
    carve.take(levels, count(shape.rows));
    carve.take(values, count(shape.rows));
    carve.take(loss_sums, count(shape.rows));
    carve.take(direction_base, count(shape.rows));
    carve.take(direction_parts, count(shape.rows * tiling.column_warps));
    if (tiling.saves_eps) carve.take(eps, count(shape.rows * tiling.output_columns));
    if (tiling.saved_in_shared) carve.take(saved, count(shape.saved.all * shape.threads));
  }
};

/// The state that changes with the tile and the term.
struct TileState {
  std::int64_t first;  // sample of row 0
  int samples;         // rows that are samples; the rest are padding
  bool is_first_term;
  Term term;
};

/// The block's part of arrays in global memory.
struct BlockMemory {
  float4* saved;  // used if it is not in shared memory
  float *partial, *bias_partial;
};

/// The values that the threads of a block share, in shared memory.
template <class Operands>
struct FusedShared {
  FusedArrays<Operands> arrays;
  BlockMemory own;
  SavedPlaces places;  // copy of shape.saved: the compiler would hold constants in registers that tiles need
  TileState tile;
};

inline Grid fused_grid(const FusedParams& p) {
  return {static_cast<unsigned>(p.blocks), 1, static_cast<unsigned>(p.tiling.threads()),
          fused_shared_bytes(p.net, p.tiling)};
}

template <class Params_, class Operands_, int kRowTiles_>
struct FusedBlock {
  using Params = Params_;
  using Operands = Operands_;
  using T = typename Operands::T;
  using Shape = FusedShape<Operands>;
  using Shared = FusedShared<Operands>;
  static constexpr int kRowTiles = kRowTiles_;
  using Tile = float[kRowTiles][4][4];

  const Params& p;
  const Shape& shape;
  const FusedArrays<Operands>& arrays;
  const BlockMemory& own;
  const SavedPlaces& places;
  const TileState& tile;  // set by start_tile()

  SCOREMATCH_DEVICE FusedBlock(const Params& params, const Shape& shape_, Shared& shared)
      : p(params),
        shape(shape_),
        arrays(shared.arrays),
        own(shared.own),
        places(shared.places),
        tile(shared.tile),
        state_(shared.tile) {}

  /// Carves the block's memory. Called by the whole block; ends synchronized.
  SCOREMATCH_DEVICE static Shared& carve_shared(const Params& p, const Shape& shape, unsigned char* memory) {
    Carver carve(memory);
    Shared& shared = *carve.take<Shared>(1);
    const FusedArrays<Operands> arrays(shape, carve);
    if (threadIdx.x == 0) {
      shared.arrays = arrays;
      shared.places = shape.saved;
      shared.own.saved = static_cast<float4*>(p.saved) + std::int64_t{blockIdx.x} * shape.saved.all * shape.threads;
      if constexpr (std::is_same_v<Params, FusedLossParams>) {
        shared.own.partial = p.partial + blockIdx.x * p.partial_stride;
        shared.own.bias_partial = shared.own.partial + p.bias_offset;
      }
    }
    __syncthreads();
    return shared;
  }

  /// Called by one thread; the caller synchronizes.
  SCOREMATCH_DEVICE void start_tile(std::int64_t index, const Term& term, bool is_first_term) const {
    const std::int64_t first = first_of(index), left = p.samples - first;
    state_.first = first;
    state_.samples = left < shape.rows ? static_cast<int>(left) : shape.rows;
    state_.is_first_term = is_first_term;
    state_.term = term;
  }

  SCOREMATCH_DEVICE static int thread() { return static_cast<int>(threadIdx.x); }
  SCOREMATCH_DEVICE static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  SCOREMATCH_DEVICE static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  /// The first sample of a tile.
  SCOREMATCH_DEVICE std::int64_t first_of(std::int64_t index) const { return index * shape.rows; }
  SCOREMATCH_DEVICE int tile_row() const { return shape.tile_rows[warp()]; }
  SCOREMATCH_DEVICE int tile_column() const { return shape.tile_columns[warp()]; }
  SCOREMATCH_DEVICE T* work(int which) const { return arrays.work + which * shape.work; }
  SCOREMATCH_DEVICE float* output() const { return reinterpret_cast<float*>(work(2)); }
  SCOREMATCH_DEVICE const T* weights_of(int l) const { return arrays.weights + shape.weights_at[l]; }
  SCOREMATCH_DEVICE const float* output_bias() const { return arrays.biases + shape.net.layers[shape.hidden()].bias; }
  /// The first of this lane's own vectors.
  template <Space kSpace>
  SCOREMATCH_DEVICE float4* saved() const {
    if constexpr (kSpace == Space::shared)
      return arrays.saved + thread();
    else
      return own.saved + thread();
  }
  /// Calls visit(SpaceConstant<...>()) with the space in which lanes save their vectors. This is one branch per layer,
  /// because accesses through a pointer to either space are slower.
  template <class Visit>
  SCOREMATCH_DEVICE void visit_saved(const Visit& visit) const {
    if (shape.tiling.saved_in_shared)
      visit(SpaceConstant<Space::shared>());
    else
      visit(SpaceConstant<Space::global>());
  }
  /// Whether `columns` includes columns of this warp.
  SCOREMATCH_DEVICE bool has_columns(int columns) const { return tile_column() < columns; }
  /// This lane's first element of its tile in an array of rows.
  template <class Element>
  SCOREMATCH_DEVICE Element* at_tile(Element* array, int stride) const {
    return array + (tile_row() + (lane() >> 2)) * stride + tile_column() + 2 * (lane() & 3);
  }

  template <Activation kActivation>
  SCOREMATCH_DEVICE static Activated activation(float z) {
    if constexpr (Operands::kFast)
      return activate_fast<kActivation>(z);
    else
      return activate<kActivation>(z);
  }

  /// Loads parameters into shared memory: biases and, if they are resident, weights, padded by zeros. The caller
  /// synchronizes.
  SCOREMATCH_DEVICE void load_parameters(const float* params) const {
    SCOREMATCH_NO_UNROLL
    for (int l = 0; l <= shape.hidden(); ++l) {
      const LayerPlace& place = shape.layer(l);
      for (int i = thread(); i < place.out_padded; i += shape.threads)
        arrays.biases[shape.net.layers[l].bias + i] = i < place.out ? params[place.bias + i] : 0.0f;
      if (shape.tiling.resident) load_weights(params + place.weight, l);
    }
  }

  /// Forward: c[rows, out] += a [rows, in] W^T. Backward: c[rows, in] += a [rows, out] W. Computes columns
  /// columns_at_once() group ... and following. Called by the whole block. If weights are streamed it synchronizes,
  /// including before it reads `a`.
  template <bool kBackward>
  SCOREMATCH_DEVICE void multiply_layer(Tile& c, const T* a, int a_stride, int l, int group = 0) const {
    const LayerPlace& place = shape.layer(l);
    const int columns = kBackward ? place.in_padded : place.out_padded,
              depth = kBackward ? place.out_padded : place.in_padded;
    const int at_once = shape.columns_at_once(), first = group * at_once;
    const bool mine = has_columns(columns - first);
    const T* rows = a + tile_row() * a_stride;
    const int slab_stride = (kBackward ? at_once : kSlab) + Operands::kPadding;
    const int here = columns - first < at_once ? columns - first : at_once;
    if (!shape.tiling.resident) {
      __syncthreads();
      fetch_slab<kBackward>(place, first, here, 0, slab_stride);
    }
    // Resident weights are one slab.
    const int step = shape.tiling.resident ? depth : kSlab;
    SCOREMATCH_NO_UNROLL
    for (int k = 0; k < depth; k += step) {
      const T* b = weights_of(l) + (kBackward ? first : first * shape.weight_strides[l]);
      int stride = shape.weight_strides[l];
      if (!shape.tiling.resident) {
        ptx::cp_async_wait<0>();
        __syncthreads();
        if (k + kSlab < depth) fetch_slab<kBackward>(place, first, here, k + kSlab, slab_stride);
        b = slab(k);
        stride = slab_stride;
      }
      if (mine)
        multiply<Operands, false, kBackward>(
            c, rows + k, a_stride, b + (kBackward ? tile_column() : tile_column() * stride), stride, step, lane());
    }
  }

  /// dW += grad^T inputs over the rows of the tile and, if row_weights is not null, grad_bias += sum of row_weight
  /// grad. Both go to the partial sums of this block. Called by the whole block. Does not synchronize: a barrier is
  /// needed before the next call for this layer.
  SCOREMATCH_DEVICE void add_weight_gradient(int l, const T* grad, int grad_stride, const T* inputs, int input_stride,
                                             const T* row_weights, bool add, bool add_bias) const {
    const LayerPlace& place = shape.layer(l);
    const int squares = place.out_padded / 32 * (place.in_padded / 32);  // the largest tiles that keep all warps busy
    if (squares >= shape.warps)
      add_weight_tiles<2, 4>(place, grad, grad_stride, inputs, input_stride, row_weights, add, add_bias);
    else if (2 * squares >= shape.warps)
      add_weight_tiles<1, 4>(place, grad, grad_stride, inputs, input_stride, row_weights, add, add_bias);
    else
      add_weight_tiles<1, 2>(place, grad, grad_stride, inputs, input_stride, row_weights, add, add_bias);
  }

 private:
  TileState& state_;

  /// Loads the weights [out, in] of a layer. A lane starts eight loads before it waits for the first, because each
  /// takes hundreds of clocks if nothing is cached.
  SCOREMATCH_DEVICE void load_weights(const float* from, int l) const {
    const LayerPlace& place = shape.layer(l);
    T* to = arrays.weights + shape.weights_at[l];
    constexpr int kRows = 4, kColumns = 2;  // kRows divides kFusedColumns; columns are 32 apart
    const int stride = shape.weight_strides[l];
    SCOREMATCH_NO_UNROLL
    for (int row = kRows * warp(); row < place.out_padded; row += kRows * shape.warps) {
      SCOREMATCH_NO_UNROLL
      for (int column = lane(); column < place.in_padded; column += 32 * kColumns) {
        float weights[kRows][kColumns];
        SCOREMATCH_UNROLL
        for (int i = 0; i < kRows; ++i) SCOREMATCH_UNROLL
        for (int j = 0; j < kColumns; ++j) {
          const bool is_there = row + i < place.out && column + 32 * j < place.in;
          weights[i][j] = is_there ? from[std::int64_t{row + i} * place.in + column + 32 * j] : 0.0f;
        }
        SCOREMATCH_UNROLL
        for (int i = 0; i < kRows; ++i) SCOREMATCH_UNROLL
        for (int j = 0; j < kColumns; ++j)
          if (column + 32 * j < place.in_padded)
            to[(row + i) * stride + column + 32 * j] = from_float<T>(weights[i][j]);
      }
    }
  }

  SCOREMATCH_DEVICE T* slab(int k) const { return arrays.weights + k / kSlab % 2 * shape.slab; }

  /// Starts copying the weights of depth k ... k + kSlab - 1 and of `columns` columns starting at `first`.
  template <bool kBackward>
  SCOREMATCH_DEVICE void fetch_slab(const LayerPlace& place, int first, int columns, int k, int stride) const {
    constexpr int kChunk = 16 / static_cast<int>(sizeof(T));
    const T* from = static_cast<const T*>(p.weights) + place.weight_padded;
    T* to = slab(k);
    const int rows = kBackward ? kSlab : columns, chunks = (kBackward ? columns : kSlab) / kChunk;
    SCOREMATCH_NO_UNROLL
    for (int i = thread(); i < rows * chunks; i += shape.threads) {
      const int row = i / chunks, column = i % chunks * kChunk;
      const int from_row = kBackward ? k + row : first + row, from_column = kBackward ? first + column : k + column;
      ptx::cp_async16(to + row * stride + column, from + std::int64_t{from_row} * place.in_padded + from_column, 16);
    }
    ptx::cp_async_commit();
  }

  /// Calls each(place, x, y) for pairs of adjacent numbers of a lane's tile; `to` is the place of the first.
  template <int kOutTiles, int kInTiles, class Each>
  SCOREMATCH_DEVICE static void for_each_pair(const float (&c)[kOutTiles][kInTiles][4], float* to, int row_length,
                                              const Each& each) {
    SCOREMATCH_UNROLL
    for (int i = 0; i < kOutTiles; ++i) SCOREMATCH_UNROLL
    for (int r = 0; r < 2; ++r) SCOREMATCH_UNROLL
    for (int j = 0; j < kInTiles; ++j)
      each(to + (16 * i + 8 * r) * row_length + 8 * j, c[i][j][2 * r], c[i][j][2 * r + 1]);
  }

  template <int kOutTiles, int kInTiles>
  SCOREMATCH_DEVICE void add_weight_tiles(const LayerPlace& place, const T* grad, int grad_stride, const T* inputs,
                                          int input_stride, const T* row_weights, bool add, bool add_bias) const {
    const unsigned out_tiles = static_cast<unsigned>(place.out + 16 * kOutTiles - 1) / (16 * kOutTiles);
    const unsigned in_tiles = static_cast<unsigned>(place.in + 8 * kInTiles - 1) / (8 * kInTiles);
    SCOREMATCH_NO_UNROLL
    for (auto tile = static_cast<unsigned>(warp()); tile < out_tiles * in_tiles;
         tile += static_cast<unsigned>(shape.warps)) {
      const unsigned column = tile / out_tiles;
      const auto out = static_cast<int>(tile - column * out_tiles) * 16 * kOutTiles,
                 in = static_cast<int>(column) * 8 * kInTiles;
      float c[kOutTiles][kInTiles][4] = {};
      multiply<Operands, true, true>(c, grad + out, grad_stride, inputs + in, input_stride, shape.rows, lane());
      const int row_length = place.in_padded;
      float* to = ptx::in_global(own.partial) + place.weight_padded + std::int64_t{out + (lane() >> 2)} * row_length +
                  in + 2 * (lane() & 3);
      if (add)
        for_each_pair(c, to, row_length, [](float* at, float x, float y) { ptx::add_float2(at, x, y); });
      else
        for_each_pair(c, to, row_length, [](float* at, float x, float y) { store2(at, x, y); });
      if (in == 0 && row_weights != nullptr)
        add_bias_tiles<kOutTiles>(ptx::in_global(own.bias_partial) + place.bias_padded + out, grad + out, grad_stride,
                                  row_weights, add_bias);
    }
  }

  /// The bias gradient, on the tensor cores too: row_weights are a column.
  template <int kOutTiles>
  SCOREMATCH_DEVICE void add_bias_tiles(float* to, const T* grad, int grad_stride, const T* row_weights,
                                        bool add) const {
    float c[kOutTiles][4] = {};
    SCOREMATCH_NO_UNROLL
    for (int k = 0; k < shape.rows; k += Operands::kDepth) {
      typename Operands::B column;
      Operands::load_b_rows(column, row_weights + k, lane());
      SCOREMATCH_UNROLL
      for (int i = 0; i < kOutTiles; ++i) {
        typename Operands::A rows;
        Operands::load_a_transposed(rows, grad + k * grad_stride + 16 * i, grad_stride, lane());
        Operands::multiply(c[i], rows, column, 0);
      }
    }
    if (lane() % 4 != 0) return;
    SCOREMATCH_UNROLL
    for (int i = 0; i < kOutTiles; ++i) SCOREMATCH_UNROLL
    for (int r = 0; r < 2; ++r) {
      float& sum = to[16 * i + 8 * r + (lane() >> 2)];
      sum = add ? sum + c[i][2 * r] : c[i][2 * r];
    }
  }
};

}  // namespace kernels
}  // namespace scorematch
