// One hidden layer's activation on the way back (docs/math.md, section "The jet"; ^ marks an adjoint):
//
//   curvature = phi'' sum_m z_m h'_m^ [+ what earlier groups of tangents left]
//   z_0^ = phi' h'_0^ + curvature      z_m^ = phi' h'_m^      m = 1 ... slots - 1
//   bias^ = sum over rows of z_0^
//
// z and the adjoints are [slots, rows, width] of T, curvature [rows, width] float, and phi', phi'' are found again from
// z_0 + bias: to store them would cost as many bytes as they save. Bytes: 3 slots rows width sizeof(T).
//
// A block does 128 columns of 256 rows, a warp every eighth row, a lane four columns; the bias gradient's partial sum
// is the block's own, its warps added in order. Blocks of rows depend on the rows alone, so the sums do too.
#include "device/activation.cuh"
#include "device/column_sums.cuh"
#include "device/element.cuh"
#include "device/launch.h"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kResidentBlocks = 2;  // a multiprocessor: the register budget, 128 a thread

/// Four columns of one row, all slots; adds z_0^ to `sums`.
template <class T, Activation kActivation>
SCOREMATCH_DEVICE void go_back(const JetBackwardParams& p, const float (&bias)[4], std::int64_t at, float (&sums)[4]) {
  const std::int64_t plane = p.rows * p.width;
  float z[4], first[4], second[4], curvature[4] = {};
  load4(static_cast<const T*>(p.z) + at, z);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const Jet jet = activate<kActivation>(z[i] + bias[i]);
    first[i] = jet.first;
    second[i] = jet.second;
  }
  for (int slot = 1; slot < p.slots; ++slot) {
    float tangent[4], bar[4];
    load4(static_cast<const T*>(p.z) + slot * plane + at, tangent);
    load4(static_cast<const T*>(p.h_bar) + slot * plane + at, bar);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      curvature[i] = fmaf(second[i] * tangent[i], bar[i], curvature[i]);
      bar[i] *= first[i];
    }
    store4(static_cast<T*>(p.z_bar) + slot * plane + at, bar);
  }
  if (p.has_curvature) {
    float earlier[4];
    load4(p.curvature + at, earlier);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) curvature[i] += earlier[i];
  }
  if (p.first_slot != 0) {
    store4(p.curvature + at, curvature);
    return;
  }
  float bar[4];
  load4(static_cast<const T*>(p.h_bar) + at, bar);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    bar[i] = fmaf(first[i], bar[i], curvature[i]);
    sums[i] += bar[i];
  }
  store4(static_cast<T*>(p.z_bar) + at, bar);
}

template <class T, Activation kActivation>
__global__ void __launch_bounds__(kColumnThreads, kResidentBlocks) jet_backward_kernel(JetBackwardParams p) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  float* warp_sums = carve.take<float>(kColumnWarps * kColumnsPerBlock);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
  const int column = static_cast<int>(blockIdx.y) * kColumnsPerBlock + thread % 32 * 4;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kColumnBlockRows;
  const std::int64_t end = first_row + kColumnBlockRows < p.rows ? first_row + kColumnBlockRows : p.rows;
  float sums[4] = {};
  if (column < p.width) {
    float bias[4];
    load4(p.bias + column, bias);
    for (std::int64_t row = first_row + warp; row < end; row += kColumnWarps)
      go_back<T, kActivation>(p, bias, row * p.width + column, sums);
  }
  if (p.first_slot == 0)  // the same for all threads
    store_column_sums(sums, warp_sums, p.bias_partial + static_cast<std::int64_t>(blockIdx.x) * p.width, column,
                      p.width);
}

template <class T>
int launch_of(const JetBackwardParams& p, CUstream_st* stream) {
  const Grid grid{static_cast<unsigned>(column_sum_blocks(p.rows)),
                  static_cast<unsigned>((p.width + kColumnsPerBlock - 1) / kColumnsPerBlock), kColumnThreads,
                  shared_bytes<float>(kColumnWarps * kColumnsPerBlock)};
  return visit_activation(
      p.activation, [&](auto kind) { return launch(jet_backward_kernel<T, decltype(kind)::value>, grid, stream, p); });
}

}  // namespace

int launch_jet_backward(const JetBackwardParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
