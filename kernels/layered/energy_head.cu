// The part of an energy net's term along directions, and the gradients of its one output (docs/math.md, section "Energy
// nets"). With F_m the tangent of F along v_m and F" the sum of its second derivatives along all v_m,
//
//   l += weight sum_m [ a |v_m|^2 + (v_m^T s)^2 / 2 ] + weight b c F"        v_m^T s = a v_m^T x_tilde + b F_m
//
//   grad_F_m = weight lambda/N b v_m^T s      grad_F" = weight lambda/N b c      grad_F_u = 1      grad_F = 0
//   grad_x += weight lambda/N a (v_m^T s) v_m
//
// The square and its gradients are present only for sliced squares. The tangent u is the gradient of grad F that
// launch_head stores, lambda/N b grad_s. With lambda = 1 and no gradients, l is weight sum_m v_m^T J v_m, a divergence.
//
// F_m is [count, rows, jvp_stride] and F" [rows, jvp_stride], both in column 0; gradients are [rows, grad_jvp_stride]
// of T per channel. A warp processes 32 / lanes samples, and each lane four columns at a time; v is drawn again if a !=
// 0. No shared memory. Bytes per row: x if there is a square; 4 count read, sizeof(T) grad_columns per channel written.
// One warp sums over a row, in an order that depends only on dim.
#include "device/launch.h"
#include "layered/head_row.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 96 per thread

/// |v|^2 and, for sliced squares, v^T x_tilde. Called by whole warps; valid in every lane of the row.
SCOREMATCH_DEVICE void project_point(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int in_group,
                                     float& square, float& along) {
  square = along = 0.0f;
  if (r.a != 0.0f) {  // a is zero past the batch
    const SampleDirection direction = direction_of(p, r, in_group);
    const PerturbedSample<> point{data_row(p.data, p.noise, r.sample), SampleEps<>(p.eps, p.noise, r.sample, p.dim),
                                  p.term.point * r.sigma, p.dim};
    for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes()) {
      float v[4], x_tilde[4] = {};
      direction.get4(g, v);
      if (p.term.sliced_square) point.get4(g, x_tilde);
      SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        square = fmaf(v[i], v[i], square);
        along = fmaf(v[i], x_tilde[i], along);
      }
    }
  }
  square = at.lanes.sum(square);
  along = at.lanes.sum(along);
}

/// Stores the gradient of an output, (value, 0, ...).
template <class T>
SCOREMATCH_DEVICE void store_output_gradient(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, void* plane,
                                             float value) {
  if (plane == nullptr || r.row >= p.rows || at.lane != 0) return;
  T* out = static_cast<T*>(plane) + r.row * p.grad_jvp_stride;
  for (int g = 0; g < group_count(p.grad_columns); ++g) {
    const float grad[4] = {g == 0 ? value : 0.0f, 0.0f, 0.0f, 0.0f};
    write4(out, g, p.grad_columns, grad);
  }
}

/// Adds the part of (v^T s)^2 / 2 of one direction to the gradient of x that bypasses the network.
SCOREMATCH_DEVICE void add_to_gradient(const HeadParams& p, const HeadRow& r, const LaneOfRow& at, int in_group,
                                       float factor) {
  if (p.grad_x == nullptr || r.row >= p.batch) return;
  const bool add = in_group > 0 || !p.first_group || p.add_loss;
  const SampleDirection direction = direction_of(p, r, in_group);
  float* grad_x = p.grad_x + r.row * p.grad_x_stride;
  for (int g = at.lane; g < group_count(p.dim); g += at.lanes.lanes()) {
    float v[4] = {}, grad[4] = {};
    if (r.a != 0.0f) direction.get4(g, v);
    if (add) read4(grad_x, g, p.dim, grad);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) grad[i] = fmaf(factor, v[i], grad[i]);
    write4(grad_x, g, p.dim, grad);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) energy_head_kernel(EnergyHeadParams params) {
  const HeadParams& p = params.head;
  const int thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(group_count(p.dim));
  const LaneOfRow at{lanes, lanes.lane_of(thread)};
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const bool sample = row < p.batch, sliced = p.term.sliced_square;
  const HeadRow r = head_row(p, row);
  float loss = 0.0f;
  for (int in_group = 0; in_group < p.count; ++in_group) {
    float square, along;
    project_point(p, r, at, in_group, square, along);
    const float tangent = sliced && sample ? p.jvp[in_group * p.jvp_plane + row * p.jvp_stride] : 0.0f;
    const float slice = sliced ? fmaf(r.a, along, r.b * tangent) : 0.0f;
    loss += fmaf(0.5f * slice, slice, r.a * square);
    const DirectionFactors factors = direction_factors(p.term, r, slice);
    if (p.grad_jvp != nullptr)
      store_output_gradient<T>(p, r, at, static_cast<T*>(p.grad_jvp) + in_group * p.grad_jvp_plane, factors.output);
    if (sliced) add_to_gradient(p, r, at, in_group, factors.x);
  }
  if (params.second != nullptr && sample) loss = fmaf(r.b * r.c, params.second[row * p.jvp_stride], loss);
  store_output_gradient<T>(p, r, at, params.grad_second, p.term.weight * r.jvp_factor);
  store_output_gradient<T>(p, r, at, params.grad_unit, 1.0f);
  store_output_gradient<T>(p, r, at, params.grad_value, 0.0f);
  if (!sample || at.lane != 0 || p.loss == nullptr) return;
  loss *= p.term.weight * r.loss_factor;
  p.loss[row] = p.first_group && !p.add_loss ? loss : p.loss[row] + loss;
}

template <class T>
int launch_of(const EnergyHeadParams& p, CUstream_st* stream) {
  return launch(energy_head_kernel<T>, row_grid(p.head.rows, p.head.dim, kThreads), stream, p);
}

}  // namespace

int launch_energy_head(const EnergyHeadParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
