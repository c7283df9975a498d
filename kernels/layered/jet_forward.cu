// The forward pass of one hidden layer's activation, value and tangents together (docs/math.md, section "The jet"):
//
//   h'_0 = phi(z_0 + bias) [+ h_0]      h'_m = phi'(z_0 + bias) z_m [+ h_m]      m = 1 ... channels - 1
//
// For an energy net, also the sum of the second derivatives along the first `curved` tangents, in one more channel that
// follows the tangents:
//
//   q = sum_m z_m^2 [+ q of earlier groups of tangents]      h'" = phi' z" + phi'' q [+ h"]
//
// z, h, h' are [channels, rows, width] of T, bias [width], q [rows, width] float. A thread processes four columns of a
// row, in all channels, so phi and phi' are computed once. No shared memory. Bytes: channels rows width sizeof(T) read
// and written, and read once more if the layer is residual; for q, 4 rows width written, and read once more in a later
// group. Elementwise: nothing depends on the launch. The kernel without q is a separate one.
#include "device/activation.cuh"
#include "device/element.cuh"
#include "device/launch.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 4;  // per multiprocessor: the register budget, 64 per thread

template <class T>
SCOREMATCH_DEVICE void store_next(const JetForwardParams& p, std::int64_t at, float (&next)[4], bool skipped = true) {
  if (p.h != nullptr && skipped) {
    float h[4];
    load4(static_cast<const T*>(p.h) + at, h);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) next[i] += h[i];
  }
  store4(static_cast<T*>(p.h_next) + at, next);
}

/// Stores q, and the second derivatives if their channel is present; `squares` are those of this group.
template <class T>
SCOREMATCH_DEVICE void store_second(const JetForwardParams& p, std::int64_t at, const float (&first)[4],
                                    const float (&second)[4], float (&squares)[4]) {
  if (p.has_squares) {
    float earlier[4];
    load4(p.squares + at, earlier);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) squares[i] += earlier[i];
  }
  store4(p.squares + at, squares);
  if (!p.second) return;
  const std::int64_t place = p.channels * p.rows * p.width + at;
  float z[4] = {}, next[4];
  if (!p.second_starts) load4(static_cast<const T*>(p.z) + place, z);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) next[i] = fmaf(first[i], z[i], second[i] * squares[i]);
  store_next<T>(p, place, next, !p.second_starts);
}

template <class T, Activation kActivation, bool kCurved>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) jet_forward_kernel(JetForwardParams p) {
  const int groups = p.width / 4;
  const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) * 4;
  const std::int64_t plane = p.rows * p.width;
  if (at >= plane) return;
  const int column = static_cast<int>(at / 4 % groups) * 4;
  float z[4], bias[4], value[4], first[4], second[4], squares[4] = {};
  load4(static_cast<const T*>(p.z) + at, z);
  load4(p.bias + column, bias);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const Activated phi = activate<kActivation>(z[i] + bias[i]);
    value[i] = phi.value;
    first[i] = phi.first;
    second[i] = phi.second;
  }
  if (p.first_channel == 0) store_next<T>(p, at, value);
  for (int channel = 1; channel < p.channels; ++channel) {
    float tangent[4];
    load4(static_cast<const T*>(p.z) + channel * plane + at, tangent);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      if (kCurved && channel <= p.curved) squares[i] = fmaf(tangent[i], tangent[i], squares[i]);
      tangent[i] *= first[i];
    }
    store_next<T>(p, channel * plane + at, tangent);
  }
  if constexpr (kCurved) store_second<T>(p, at, first, second, squares);
}

template <class T>
int launch_of(const JetForwardParams& p, CUstream_st* stream) {
  const std::int64_t groups = p.rows * p.width / 4;
  const Grid grid{static_cast<unsigned>((groups + kThreads - 1) / kThreads), 1, kThreads, 0};
  return visit_activation(p.activation, [&](auto kind) {
    constexpr Activation kActivation = decltype(kind)::value;
    return p.squares == nullptr ? launch(jet_forward_kernel<T, kActivation, false>, grid, stream, p)
                                : launch(jet_forward_kernel<T, kActivation, true>, grid, stream, p);
  });
}

}  // namespace

int launch_jet_forward(const JetForwardParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
