// The activations and their first two derivatives, in float. Away from their zeros each is within a few ulp; a zero of
// phi' or phi'' keeps an absolute error of a few 2^-24.
#pragma once
#include "device/ptx.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {

struct Jet {
  float value, first, second;  // phi, phi', phi''
};

/// sigmoid(z) and 1 - sigmoid(z), neither by a difference.
SCOREMATCH_DEVICE void sigmoids(float z, float& p, float& q) {
  const float e = expf(-fabsf(z)), large = 1.0f / (1.0f + e), small = e * large;
  p = z >= 0.0f ? large : small;
  q = z >= 0.0f ? small : large;
}

template <Activation kActivation>
SCOREMATCH_DEVICE Jet activate(float z) {
  if constexpr (kActivation == Activation::silu) {
    float p, q;
    sigmoids(z, p, q);
    const float zq = z * q;
    return {z * p, p * (1.0f + zq), p * q * (2.0f + z * (q - p))};
  } else if constexpr (kActivation == Activation::softplus) {
    float p, q;
    sigmoids(z, p, q);
    return {fmaxf(z, 0.0f) + log1pf(expf(-fabsf(z))), p, p * q};
  } else if constexpr (kActivation == Activation::tanh) {
    const float t = tanhf(z), first = (1.0f - t) * (1.0f + t);
    return {t, first, -2.0f * t * first};
  } else {
    constexpr float kSqrtHalf = 0.70710678118654752f, kInvSqrtTwoPi = 0.39894228040143268f;
    const float cdf = 0.5f * erfcf(-kSqrtHalf * z), density = kInvSqrtTwoPi * expf(-0.5f * z * z);
    return {z * cdf, cdf + z * density, density * (2.0f - z * z)};
  }
}

}  // namespace kernels
}  // namespace scorematch
