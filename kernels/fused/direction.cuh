// The head along one direction, with the output layer collapsed (docs/math.md, section "The collapse"). For u = W_o^T
// v,
//
//   v^T J v = a |v|^2 + b c u.h'      v^T s = v^T (a x_tilde + b b_o) + b u.h
//
// so F and its products are not formed. The gradients of h' and h are multiples of u, and the weight gradient of the
// output layer is v (a linear combination of h' and h)^T.
#include "fused/jet.cuh"

namespace scorematch {
namespace kernels {

/// Whether there is a backward pass.
SCOREMATCH_DEVICE bool wants_input_gradient(const FusedLossParams& p) {
  return p.grad_x != nullptr || p.grad_context != nullptr;
}
SCOREMATCH_DEVICE bool wants_gradient(const FusedLossParams& p) { return p.gradient || wants_input_gradient(p); }

template <class Jet_>
struct FusedDirection {
  using Jet = Jet_;
  using Block = typename Jet::Block;
  using T = typename Block::T;
  using Tile = typename Block::Tile;
  static constexpr int kRowTiles = Block::kRowTiles;

  Jet& jet;
  const Block& block;

  /// Processes direction m, which jet.forward_tangent() has carried forward. Ends synchronized.
  SCOREMATCH_DEVICE void run(int m) {
    const bool first = m == 0;
    Tile u;
    Jet::clear(u);
    block.template multiply_layer<true>(u, block.arrays.side, block.shape.side_stride, jet.hidden());
    project(u);
    __syncthreads();
    run_head(u, m);
    if (wants_gradient(block.p)) jet.backward_tangent(block.arrays.slice_weights, first);
    __syncthreads();
  }

 private:
  /// The saved data of the last hidden layer.
  template <Space kSpace>
  struct SavedTop {
    SavedFragments<T, kSpace> z, tangent, h, tangent_h;
    bool residual;

    SCOREMATCH_DEVICE SavedTop(const Jet& jet, int l)
        : z(jet.template saved<T, kSpace>(l, jet.block.places.z)),
          tangent(jet.template saved<T, kSpace>(l, jet.block.places.tangent)),
          h(jet.template saved<T, kSpace>(l, jet.block.places.h)),
          tangent_h(jet.template saved<T, kSpace>(l, jet.block.places.tangent_h)),
          residual(jet.is_residual(l)) {}

    /// h and h' of a fragment. Calls each(q, phi, z') for each of its numbers.
    template <class Each>
    SCOREMATCH_DEVICE void load(int i, int pair, float (&top)[8], float (&top_tangent)[8], const Each& each) const {
      float argument[8], z_tangent[8];
      z.load(i, pair, argument);
      tangent.load(i, pair, z_tangent);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const Activated phi = Block::template activation<Jet::kActivation>(argument[q]);
        top[q] = phi.value;
        top_tangent[q] = phi.first * z_tangent[q];
        each(q, phi, z_tangent[q]);
      }
      if (!residual) return;
      h.load(i, pair, top);
      tangent_h.load(i, pair, top_tangent);
    }
  };

  /// Stores u.h' and u.h of each row over this warp's columns into direction_parts.
  SCOREMATCH_DEVICE void project(const Tile& u) const {
    float along[kRowTiles][2] = {}, slice[kRowTiles][2] = {};
    if (jet.owns(jet.hidden() - 1))
      block.visit_saved([&](auto space) {
        const SavedTop<decltype(space)::value> saved(jet, jet.hidden() - 1);
        for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
          float v[8], h[8], tangent[8];
          jet.fragment_of(u, i, pair, v);
          saved.load(i, pair, h, tangent, [](int, const Activated&, float) {});
          SCOREMATCH_UNROLL
          for (int q = 0; q < 8; ++q) {
            along[i][q / 2 % 2] = fmaf(v[q], tangent[q], along[i][q / 2 % 2]);
            slice[i][q / 2 % 2] = fmaf(v[q], h[q], slice[i][q / 2 % 2]);
          }
        });
      });
    SCOREMATCH_UNROLL
    for (int i = 0; i < kRowTiles; ++i) SCOREMATCH_UNROLL
    for (int r = 0; r < 2; ++r) {
      SCOREMATCH_UNROLL
      for (int lanes = 1; lanes < 4; lanes *= 2) {
        along[i][r] += __shfl_xor_sync(0xFFFFFFFFu, along[i][r], lanes);
        slice[i][r] += __shfl_xor_sync(0xFFFFFFFFu, slice[i][r], lanes);
      }
      if (block.lane() % 4 == 0)
        block.arrays.direction_parts[block.tile_column() / 32 * block.shape.rows + row_of(i, r)] =
            make_float2(along[i][r], slice[i][r]);
    }
  }
  SCOREMATCH_DEVICE int row_of(int i, int r) const { return block.tile_row() + 16 * i + 8 * r + (block.lane() >> 2); }

  /// The head of one direction, from the sums in direction_parts: the loss and, if wanted, the gradients of h' and h of
  /// the last layer, which are multiples of u.
  SCOREMATCH_DEVICE void run_head(const Tile& u, int m) const {
    const int l = jet.hidden() - 1;
    const Term& term = block.tile.term;
    const bool sliced = term.sliced_square, gradient = wants_gradient(block.p);
    DirectionFactors factors[kRowTiles][2];
    SCOREMATCH_UNROLL
    for (int i = 0; i < kRowTiles; ++i) SCOREMATCH_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int row = row_of(i, r);
      const HeadRow& values = block.arrays.values[row];
      float along = 0.0f, slice = 0.0f;
      SCOREMATCH_NO_UNROLL
      for (int part = 0; part < block.shape.tiling.column_warps; ++part) {
        along += block.arrays.direction_parts[part * block.shape.rows + row].x;
        slice += block.arrays.direction_parts[part * block.shape.rows + row].y;
      }
      along = fmaf(values.b * values.c, along, block.arrays.direction_base[row].x);
      slice = sliced ? fmaf(values.b, slice, block.arrays.direction_base[row].y) : 0.0f;
      factors[i][r] = direction_factors(term, values, slice);
      if (block.tile_column() != 0 || block.lane() % 4 != 0) continue;
      const float loss = fmaf(0.5f * slice, slice, along);
      block.arrays.loss[row] += term.weight * loss;
      if (block.p.loss_per_direction != nullptr && values.is_sample)
        ptx::in_global(block.p.loss_per_direction)[m * block.p.loss_per_direction_plane + values.sample] =
            values.loss_factor * loss;
      if (gradient) block.arrays.slice_weights[row] = from_float<T>(factors[i][r].output);
      if (block.p.grad_x != nullptr && sliced) add_to_input(values, factors[i][r].x);
    }
    if (!gradient || !jet.owns(l)) return;
    block.visit_saved([&](auto space) { start_backward<decltype(space)::value>(u, factors, m == 0); });
  }

  template <Space kSpace>
  SCOREMATCH_DEVICE void start_backward(const Tile& u, const DirectionFactors (&factors)[kRowTiles][2],
                                        bool first) const {
    const int l = jet.hidden() - 1;
    const bool sliced = block.tile.term.sliced_square;
    for_each_fragment<kRowTiles, 4>([&](int i, int pair) {
      // Rebuilt for each fragment, like the objects below: there are no registers left to hold them.
      const SavedTop<kSpace> saved(jet, l);
      float v[8], more[8], h[8], tangent[8], grad_z[8];
      jet.fragment_of(u, i, pair, v);
      if (sliced) {
        SCOREMATCH_UNROLL
        for (int q = 0; q < 8; ++q) more[q] = factors[i][q / 2 % 2].output * v[q];
        jet.template saved<float, kSpace>(block.places.slices).add(i, pair, more, first);
      }
      saved.load(i, pair, h, tangent, [&](int q, const Activated& phi, float z_tangent) {
        v[q] *= factors[i][q / 2 % 2].jvp;        // the gradient of h'
        more[q] = phi.second * z_tangent * v[q];  // curvature
        grad_z[q] = phi.first * v[q];             // the gradient of z'
      });
      jet.template saved<float, kSpace>(l, block.places.curvature).add(i, pair, more, first);
      if (saved.residual) jet.template saved<float, kSpace>(block.places.grad_h).save(i, pair, v);
      SCOREMATCH_UNROLL
      for (int q = 0; q < 8; ++q) {
        const DirectionFactors& k = factors[i][q / 2 % 2];
        h[q] = fmaf(k.jvp, tangent[q], k.output * h[q]);
      }
      jet.work_fragments(1).store(i, pair, h);
      jet.work_fragments(2).store(i, pair, grad_z);
    });
  }

  /// grad_x of a row += factor v, the part that bypasses the network.
  SCOREMATCH_DEVICE void add_to_input(const HeadRow& values, float factor) const {
    if (!values.is_sample || factor == 0.0f) return;
    const int dim = block.p.batch.dim;
    float* grad_x = ptx::in_global(block.p.grad_x) + values.sample * block.p.grad_x_stride;
    const T* v = block.arrays.side + values.row * block.shape.side_stride;
    for (int i = 0; i < dim; i += 2) {
      const float2 two = load2(v + i);
      float* grad = grad_x + i;
      grad[0] = fmaf(factor, two.x, grad[0]);
      if (i + 1 < dim) grad[1] = fmaf(factor, two.y, grad[1]);
    }
  }
};

}  // namespace kernels
}  // namespace scorematch
