// The jet through a block's tile (docs/math.md, section "The jet"): the value and directions up through the layers, and
// back down with the weights' gradients. Between layers numbers pass through shared memory, rounded to T; what the way
// back needs stays with the lane that made it. Directions come one after the other, so memory does not grow with them;
// what becomes of one at the top is fused_direction.cuh's.
#pragma once
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

  Block& block;  // in shared memory
  // A bit a layer, of its weights and, sixteen further up, its biases: whether this block's partial sums have begun.
  std::uint32_t begun = 0;

  template <class Saved, Space kSpace>
  SCOREMATCH_DEVICE SavedFragments<Saved, kSpace> saved(int place) const {
    return {block.template saved<kSpace>(), block.shape.threads, place * block.shape.threads};
  }
  template <class Saved, Space kSpace>
  SCOREMATCH_DEVICE SavedFragments<Saved, kSpace> saved(int l, int place) const {
    return saved<Saved, kSpace>(l * block.places.layer + place);
  }
  template <class Element>
  SCOREMATCH_DEVICE TileFragments<Element> fragments(Element* array, int stride) const {
    return {block.at_tile(array, stride), stride};
  }
  SCOREMATCH_DEVICE TileFragments<T> work_fragments(int which) const {
    return fragments(block.work(which), block.shape.work_stride);
  }
  SCOREMATCH_DEVICE int hidden() const { return block.p.net.hidden; }
  SCOREMATCH_DEVICE bool is_residual(int l) const { return block.p.net.layers[l].residual; }
  SCOREMATCH_DEVICE bool owns(int l) const { return block.has_columns(block.p.net.layers[l].place.out_padded); }

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

  /// The value, from `input`, or a direction, from `side`, through every layer: h, or h', of the last in work 1. Keeps
  /// z and z'. What it starts from is there, not yet synchronised; so is the result.
  SCOREMATCH_DEVICE void forward(bool direction) const {
    const T* a = static_cast<const T*>(direction ? block.arrays.side : block.arrays.input);
    int stride = direction ? block.shape.side_stride : block.shape.input_stride;
    SCOREMATCH_NO_UNROLL
    for (int l = 0; l < hidden(); ++l) {
      __syncthreads();
      Tile c;
      clear(c);
      block.template multiply_layer<false>(c, a, stride, l);
      T* to = block.work((hidden() - l) % 2);
      if (owns(l))
        block.visit_saved([&](auto space) {
          if (direction)
            tangent_layer<decltype(space)::value>(c, l, a, stride, to);
          else
            value_layer<decltype(space)::value>(c, l, a, stride, to);
        });
      a = to;
      stride = block.shape.work_stride;
    }
  }

  /// F, or without the bias (dF/dz) v, of the tile into output(), from work 1. Called when that is synchronised; the
  /// result is not yet.
  SCOREMATCH_DEVICE void form_output(bool has_bias) const {
    const FusedLayer& layer = block.p.net.layers[hidden()];
    const int stride = block.shape.output_stride, columns = layer.place.out_padded;
    const float* bias = has_bias ? block.arrays.biases + layer.bias : nullptr;
    if (block.p.tiling.resident && columns < 32 * block.p.tiling.column_warps) {  // shared out in smaller tiles
      const int weight_stride = block.shape.weight_stride(layer.place), row_tiles = block.shape.rows / 16;
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
    for (int group = 0; group * 32 * block.p.tiling.column_warps < columns; ++group) {
      Tile c;
      clear(c);
      block.template multiply_layer<false>(c, block.work(1), block.shape.work_stride, hidden(), group);
      const int column = group * 32 * block.p.tiling.column_warps + block.tile_column();
      if (column >= columns) continue;
      for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
        store_output(c, i, pair, block.tile_row() + 16 * i, column + 16 * pair, bias, stride);
      });
    }
  }

  /// h of the last layer into work 1 again, for what the directions left there.
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

  /// The value's way back. With `from_output` the adjoint of F is in `side`, synchronised; adjoints of the last h that
  /// directions left are added.
  SCOREMATCH_DEVICE void backward(bool from_output, bool has_slices, bool has_curvature) {
    descend(from_output ? Way::output : has_slices ? Way::slices : Way::nothing, block.arrays.ones, has_curvature);
  }

  /// After backward(): the adjoint of the network's input, columns 32 column_warps group ... on.
  SCOREMATCH_DEVICE void pull_to_input(Tile& c, int group) const {
    clear(c);
    if (is_residual(0) && group == 0 && owns(0)) load_adjoint(block.places.adjoint, c);
    const T* adjoint = block.work(hidden() % 2 == 1 ? 2 : 0);
    block.template multiply_layer<true>(c, adjoint, block.shape.work_stride, 0, group);
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
    const bool residual = layer.residual, backward = block.p.tiling.backward;
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
    const bool residual = is_residual(l), backward = block.p.tiling.backward;
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

  SCOREMATCH_DEVICE void load_adjoint(int place, Tile& c) const {
    block.visit_saved([&](auto space) {
      const auto adjoint = saved<float, decltype(space)::value>(place);
      for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
        float v[8];
        adjoint.load(i, pair, v);
        set_fragment(c, i, pair, v);
      });
    });
  }

  /// From the adjoint of h, c, to that of z, into `to`; h into work 1.
  template <Space kSpace>
  SCOREMATCH_DEVICE void value_layer_back(const Tile& c, int l, T* to, bool has_curvature) const {
    const bool residual = is_residual(l);
    const auto saved_z = saved<T, kSpace>(l, block.places.z);
    const auto saved_curvature = saved<float, kSpace>(l, block.places.curvature);
    const auto h_out = work_fragments(1), out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], grad[8], h[8];
      fragment_of(c, i, pair, grad);
      if (residual) saved<float, kSpace>(block.places.adjoint).save(i, pair, grad);
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

  /// From the adjoint of h', c, to that of z', into `to`; h' into work 1; phi'' z' times it onto the curvature.
  template <Space kSpace>
  SCOREMATCH_DEVICE void tangent_layer_back(const Tile& c, int l, T* to, bool first) const {
    const bool residual = is_residual(l);
    const auto saved_z = saved<T, kSpace>(l, block.places.z), saved_tangent = saved<T, kSpace>(l, block.places.tangent);
    const auto saved_curvature = saved<float, kSpace>(l, block.places.curvature);
    const auto h_out = work_fragments(1), out = fragments(to, block.shape.work_stride);
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      float z[8], tangent[8], grad[8], curvature[8];
      fragment_of(c, i, pair, grad);
      if (residual) saved<float, kSpace>(block.places.adjoint).save(i, pair, grad);
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

  SCOREMATCH_DEVICE void add_weight_gradient(int l, const T* adjoint, int adjoint_stride, const T* inputs,
                                             int input_stride, const T* row_weights) {
    if (!block.p.gradient) return;
    block.add_weight_gradient(l, adjoint, adjoint_stride, inputs, input_stride, row_weights, (begun >> l & 1) != 0,
                              (begun >> (l + 16) & 1) != 0);
    begun |= (row_weights != nullptr ? 0x10001u : 1u) << l;
  }

  /// What the way down starts from: a direction's turning point, whose adjoint is in work 2; the output's adjoint in
  /// `side`; what the directions' slices left; nothing.
  enum class Way { direction, output, slices, nothing };

  /// Down from the last layer to the first, the weights' gradients on the way. The adjoint of layer l's z goes to work
  /// 0 or 2, of the last to work 2. `output_weights`: what rows count for in the output's bias. `flag`: of a direction,
  /// whether it is the tile's first; of the value, whether there is curvature.
  SCOREMATCH_DEVICE void descend(Way way, const T* output_weights, bool flag) {
    const bool direction = way == Way::direction;
    const T* above = direction || way == Way::output ? static_cast<const T*>(block.arrays.side) : nullptr;
    const T* row_weights = output_weights;
    int stride = block.shape.side_stride, to = 2;
    SCOREMATCH_NO_UNROLL
    for (int l = hidden() - 1; l >= 0; --l) {
      if (!direction || l + 1 < hidden()) {
        Tile c;
        clear(c);
        if (owns(l)) {
          if (l + 1 == hidden()) {
            if (way == Way::slices) load_adjoint(block.places.slices, c);
          } else if (is_residual(l + 1)) {
            load_adjoint(block.places.adjoint, c);
          }
        }
        if (above != nullptr) block.template multiply_layer<true>(c, above, stride, l + 1);
        __syncthreads();
        if (owns(l))
          block.visit_saved([&](auto space) {
            if (direction)
              tangent_layer_back<decltype(space)::value>(c, l, block.work(to), flag);
            else
              value_layer_back<decltype(space)::value>(c, l, block.work(to), flag);
          });
      }
      __syncthreads();
      if (above != nullptr)
        add_weight_gradient(l + 1, above, stride, block.work(1), block.shape.work_stride, row_weights);
      above = block.work(to);
      stride = block.shape.work_stride;
      row_weights = direction ? nullptr : static_cast<const T*>(block.arrays.ones);
      to = 2 - to;
    }
    add_weight_gradient(0, above, stride, static_cast<const T*>(direction ? block.arrays.side : block.arrays.input),
                        direction ? block.shape.side_stride : block.shape.input_stride, row_weights);
  }
};

}  // namespace kernels
}  // namespace scorematch
