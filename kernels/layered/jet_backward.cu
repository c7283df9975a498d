// The backward pass of one hidden layer's activation (docs/math.md, section "The jet"):
//
//   curvature = phi'' sum_m z_m grad_h'_m [+ curvature of earlier groups of tangents]
//   grad_z_0 = phi' grad_h'_0 + curvature      grad_z_m = phi' grad_h'_m      m = 1 ... channels - 1
//   grad_bias = sum over rows of grad_z_0
//
// For an energy net, the channel of the second derivatives follows the tangents. With q from jet_forward,
//
//   curvature += (phi'' z" + phi''' q) grad_h'"      grad_z_m += 2 phi'' z_m grad_h'"  for m <= curved
//   grad_z" = phi' grad_h'"
//
// z and the gradients are [channels, rows, width] of T; curvature and q are [rows, width] float. phi' to phi''' are
// computed again from z_0 + bias: storing them would move as many bytes as it saves. grad_h'" is saved if more groups
// of tangents follow. The kernel without second derivatives is a separate one.
//
// A block processes 128 columns of 256 rows: each warp every eighth row, each lane four columns. The partial sum of the
// bias gradient is the block's own, with the warps added in order. Row blocks depend only on the rows, and so do the
// sums. Shared memory: kColumnWarps times kColumnsPerBlock floats. Bytes: 3 channels rows width sizeof(T); with second
// derivatives 4 rows width more for q, and sizeof(T) rows width for grad_h'" if it is saved.
#include "device/activation.cuh"
#include "device/column_sums.cuh"
#include "device/element.cuh"
#include "device/launch.h"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kResidentBlocks = 2;  // per multiprocessor: the register budget, 128 per thread

/// grad_h'" of four columns. In the group that has its channel, also grad_z" and the part of grad_h'" in the curvature.
template <class T, Activation kActivation>
SCOREMATCH_DEVICE void second_backward(const JetBackwardParams& p, const float (&z0)[4], std::int64_t at,
                                       const float (&first)[4], const float (&second)[4], float (&curvature)[4],
                                       float (&grad_second)[4]) {
  if (!p.second) {
    load4(static_cast<const T*>(p.grad_second) + at, grad_second);
    return;
  }
  const std::int64_t place = p.channels * p.rows * p.width + at;
  load4(static_cast<const T*>(p.grad_h) + place, grad_second);
  if (p.grad_second != nullptr) store4(static_cast<T*>(p.grad_second) + at, grad_second);
  float z[4] = {}, squares[4];
  if (!p.second_starts) load4(static_cast<const T*>(p.z) + place, z);
  load4(p.squares + at, squares);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i)
    curvature[i] = fmaf(second[i], z[i], third_derivative<kActivation>(z0[i]) * squares[i]) * grad_second[i];
  if (p.second_starts) return;  // the second derivatives of the input are zero
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) z[i] = first[i] * grad_second[i];
  store4(static_cast<T*>(p.grad_z) + place, z);
}

/// Processes four columns of one row, in all channels; adds grad_z_0 to `sums`.
template <class T, Activation kActivation, bool kCurved>
SCOREMATCH_DEVICE void backward_row(const JetBackwardParams& p, const float (&bias)[4], std::int64_t at,
                                    float (&sums)[4]) {
  const std::int64_t plane = p.rows * p.width;
  float z[4], first[4], second[4], curvature[4] = {};
  load4(static_cast<const T*>(p.z) + at, z);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    z[i] += bias[i];
    const Activated phi = activate<kActivation>(z[i]);
    first[i] = phi.first;
    second[i] = phi.second;
  }
  float grad_second[4] = {};
  if constexpr (kCurved) second_backward<T, kActivation>(p, z, at, first, second, curvature, grad_second);
  for (int channel = 1; channel < p.channels; ++channel) {
    float tangent[4], grad[4];
    load4(static_cast<const T*>(p.z) + channel * plane + at, tangent);
    load4(static_cast<const T*>(p.grad_h) + channel * plane + at, grad);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      curvature[i] = fmaf(second[i] * tangent[i], grad[i], curvature[i]);
      grad[i] *= first[i];
      if (kCurved && channel <= p.curved) grad[i] = fmaf(2.0f * second[i] * tangent[i], grad_second[i], grad[i]);
    }
    store4(static_cast<T*>(p.grad_z) + channel * plane + at, grad);
  }
  if (p.has_curvature) {
    float earlier[4];
    load4(p.curvature + at, earlier);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) curvature[i] += earlier[i];
  }
  if (p.first_channel != 0) {
    store4(p.curvature + at, curvature);
    return;
  }
  float grad[4];
  load4(static_cast<const T*>(p.grad_h) + at, grad);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    grad[i] = fmaf(first[i], grad[i], curvature[i]);
    sums[i] += grad[i];
  }
  store4(static_cast<T*>(p.grad_z) + at, grad);
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
      backward_row<T, kActivation, kCurved>(p, bias, row * p.width + column, sums);
  }
  if (p.first_channel == 0)  // the same for all threads
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
    return p.second || p.grad_second != nullptr ? launch(jet_backward_kernel<T, kActivation, true>, grid, stream, p)
                                                : launch(jet_backward_kernel<T, kActivation, false>, grid, stream, p);
  });
}

}  // namespace

int launch_jet_backward(const JetBackwardParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
