// The heads: from F and (dF/dz) v to each sample's loss and the adjoints to send back, in one pass over a row.
//
//   s = a x_tilde + b F        J v = a v + b c (dF/dz) v
//   F^ = lambda/N b s^         ((dF/dz) v)^ = lambda/N b c (J v)^
//
// A warp does 32 / lanes samples, a lane four columns at a time; eps and v are drawn again, never stored. Bytes a row:
// 4 dim (1 + count) read, sizeof(T) bar_columns (1 + count) written. Sums over a row are one warp's, in an order of dim
// alone; a sample's loss does not depend on the launch.
#include "device/launch.h"
#include "heads/dsm.cuh"
#include "heads/esm.cuh"
#include "heads/ism.cuh"
#include "heads/ssm.cuh"
#include "heads/ssm_vr.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 4;  // a multiprocessor: the register budget, 64 a thread

struct LaneOfRow {
  RowLanes lanes;
  int lane;
};

/// v_m, the sphere's scale included.
SCOREMATCH_DEVICE void scaled_direction4(const HeadParams& p, const HeadRow& r, int slot, int group, float (&v)[4]) {
  direction4(p.directions, p.noise, p.first_direction + slot, r.sample, group, p.dim, v);
  if (p.direction_scale == nullptr) return;
  const float scale = p.direction_scale[slot * p.rows + r.row];
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) v[i] *= scale;
}

/// v^T J v and, where asked for, v^T s. Called by whole warps; every lane of the row has them.
template <class Head>
SCOREMATCH_DEVICE void project(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int slot, float& along,
                               float& slice) {
  along = slice = 0.0f;
  if (r.row < p.batch)
    for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes) {
      float v[4], jvp[4], s[4];
      scaled_direction4(p, r, slot, g, v);
      read4(p.jvp + slot * p.jvp_plane + r.row * p.jvp_stride, g, p.dim, jvp);
      if (Head::kSlicedSquare) score4(p, r, g, s);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        along = fmaf(v[i], fmaf(r.a, v[i], r.b * r.c * jvp[i]), along);
        if (Head::kSlicedSquare) slice = fmaf(v[i], s[i], slice);
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
  const auto jvp_factor = static_cast<float>(r.bar_factor * p.share * static_cast<double>(r.b * r.c));
  const auto score_factor = static_cast<float>(r.bar_factor * p.share * static_cast<double>(slice * r.b));
  const auto x_factor = static_cast<float>(r.bar_factor * p.share * static_cast<double>(slice * r.a));
  const bool add = slot > 0 || !p.first_group;
  for (int g = at.lane; g < group_count(p.bar_columns); g += at.lanes.lanes) {
    float v[4] = {}, bar[4] = {};
    if (sample) scaled_direction4(p, r, slot, g, v);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) bar[i] = jvp_factor * v[i];
    if (p.jvp_bar != nullptr)
      write4(static_cast<T*>(p.jvp_bar) + slot * p.jvp_bar_plane + r.row * p.jvp_bar_stride, g, p.bar_columns, bar);
    if (!Head::kSlicedSquare || 4 * g >= p.dim) continue;
    if (p.score_bar != nullptr) {
      float* score_bar = p.score_bar + r.row * p.score_bar_stride;
      if (add) read4(score_bar, g, p.dim, bar);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) bar[i] = fmaf(score_factor, v[i], add ? bar[i] : 0.0f);
      write4(score_bar, g, p.dim, bar);
    }
    if (p.grad_x != nullptr && sample) {
      float* grad_x = p.grad_x + r.row * p.grad_x_stride;
      if (add || p.add_loss) read4(grad_x, g, p.dim, bar);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) bar[i] = fmaf(x_factor, v[i], add || p.add_loss ? bar[i] : 0.0f);
      write4(grad_x, g, p.dim, bar);
    }
  }
}

/// The part of the loss that is a function of s alone; this lane's share of it. Writes the adjoints.
template <class Head, class T>
SCOREMATCH_DEVICE float score_term(const HeadParams& p, const HeadRow& r, const LaneOfRow& at) {
  const auto output_factor = static_cast<float>(r.bar_factor * static_cast<double>(r.b));
  const auto x_factor = static_cast<float>(r.bar_factor * static_cast<double>(r.a));
  float loss = 0.0f;
  for (int g = at.lane; g < group_count(p.bar_columns); g += at.lanes.lanes) {
    float bar[4] = {}, out[4];
    if (r.row < p.batch && 4 * g < p.dim) {
      float s[4];
      score4(p, r, g, s);
      Head::score_term(p, r, g, s, loss, bar);
    }
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = output_factor * bar[i];
    if (p.output_bar != nullptr)
      write4(static_cast<T*>(p.output_bar) + r.row * p.output_bar_stride, g, p.bar_columns, out);
    if (p.grad_x == nullptr || r.row >= p.batch || 4 * g >= p.dim) continue;
    float* grad_x = p.grad_x + r.row * p.grad_x_stride;
    if (p.add_loss) read4(grad_x, g, p.dim, out);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) out[i] = fmaf(x_factor, bar[i], p.add_loss ? out[i] : 0.0f);
    write4(grad_x, g, p.dim, out);
  }
  return loss;
}

/// s^ summed over all directions, from float to T.
template <class T>
SCOREMATCH_DEVICE void store_score_adjoint(const HeadParams& p, const HeadRow& r, const LaneOfRow& at) {
  for (int g = at.lane; g < group_count(p.bar_columns); g += at.lanes.lanes) {
    float bar[4] = {};
    if (4 * g < p.dim) read4(p.score_bar + r.row * p.score_bar_stride, g, p.dim, bar);
    write4(static_cast<T*>(p.output_bar) + r.row * p.output_bar_stride, g, p.bar_columns, bar);
  }
}

template <class Head, class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) head_kernel(HeadParams p) {
  const int thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(group_count(p.bar_columns));
  const LaneOfRow at{lanes, thread % lanes.lanes};
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (kThreads / lanes.lanes) + thread / lanes.lanes;
  const HeadRow r = head_row(p, row);
  float loss = 0.0f, term = 0.0f;
  if (Head::kDirections) {
    for (int slot = 0; slot < p.count; ++slot) {
      float along, slice;
      project<Head>(p, r, at, slot, along, slice);
      loss += fmaf(0.5f * slice, slice, along);
      if (row < p.rows) store_direction_adjoints<Head, T>(p, r, at, slot, slice);
    }
    loss *= static_cast<float>(p.share);
  }
  if constexpr (Head::kScoreTerm) {
    if (p.last_group && row < p.rows) term = score_term<Head, T>(p, r, at);
    term = lanes.sum(term);
  } else {
    const bool apart = static_cast<const void*>(p.score_bar) != p.output_bar;
    if (p.last_group && row < p.rows && p.output_bar != nullptr && apart) store_score_adjoint<T>(p, r, at);
  }
  if (row >= p.batch || at.lane != 0) return;
  loss += term;
  if (Head::kDirections && p.trace != nullptr) {
    loss += fmaf(r.a, static_cast<float>(p.dim), r.b * r.c * p.trace[row]);
    if (p.trace_bar != nullptr) p.trace_bar[row] = static_cast<float>(r.bar_factor * static_cast<double>(r.b * r.c));
  }
  if (p.loss == nullptr) return;
  loss *= r.loss_factor;
  p.loss[row] = p.first_group && !p.add_loss ? loss : p.loss[row] + loss;
}

template <class T>
int launch_of(const HeadParams& p, CUstream_st* stream) {
  int lanes = 1;
  while (lanes < (p.bar_columns + 3) / 4 && lanes < 32) lanes *= 2;
  const int rows_a_block = kThreads / lanes;
  const Grid grid{static_cast<unsigned>((p.rows + rows_a_block - 1) / rows_a_block), 1, kThreads, 0};
  switch (p.objective) {
    case Objective::esm:
      return launch(head_kernel<EsmHead, T>, grid, stream, p);
    case Objective::dsm:
      return launch(head_kernel<DsmHead, T>, grid, stream, p);
    case Objective::ism:
      return launch(head_kernel<IsmHead, T>, grid, stream, p);
    case Objective::ssm:
      return launch(head_kernel<SsmHead, T>, grid, stream, p);
    default:
      return launch(head_kernel<SsmVrHead, T>, grid, stream, p);
  }
}

}  // namespace

int launch_head(const HeadParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
