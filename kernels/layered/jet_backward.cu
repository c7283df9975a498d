// One hidden layer's activation on the way back (docs/math.md, section "The jet"; ^ marks an adjoint):
//
//   curvature = phi'' sum_m z_m h'_m^ [+ what earlier groups of tangents left]
//   z_0^ = phi' h'_0^ + curvature      z_m^ = phi' h'_m^      m = 1 ... slots - 1
//   bias^ = sum over rows of z_0^
//
// and of an energy net, whose second derivatives' slot is behind the tangents, with q as jet_forward left it,
//
//   curvature += (phi'' z" + phi''' q) h'"^      z_m^ += 2 phi'' z_m h'"^  for m <= curved      z"^ = phi' h'"^
//
// z and the adjoints are [slots, rows, width] of T, curvature and q [rows, width] float, and phi' to phi''' are found
// again from z_0 + bias: to store them would cost as many bytes as they save. Where further groups of tangents are to
// come, h'"^ is kept for them. Bytes: 3 slots rows width sizeof(T); with second derivatives 4 rows width more for q and
// sizeof(T) rows width for h'"^ where it is kept. Without them the kernel is one of its own.
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

/// h'"^ of four columns; in the group that has its slot, whose part of the curvature and z"^ are seen to.
template <class T, Activation kActivation>
SCOREMATCH_DEVICE void second_back(const JetBackwardParams& p, const float (&z0)[4], std::int64_t at,
                                   const float (&first)[4], const float (&second)[4], float (&curvature)[4],
                                   float (&second_bar)[4]) {
  if (!p.second) {
    load4(static_cast<const T*>(p.second_bar) + at, second_bar);
    return;
  }
  const std::int64_t place = p.slots * p.rows * p.width + at;
  load4(static_cast<const T*>(p.h_bar) + place, second_bar);
  if (p.second_bar != nullptr) store4(static_cast<T*>(p.second_bar) + at, second_bar);
  float z[4] = {}, squares[4];
  if (!p.second_starts) load4(static_cast<const T*>(p.z) + place, z);
  load4(p.squares + at, squares);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i)
    curvature[i] = fmaf(second[i], z[i], third_derivative<kActivation>(z0[i]) * squares[i]) * second_bar[i];
  if (p.second_starts) return;  // below the first layer they are zero
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) z[i] = first[i] * second_bar[i];
  store4(static_cast<T*>(p.z_bar) + place, z);
}

/// Four columns of one row, all slots; adds z_0^ to `sums`.
template <class T, Activation kActivation, bool kCurved>
SCOREMATCH_DEVICE void go_back(const JetBackwardParams& p, const float (&bias)[4], std::int64_t at, float (&sums)[4]) {
  const std::int64_t plane = p.rows * p.width;
  float z[4], first[4], second[4], curvature[4] = {};
  load4(static_cast<const T*>(p.z) + at, z);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    z[i] += bias[i];
    const Jet jet = activate<kActivation>(z[i]);
    first[i] = jet.first;
    second[i] = jet.second;
  }
  float second_bar[4] = {};
  if constexpr (kCurved) second_back<T, kActivation>(p, z, at, first, second, curvature, second_bar);
  for (int slot = 1; slot < p.slots; ++slot) {
    float tangent[4], bar[4];
    load4(static_cast<const T*>(p.z) + slot * plane + at, tangent);
    load4(static_cast<const T*>(p.h_bar) + slot * plane + at, bar);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      curvature[i] = fmaf(second[i] * tangent[i], bar[i], curvature[i]);
      bar[i] *= first[i];
      if (kCurved && slot <= p.curved) bar[i] = fmaf(2.0f * second[i] * tangent[i], second_bar[i], bar[i]);
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

template <class T, Activation kActivation, bool kCurved>
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
      go_back<T, kActivation, kCurved>(p, bias, row * p.width + column, sums);
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
  return visit_activation(p.activation, [&](auto kind) {
    constexpr Activation kActivation = decltype(kind)::value;
    return p.second || p.second_bar != nullptr ? launch(jet_backward_kernel<T, kActivation, true>, grid, stream, p)
                                               : launch(jet_backward_kernel<T, kActivation, false>, grid, stream, p);
  });
}

}  // namespace

int launch_jet_backward(const JetBackwardParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
