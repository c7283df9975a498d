// The head: the loss of each sample and the gradients for the backward pass from F and (dF/dz) v, in one pass over a
// row.
//
//   s = a x_tilde + b F                      J v = a v + b c (dF/dz) v
//   grad_F = lambda/N b grad_s               grad of (dF/dz) v = lambda/N b c grad of J v
//
// for any term of an objective (launchers.h). F is [rows, output_stride], (dF/dz) v [count, rows, jvp_stride], the loss
// [rows], and the gradients have the shapes of F and (dF/dz) v, of T. A warp processes 32 / lanes samples, and each
// lane four columns at a time; eps and v are drawn again, never stored. No shared memory. Bytes per row: 4 dim (1 +
// count) read, sizeof(T) grad_columns (1 + count) written. One warp sums over a row, in an order that depends only on
// dim; the loss of a sample does not depend on the launch.
#include "device/head.cuh"
#include "device/launch.h"
#include "layered/head_row.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 96 per thread

/// v^T J v and, if kSliced, v^T s. Called by whole warps; valid in every lane of the row.
template <bool kSliced>
SCOREMATCH_DEVICE void project(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int in_group, float& along,
                               float& slice) {
  along = slice = 0.0f;
  if (r.is_sample) {
    const SampleDirection direction = direction_of(p, r, in_group);
    const SampleScore<> score = sample_score(p, r);
    const float* jvp_row = p.jvp + in_group * p.jvp_plane + r.row * p.jvp_stride;
    for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes()) {
      float v[4], jvp[4], s[4];
      direction.get4(g, v);
      read4(jvp_row, g, p.dim, jvp);
      if (kSliced) score.get4(g, s);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        along = fmaf(v[i], fmaf(r.a, v[i], r.b * r.c * jvp[i]), along);
        if (kSliced) slice = fmaf(v[i], s[i], slice);
      }
    }
  }
  along = at.lanes.sum(along);
  if (kSliced) slice = at.lanes.sum(slice);
}

/// Stores the gradients of one direction: weight v for J v and, for the sliced square, weight (v^T s) v added to that
/// of s.
template <bool kSliced, class T>
SCOREMATCH_DEVICE void store_direction_gradients(const HeadParams& p, const HeadRow& r, const LaneOfRow& at,
                                                 int in_group, float slice) {
  const DirectionFactors factors = direction_factors(p.term, r, slice);
  const bool add = in_group > 0 || !p.first_group;
  const SampleDirection direction = direction_of(p, r, in_group);
  for (int g = at.lane; g < group_count(p.grad_columns); g += at.lanes.lanes()) {
    float v[4] = {}, grad[4] = {};
    if (r.is_sample) direction.get4(g, v);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) grad[i] = factors.jvp * v[i];
    if (p.grad_jvp != nullptr)
      write4(static_cast<T*>(p.grad_jvp) + in_group * p.grad_jvp_plane + r.row * p.grad_jvp_stride, g, p.grad_columns,
             grad);
    if (!kSliced || 4 * g >= p.dim) continue;
    if (p.grad_score != nullptr) {
      float* grad_score = p.grad_score + r.row * p.grad_score_stride;
      if (add) read4(grad_score, g, p.dim, grad);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) grad[i] = fmaf(factors.output, v[i], add ? grad[i] : 0.0f);
      write4(grad_score, g, p.dim, grad);
    }
    if (p.grad_x != nullptr && r.is_sample) {
      float* grad_x = p.grad_x + r.row * p.grad_x_stride;
      if (add || p.add_loss) read4(grad_x, g, p.dim, grad);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) grad[i] = fmaf(factors.x, v[i], add || p.add_loss ? grad[i] : 0.0f);
      write4(grad_x, g, p.dim, grad);
    }
  }
}

/// The part of a term that depends on s only; adds the gradient of the sliced squares to its gradient. Returns this
/// lane's part of the loss of the row.
template <bool kSliced, class T>
SCOREMATCH_DEVICE float run_score_term(const HeadParams& p, const HeadRow& r, const LaneOfRow& at) {
  if (kSliced && !needs_score(p.term) && p.grad_output == p.grad_score) return 0.0f;  // already stored
  const bool has_slices = kSliced && p.grad_score != nullptr;
  RowGradients<T> grads{};
  grads.columns = p.grad_columns;
  if (p.grad_output != nullptr) grads.output = static_cast<T*>(p.grad_output) + r.row * p.grad_output_stride;
  if (has_slices) grads.slices = p.grad_score + r.row * p.grad_score_stride;
  if (p.grad_x != nullptr) grads.x = p.grad_x + r.row * p.grad_x_stride;
  grads.adds_x = p.add_loss || (kSliced && (p.count > 0 || !p.first_group));
  const SampleScore<> score = sample_score(p, r);
  return run_score_term(p.term, r, score, ScoreTerm<Space::global>(p, p.term, r, score.point.eps), grads, at);
}

template <bool kSliced, class T>
SCOREMATCH_DEVICE void run_head(const HeadParams& p) {
  const int thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(group_count(p.grad_columns));
  const LaneOfRow at{lanes, lanes.lane_of(thread)};
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const HeadRow r = head_row(p, row);
  float loss = 0.0f, score = 0.0f;
  for (int in_group = 0; in_group < p.count; ++in_group) {
    float along, slice;
    project<kSliced>(p, r, at, in_group, along, slice);
    const float each = fmaf(0.5f * slice, slice, along);
    loss += each;
    if (p.loss_per_direction != nullptr && r.is_sample && at.lane == 0)
      p.loss_per_direction[(p.first_direction + in_group) * p.loss_per_direction_plane + row] = r.loss_factor * each;
    if (row < p.rows) store_direction_gradients<kSliced, T>(p, r, at, in_group, slice);
  }
  if (p.last_group && row < p.rows) score = run_score_term<kSliced, T>(p, r, at);
  score = lanes.sum(score);
  if (!r.is_sample || at.lane != 0) return;
  if (p.loss_per_direction != nullptr && p.last_group && needs_score(p.term))
    for (int m = 0; m < p.first_direction + p.count; ++m)
      p.loss_per_direction[m * p.loss_per_direction_plane + row] += r.loss_factor * score;
  loss = loss * p.term.weight + score;
  if (p.trace != nullptr) {
    loss += fmaf(r.a, static_cast<float>(p.dim), r.b * r.c * p.trace[row]);
    if (p.grad_trace != nullptr) p.grad_trace[row] = r.jvp_factor;
  }
  if (p.loss == nullptr) return;
  loss *= r.loss_factor;
  p.loss[row] = p.first_group && !p.add_loss ? loss : p.loss[row] + loss;
}

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) head_kernel(HeadParams p) {
  if (p.term.sliced_square)
    run_head<true, T>(p);
  else
    run_head<false, T>(p);
}

template <class T>
int launch_of(const HeadParams& p, CUstream_st* stream) {
  return launch(head_kernel<T>, row_grid(p.rows, p.grad_columns, kThreads), stream, p);
}

}  // namespace

int launch_head(const HeadParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
