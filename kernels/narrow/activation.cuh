// The activations of the narrow kernels, with the approximations of the special function unit.
#pragma once
#include "device/activation.cuh"

namespace scorematch {
namespace kernels {

/// The factor of weights and biases in shared memory: silu needs z / 2. What follows a product makes up for it.
template <Activation kActivation>
constexpr float kNarrowScale = kActivation == Activation::silu ? 0.5f : 1.0f;

/// h for u = scale z, and by what a number that comes through weights times scale is multiplied, less 1: as cheap as
/// the product itself. For silu that is 2 phi' - 1.
struct NarrowActivated {
  float value, slope;
};
template <Activation kActivation>
SCOREMATCH_DEVICE NarrowActivated activate_narrow(float u) {
  if constexpr (kActivation == Activation::silu) {
    const float t = ptx::tanh_approx(u);
    return {fmaf(u, t, u), fmaf(u, fmaf(-t, t, 1.0f), t)};
  } else {
    const Activated phi = activate_fast<kActivation>(u);
    return {phi.value, phi.first - 1.0f};
  }
}

}  // namespace kernels
}  // namespace scorematch
