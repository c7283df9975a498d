// The jet of a block's tile (docs/math.md, section "The jet"): the forward pass of the value and of directions through
// the layers, and the backward pass with the weight gradients. Between layers, numbers pass through shared memory,
// rounded to T. Each lane saves what its own backward pass needs. Directions are processed one after the other, so
// memory does not grow with their number. The head of one direction is in fused/direction.cuh.
#include "fused/block.cuh"

namespace scorematch {
namespace kernels {

template <class Block_, Activation kActivation_>
struct FusedJet {
  using Block = Block_;
  static constexpr Activation kActivation = kActivation_;
  using Operands = typename Block::Operands;
  using T = typename Block::T;
  using Tile = typename Block::Tile;
  static constexpr int kRowTiles = Block::kRowTiles;

  const Block& block;
  // Whether this block's partial sums have begun: one bit per layer for its weights and, sixteen bits higher, its
  // biases.
  std::uint32_t begun = 0;

  template <class Element, Space kSpace>
  SCOREMATCH_DEVICE SavedFragments<Element, kSpace> saved(int place) const {
    return {block.template saved<kSpace>(), block.shape.threads, place * block.shape.threads};
  }
  template <class Element, Space kSpace>
  SCOREMATCH_DEVICE SavedFragments<Element, kSpace> saved(int l, int place) const {
    return saved<Element, kSpace>(l * block.places.layer + place);
  }
  template <class Element>
  SCOREMATCH_DEVICE TileFragments<Element> fragments(Element* array, int stride) const {
    return {block.at_tile(array, stride), stride};
  }
  SCOREMATCH_DEVICE TileFragments<T> work_fragments(int which) const {
    return fragments(block.work(which), block.shape.work_stride);
  }
  SCOREMATCH_DEVICE int hidden() const { return block.shape.hidden(); }
  SCOREMATCH_DEVICE bool is_residual(int l) const { return block.shape.is_residual(l); }
  SCOREMATCH_DEVICE bool owns(int l) const { return block.has_columns(block.shape.layer(l).out_padded); }

  SCOREMATCH_DEVICE static void fragment_of(const Tile& c, int i, int pair, float (&v)[8]) {
    SCOREMATCH_UNROLL
    for (int q = 0; q < 8; ++q) v[q] = c[i][2 * pair + q / 4][q % 4];
  }
  SCOREMATCH_DEVICE static void set_fragment(Tile& c, int i, int pair, const float (&v)[8]) {
    SCOREMATCH_UNROLL
    for (int q = 0; q < 8; ++q) c[i][2 * pair + q / 4][q % 4] = v[q];
  }
  SCOREMATCH_DEVICE static void clear(Tile& c) {
    SCOREMATCH_UNROLL
    for (int i = 0; i < kRowTiles; ++i) SCOREMATCH_UNROLL
    for (int j = 0; j < 4; ++j) SCOREMATCH_UNROLL
    for (int q = 0; q < 4; ++q) c[i][j][q] = 0.0f;
  }

  /// The forward pass of the value, from `input` through every layer: h of the last one in work 1. Saves z. Neither the
  /// input nor the result is synchronized.
  SCOREMATCH_DEVICE void forward_value() const {
    for_each_layer(block.arrays.input, block.shape.input_stride,
                   [&](auto space, const Tile& c, int l, const T* below, int stride, T* to) {
                     value_layer<decltype(space)::value>(c, l, below, stride, to);
                   });
  }
  /// The forward pass of a direction, from `side`: h' of the last layer in work 1. Saves z'. Neither the input nor the
  /// result is synchronized.
  SCOREMATCH_DEVICE void forward_tangent() const {
    for_each_layer(block.arrays.side, block.shape.side_stride,
                   [&](auto space, const Tile& c, int l, const T* below, int stride, T* to) {
                     tangent_layer<decltype(space)::value>(c, l, below, stride, to);
                   });
  }

  /// Forms F or, without the bias, (dF/dz) v of the tile from work 1 into output(). Work 1 must be synchronized; the
  /// result is not.
  SCOREMATCH_DEVICE void form_output(bool has_bias) const {
    const FusedLayer& layer = block.shape.net.layers[hidden()];
    const int stride = block.shape.output_stride, columns = layer.place.out_padded;
    const float* bias = has_bias ? block.arrays.biases + layer.bias : nullptr;
    if (block.shape.tiling.resident && columns < block.shape.columns_at_once()) {  // small tiles to use all warps
      const int weight_stride = block.shape.weight_strides[hidden()], row_tiles = block.shape.rows / 16;
      SCOREMATCH_NO_UNROLL
      for (int tile = block.warp(); tile < row_tiles * (columns / 16); tile += block.shape.warps) {
        const int row = tile % row_tiles * 16, column = tile / row_tiles * 16;
        float c[1][2][4] = {};
        multiply<Operands, false, false>(c, block.work(1) + row * block.shape.work_stride, block.shape.work_stride,
                                         block.weights_of(hidden()) + column * weight_stride, weight_stride,
                                         layer.place.in_padded, block.lane());
        store_output(c, 0, 0, row, column, bias, stride);
      }
      return;
    }
    SCOREMATCH_NO_UNROLL
    for (int group = 0; group * block.shape.columns_at_once() < columns; ++group) {
      Tile c;
      clear(c);
      block.template multiply_layer<false>(c, block.work(1), block.shape.work_stride, hidden(), group);
      const int column = group * block.shape.columns_at_once() + block.tile_column();
      if (column >= columns) continue;
      for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
        store_output(c, i, pair, block.tile_row() + 16 * i, column + 16 * pair, bias, stride);
      });
    }
  }

  /// Restores h of the last layer in work 1, after the directions have overwritten it.
  SCOREMATCH_DEVICE void restore_top() const {
    const int l = hidden() - 1;
    if (!owns(l)) return;
    const bool residual = is_residual(l);
    const auto to = work_fragments(1);
    block.visit_saved([&](auto space) {
      const auto saved_h = saved<T, decltype(space)::value>(l, residual ? block.places.h : block.places.z);
      for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
        float h[8];
        saved_h.load(i, pair, h);
        SCOREMATCH_UNROLL
        for (int q = 0; q < 8; ++q)
          if (!residual) h[q] = block.template activation<kActivation>(h[q]).value;
        to.store(i, pair, h);
      });
    });
  }

  /// The backward pass of the value with the weight gradients. With `from_output` the gradient of F is in `side`,
  /// synchronized. With `has_slices` the directions have left gradients of the last h.
  SCOREMATCH_DEVICE void backward_value(bool from_output, bool has_slices, bool has_curvature) {
    const T* ones = block.arrays.ones;
    const T* above = from_output ? static_cast<const T*>(block.arrays.side) : nullptr;
    int stride = block.shape.side_stride, to = 2;
    SCOREMATCH_NO_UNROLL
    for (int l = hidden() - 1; l >= 0; --l) {
      Tile c;
      clear(c);
      if (l + 1 == hidden() && has_slices && owns(l)) load_gradient(block.places.slices, c);
      load_residual_gradient(c, l);
      if (above != nullptr) block.template multiply_layer<true>(c, above, stride, l + 1);
      __syncthreads();
      if (owns(l))
        block.visit_saved(
            [&](auto space) { value_layer_backward<decltype(space)::value>(c, l, block.work(to), has_curvature); });
      __syncthreads();
      if (above != nullptr) add_weight_gradient(l + 1, above, stride, block.work(1), block.shape.work_stride, ones);
      above = block.work(to);
      stride = block.shape.work_stride;
      to = 2 - to;
    }
    add_weight_gradient(0, above, stride, block.arrays.input, block.shape.input_stride, ones);
  }

  /// The backward pass of a direction; `is_first` marks the first one of the tile. The head has left the gradient of
  /// the last z' in work 2, v in `side`, and in work 1 the factor of v in the weight gradient of the output layer. The
  /// bias gradient of that layer weights rows by `output_weights`.
  SCOREMATCH_DEVICE void backward_tangent(const T* output_weights, bool is_first) {
    const T *above = block.arrays.side, *row_weights = output_weights;
    int stride = block.shape.side_stride, to = 2;
    SCOREMATCH_NO_UNROLL
    for (int l = hidden() - 1; l >= 0; --l) {
      if (l + 1 < hidden()) {
        Tile c;
        clear(c);
        load_residual_gradient(c, l);
        block.template multiply_layer<true>(c, above, stride, l + 1);
        __syncthreads();
        if (owns(l))
          block.visit_saved(
              [&](auto space) { tangent_layer_backward<decltype(space)::value>(c, l, block.work(to), is_first); });
      }
      __syncthreads();
      add_weight_gradient(l + 1, above, stride, block.work(1), block.shape.work_stride, row_weights);
      above = block.work(to);
      stride = block.shape.work_stride;
      row_weights = nullptr;
      to = 2 - to;
    }
    add_weight_gradient(0, above, stride, block.arrays.side, block.shape.side_stride, nullptr);
  }

  /// The gradient of the network input, columns columns_at_once() group ... and following. Called after
  /// backward_value().
  SCOREMATCH_DEVICE void input_gradient(Tile& c, int group) const {
    clear(c);
    if (is_residual(0) && group == 0 && owns(0)) load_gradient(block.places.grad_h, c);
    const T* grad = block.work(hidden() % 2 == 1 ? 2 : 0);
    block.template multiply_layer<true>(c, grad, block.shape.work_stride, 0, group);
  }

 private:
  /// Calls each(space, z, l, h below, its stride, destination of h) for every layer of which this warp has columns.
  template <class Each>
  SCOREMATCH_DEVICE void for_each_layer(const T* a, int stride, const Each& each) const {
    SCOREMATCH_NO_UNROLL
    for (int l = 0; l < hidden(); ++l) {
      __syncthreads();
      Tile c;
      clear(c);
      block.template multiply_layer<false>(c, a, stride, l);
      T* to = block.work((hidden() - l) % 2);
      if (owns(l)) block.visit_saved([&](auto space) { each(space, c, l, a, stride, to); });
      a = to;
      stride = block.shape.work_stride;
    }
  }

  SCOREMATCH_DEVICE void store_output(const float (&c)[1][2][4], int, int, int row, int column, const float* bias,
                                      int stride) const {
    float v[8];
    SCOREMATCH_UNROLL
    for (int q = 0; q < 8; ++q) v[q] = c[0][q / 4][q % 4];
    store_output(v, row, column, bias, stride);
  }
  SCOREMATCH_DEVICE void store_output(const Tile& c, int i, int pair, int row, int column, const float* bias,
                                      int stride) const {
    float v[8];
    fragment_of(c, i, pair, v);
    store_output(v, row, column, bias, stride);
  }
  SCOREMATCH_DEVICE void store_output(float (&v)[8], int row, int column, const float* bias, int stride) const {
    const int first = column + 2 * (block.lane() & 3);
    SCOREMATCH_UNROLL
    for (int q = 0; q < 8; ++q) v[q] += bias != nullptr ? bias[first + q / 4 * 8 + q % 2] : 0.0f;
    store_fragment(block.output() + (row + (block.lane() >> 2)) * stride + first, stride, 0, 0, v);
  }

  template <Space kSpace>
  SCOREMATCH_DEVICE void value_layer(const Tile& c, int l, const T* a, int stride, T* to) const {
    const FusedLayer& layer = block.p.net.layers[l];
    const float* bias = block.arrays.biases + layer.bias + block.tile_column() + 2 * (block.lane() & 3);
    const bool residual = layer.residual, backward = block.shape.tiling.backward;
    const auto saved_z = saved<T, kSpace>(l, block.places.z), saved_h = saved<T, kSpace>(l, block.places.h);
    const auto below = fragments(a, stride);
    const auto out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], h[8];
      fragment_of(c, i, pair, z);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        z[q] += bias[16 * pair + q / 4 * 8 + q % 2];
        h[q] = block.template activation<kActivation>(z[q]).value;
      }
      saved_z.save(i, pair, z);
      if (residual) {
        below.add_to(i, pair, h);
        if (backward) saved_h.save(i, pair, h);
      }
      out.store(i, pair, h);
    });
  }

  template <Space kSpace>
  SCOREMATCH_DEVICE void tangent_layer(const Tile& c, int l, const T* a, int stride, T* to) const {
    const bool residual = is_residual(l), backward = block.shape.tiling.backward;
    const auto saved_z = saved<T, kSpace>(l, block.places.z), saved_tangent = saved<T, kSpace>(l, block.places.tangent);
    const auto saved_h = saved<T, kSpace>(l, block.places.tangent_h);
    const auto below = fragments(a, stride);
    const auto out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], tangent[8];
      fragment_of(c, i, pair, tangent);
      if (backward) saved_tangent.save(i, pair, tangent);
      saved_z.load(i, pair, z);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) tangent[q] *= block.template activation<kActivation>(z[q]).first;
      if (residual) {
        below.add_to(i, pair, tangent);
        if (backward) saved_h.save(i, pair, tangent);
      }
      out.store(i, pair, tangent);
    });
  }

  /// Sets c to the part of the gradient of h of layer l that comes through the residual connection around layer l + 1.
  SCOREMATCH_DEVICE void load_residual_gradient(Tile& c, int l) const {
    if (l + 1 < hidden() && is_residual(l + 1) && owns(l)) load_gradient(block.places.grad_h, c);
  }
  SCOREMATCH_DEVICE void load_gradient(int place, Tile& c) const {
    block.visit_saved([&](auto space) {
      const auto gradient = saved<float, decltype(space)::value>(place);
      for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
        float v[8];
        gradient.load(i, pair, v);
        set_fragment(c, i, pair, v);
      });
    });
  }

  /// From c, the gradient of h, to that of z, in `to`. Stores h in work 1.
  template <Space kSpace>
  SCOREMATCH_DEVICE void value_layer_backward(const Tile& c, int l, T* to, bool has_curvature) const {
    const bool residual = is_residual(l);
    const auto saved_z = saved<T, kSpace>(l, block.places.z);
    const auto saved_curvature = saved<float, kSpace>(l, block.places.curvature);
    const auto h_out = work_fragments(1), out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], grad[8], h[8];
      fragment_of(c, i, pair, grad);
      if (residual) saved<float, kSpace>(block.places.grad_h).save(i, pair, grad);
      saved_z.load(i, pair, z);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const Activated phi = block.template activation<kActivation>(z[q]);
        h[q] = phi.value;
        grad[q] *= phi.first;
      }
      if (residual) saved<T, kSpace>(l, block.places.h).load(i, pair, h);
      if (has_curvature) {
        float curvature[8];
        saved_curvature.load(i, pair, curvature);
        SCOREMATCH_UNROLL
        for (int q = 0; q < 8; ++q) grad[q] += curvature[q];
      }
      h_out.store(i, pair, h);
      out.store(i, pair, grad);
    });
  }

  /// From c, the gradient of h', to that of z', in `to`. Stores h' in work 1 and adds phi'' z' times the gradient of h'
  /// to the curvature.
  template <Space kSpace>
  SCOREMATCH_DEVICE void tangent_layer_backward(const Tile& c, int l, T* to, bool first) const {
    const bool residual = is_residual(l);
    const auto saved_z = saved<T, kSpace>(l, block.places.z), saved_tangent = saved<T, kSpace>(l, block.places.tangent);
    const auto saved_curvature = saved<float, kSpace>(l, block.places.curvature);
    const auto h_out = work_fragments(1), out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], tangent[8], grad[8], curvature[8];
      fragment_of(c, i, pair, grad);
      if (residual) saved<float, kSpace>(block.places.grad_h).save(i, pair, grad);
      saved_z.load(i, pair, z);
      saved_tangent.load(i, pair, tangent);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const Activated phi = block.template activation<kActivation>(z[q]);
        curvature[q] = phi.second * tangent[q] * grad[q];
        grad[q] *= phi.first;
        tangent[q] *= phi.first;
      }
      if (residual) saved<T, kSpace>(l, block.places.tangent_h).load(i, pair, tangent);
      saved_curvature.add(i, pair, curvature, first);
      h_out.store(i, pair, tangent);
      out.store(i, pair, grad);
    });
  }

  SCOREMATCH_DEVICE void add_weight_gradient(int l, const T* grad, int grad_stride, const T* inputs, int input_stride,
                                             const T* row_weights) {
    if (!block.p.gradient) return;
    block.add_weight_gradient(l, grad, grad_stride, inputs, input_stride, row_weights, (begun >> l & 1) != 0,
                              (begun >> (l + 16) & 1) != 0);
    begun |= (row_weights != nullptr ? 0x10001u : 1u) << l;
  }
};

}  // namespace kernels
}  // namespace scorematch
