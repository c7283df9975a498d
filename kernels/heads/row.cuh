// A head's walk over one row, as every kernel does it: the part along directions, the part of s alone, their adjoints.
// The lanes of a row take its groups of four columns in turn.
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct LaneOfRow {
  RowLanes lanes;
  int lane;
};

/// What the adjoints of one direction are multiples of: the network's product of the direction itself, F and x of
/// v^T s times it.
struct DirectionFactors {
  float jvp, output, x;
};
SCOREMATCH_DEVICE DirectionFactors direction_factors(const HeadParams& p, const HeadRow& r, float slice) {
  const float share = p.weight * slice;
  return {p.weight * r.jvp_factor, share * r.output_factor, share * r.x_factor};
}

/// v_m of a row, the sphere's scale included.
SCOREMATCH_DEVICE SampleDirection scaled_direction(const HeadParams& p, const HeadRow& r, int slot) {
  SampleDirection direction(p.directions, p.noise, p.first_direction + slot, r.sample, p.dim);
  if (p.direction_scale != nullptr) direction.scale = p.direction_scale[slot * p.rows + r.row];
  return direction;
}

/// v^T J v and, where asked for, v^T s. Called by whole warps; every lane of the row has them.
template <class Head>
SCOREMATCH_DEVICE void project(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int slot, float& along,
                               float& slice) {
  along = slice = 0.0f;
  if (r.row < p.batch) {
    const SampleDirection direction = scaled_direction(p, r, slot);
    const SampleScore<> score(p, r);
    const float* jvp_row = p.jvp + slot * p.jvp_plane + r.row * p.jvp_stride;
    for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes()) {
      float v[4], jvp[4], s[4];
      direction.get4(g, v);
      read4(jvp_row, g, p.dim, jvp);
      if (Head::kSlicedSquare) score.get4(g, s);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        along = fmaf(v[i], fmaf(r.a, v[i], r.b * r.c * jvp[i]), along);
        if (Head::kSlicedSquare) slice = fmaf(v[i], s[i], slice);
      }
    }
  }
  along = at.lanes.sum(along);
  if (Head::kSlicedSquare) slice = at.lanes.sum(slice);
}

/// Adjoints of one direction: (J v)^ = share v and, of the square, s^ += share (v^T s) v.
template <class Head, class T>
SCOREMATCH_DEVICE void store_direction_adjoints(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int slot,
                                                float slice) {
  const bool sample = r.row < p.batch;
  const DirectionFactors factors = direction_factors(p, r, slice);
  const bool add = slot > 0 || !p.first_group;
  const SampleDirection direction = scaled_direction(p, r, slot);
  for (int g = at.lane; g < group_count(p.grad_columns); g += at.lanes.lanes()) {
    float v[4] = {}, grad[4] = {};
    if (sample) direction.get4(g, v);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) grad[i] = factors.jvp * v[i];
    if (p.grad_jvp != nullptr)
      write4(static_cast<T*>(p.grad_jvp) + slot * p.grad_jvp_plane + r.row * p.grad_jvp_stride, g, p.grad_columns,
             grad);
    if (!Head::kSlicedSquare || 4 * g >= p.dim) continue;
    if (p.grad_score != nullptr) {
      float* grad_score = p.grad_score + r.row * p.grad_score_stride;
      if (add) read4(grad_score, g, p.dim, grad);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) grad[i] = fmaf(factors.output, v[i], add ? grad[i] : 0.0f);
      write4(grad_score, g, p.dim, grad);
    }
    if (p.grad_x != nullptr && sample) {
      float* grad_x = p.grad_x + r.row * p.grad_x_stride;
      if (add || p.add_loss) read4(grad_x, g, p.dim, grad);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) grad[i] = fmaf(factors.x, v[i], add || p.add_loss ? grad[i] : 0.0f);
      write4(grad_x, g, p.dim, grad);
    }
  }
}

/// The part of the loss that is a function of s alone; this lane's share of it. Writes the adjoints.
template <class Head, class T, Space kTile = Space::global>
SCOREMATCH_DEVICE float score_term(const HeadParams& p, const HeadRow& r, const LaneOfRow& at) {
  float loss = 0.0f;
  const SampleScore<kTile> score(p, r);
  const typename Head::template ScoreTerm<kTile> term(p, r);
  const int dim = r.row < p.batch ? p.dim : 0, columns = p.grad_columns;
  const float output_factor = r.output_factor, x_factor = r.x_factor;
  const bool add = p.add_loss;
  T* grad_output = p.grad_output == nullptr ? nullptr : static_cast<T*>(p.grad_output) + r.row * p.grad_output_stride;
  float* grad_x = p.grad_x == nullptr ? nullptr : p.grad_x + r.row * p.grad_x_stride;
  for (int g = at.lane; g < group_count(columns); g += at.lanes.lanes()) {
    float grad[4] = {}, out[4];
    if (4 * g < dim) {
      float s[4];
      score.get4(g, s);
      term.add4(g, s, loss, grad);
    }
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = output_factor * grad[i];
    if (grad_output != nullptr) write4(ptx::in<kTile>(grad_output), g, columns, out);
    if (grad_x == nullptr || 4 * g >= dim) continue;
    if (add) read4(ptx::in_global(grad_x), g, dim, out);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = fmaf(x_factor, grad[i], add ? out[i] : 0.0f);
    write4(ptx::in_global(grad_x), g, dim, out);
  }
  return loss;
}

/// s^ summed over all directions, from float to T.
template <class T>
SCOREMATCH_DEVICE void store_score_adjoint(const HeadParams& p, const HeadRow& r, const LaneOfRow& at) {
  for (int g = at.lane; g < group_count(p.grad_columns); g += at.lanes.lanes()) {
    float grad[4] = {};
    if (4 * g < p.dim) read4(p.grad_score + r.row * p.grad_score_stride, g, p.dim, grad);
    write4(static_cast<T*>(p.grad_output) + r.row * p.grad_output_stride, g, p.grad_columns, grad);
  }
}

}  // namespace kernels
}  // namespace scorematch
