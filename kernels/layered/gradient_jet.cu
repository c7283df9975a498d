// One hidden layer of an energy net's gradient with its tangents (docs/math.md, section "The jet"): the backward pass
// of F, carried along v_m. At the bottom of the network, channel 0 is grad F and channel m is its derivative along v_m,
// the product of the Hessian of F with v_m.
//
//   grad_z_0 = phi' grad_h'_0      grad_z_m = phi' grad_h'_m + phi'' z_m grad_h'_0      m = 1 ... channels - 1
//
// z and the gradients are [channels, rows, width] of T, bias [width]. A thread processes four columns of a row, in all
// channels. No shared memory. Bytes: 3 channels rows width sizeof(T). Elementwise: nothing depends on the launch.
#include "device/activation.cuh"
#include "device/element.cuh"
#include "device/launch.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 4;  // per multiprocessor: the register budget, 64 per thread

template <class T, Activation kActivation>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) gradient_jet_kernel(GradientJetParams p) {
  const int groups = p.width / 4;
  const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) * 4;
  const std::int64_t plane = p.rows * p.width;
  if (at >= plane) return;
  const int column = static_cast<int>(at / 4 % groups) * 4;
  float z[4], bias[4], grad[4], first[4], bent[4];  // bent: phi'' grad_h'_0
  load4(static_cast<const T*>(p.z) + at, z);
  load4(p.bias + column, bias);
  load4(static_cast<const T*>(p.grad_h) + at, grad);
  SCOREMATCH_UNROLL
  for (int i = 0; i < 4; ++i) {
    const Activated phi = activate<kActivation>(z[i] + bias[i]);
    first[i] = phi.first;
    bent[i] = phi.second * grad[i];
    grad[i] *= first[i];
  }
  store4(static_cast<T*>(p.grad_z) + at, grad);
  for (int channel = 1; channel < p.channels; ++channel) {
    float tangent[4];
    load4(static_cast<const T*>(p.z) + channel * plane + at, tangent);
    load4(static_cast<const T*>(p.grad_h) + channel * plane + at, grad);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) grad[i] = fmaf(first[i], grad[i], bent[i] * tangent[i]);
    store4(static_cast<T*>(p.grad_z) + channel * plane + at, grad);
  }
}

template <class T>
int launch_of(const GradientJetParams& p, CUstream_st* stream) {
  const std::int64_t groups = p.rows * p.width / 4;
  const Grid grid{static_cast<unsigned>((groups + kThreads - 1) / kThreads), 1, kThreads, 0};
  return visit_activation(
      p.activation, [&](auto kind) { return launch(gradient_jet_kernel<T, decltype(kind)::value>, grid, stream, p); });
}

}  // namespace

int launch_gradient_jet(const GradientJetParams& params, Element element, CUstream_st* stream) {
  return element == Element::bf16 ? launch_of<bf16>(params, stream) : launch_of<float>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
