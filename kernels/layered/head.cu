// The heads: from F and (dF/dz) v to each sample's loss and the adjoints to send back, in one pass over a row.
//
//   s = a x_tilde + b F        J v = a v + b c (dF/dz) v
//   F^ = lambda/N b s^         ((dF/dz) v)^ = lambda/N b c (J v)^
//
// A warp does 32 / lanes samples, a lane four columns at a time; eps and v are drawn again, never stored. Bytes a row:
// 4 dim (1 + count) read, sizeof(T) grad_columns (1 + count) written. Sums over a row are one warp's, in an order of
// dim alone; a sample's loss does not depend on the launch.
#include "device/launch.h"
#include "heads/all.cuh"
#include "heads/row.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kResidentBlocks = 5;  // a multiprocessor: the register budget, 96 a thread

template <class Head, class T>
SCOREMATCH_DEVICE void run_head(const HeadParams& p) {
  const int thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(group_count(p.grad_columns));
  const LaneOfRow at{lanes, lanes.lane_of(thread)};
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const HeadRow r = head_row(p, row);
  float loss = 0.0f, term = 0.0f;
  if (Head::kDirections) {
    for (int slot = 0; slot < p.count; ++slot) {
      float along, slice;
      project<Head>(p, r, at, slot, along, slice);
      loss += fmaf(0.5f * slice, slice, along);
      if (row < p.rows) store_direction_adjoints<Head, T>(p, r, at, slot, slice);
    }
    loss *= p.weight;
  }
  if constexpr (Head::kScoreTerm) {
    if (p.last_group && row < p.rows) term = score_term<Head, T>(p, r, at);
    term = lanes.sum(term);
  } else {
    const bool apart = static_cast<const void*>(p.grad_score) != p.grad_output;
    if (p.last_group && row < p.rows && p.grad_output != nullptr && apart) store_score_adjoint<T>(p, r, at);
  }
  if (row >= p.batch || at.lane != 0) return;
  loss += term;
  if (Head::kDirections && p.trace != nullptr) {
    loss += fmaf(r.a, static_cast<float>(p.dim), r.b * r.c * p.trace[row]);
    if (p.grad_trace != nullptr) p.grad_trace[row] = r.jvp_factor;
  }
  if (p.loss == nullptr) return;
  loss *= r.loss_factor;
  p.loss[row] = p.first_group && !p.add_loss ? loss : p.loss[row] + loss;
}

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) head_kernel(HeadParams p) {
  visit_head(p.objective, [&](auto head) { run_head<typename decltype(head)::Head, T>(p); });
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
