// The activations and their derivatives, in float. By CUDA's bounds for expf (1 ulp), tanhf (2) and erfcf (4), each is
// within 12 ulp of its largest part, and gelu's within 12 + z^2 (docs/numerics.md, "Bounds of the activations"). No
// formula subtracts nearly equal numbers where a unit saturates, so digits are not lost there.
#pragma once
#include <type_traits>

#include "device/ptx.cuh"
#include "launchers.h"

namespace scorematch {
namespace kernels {

struct Activated {
  float value, first, second;  // phi, phi', phi''
};

template <Activation kActivation>
using ActivationConstant = std::integral_constant<Activation, kActivation>;

/// Calls visit(ActivationConstant<activation>()) and returns its result.
template <class Visitor>
int visit_activation(Activation activation, const Visitor& visit) {
  switch (activation) {
    case Activation::silu:
      return visit(ActivationConstant<Activation::silu>());
    case Activation::softplus:
      return visit(ActivationConstant<Activation::softplus>());
    case Activation::tanh:
      return visit(ActivationConstant<Activation::tanh>());
    case Activation::gelu:
      break;
  }
  return visit(ActivationConstant<Activation::gelu>());
}

/// p = sigmoid(z) and q = 1 - sigmoid(z), without a subtraction.
SCOREMATCH_DEVICE void sigmoids(float z, float& p, float& q) {
  const float e = expf(-fabsf(z)), large = 1.0f / (1.0f + e), small = e * large;
  p = z >= 0.0f ? large : small;
  q = z >= 0.0f ? small : large;
}

template <Activation kActivation>
SCOREMATCH_DEVICE Activated activate(float z) {
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
    // Where t is nearly 1, 1 - t^2 would consist of the rounding error of t.
    const float t = tanhf(z), e = expf(-2.0f * fabsf(z)), scale = 2.0f / (1.0f + e), first = e * scale * scale;
    return {t, first, -2.0f * t * first};
  } else {
    static_assert(kActivation == Activation::gelu);
    constexpr float kSqrtHalf = 0.70710678118654752f, kInvSqrtTwoPi = 0.39894228040143268f;
    const float cdf = 0.5f * erfcf(-kSqrtHalf * z), density = kInvSqrtTwoPi * expf(-0.5f * z * z);
    return {z * cdf, cdf + z * density, density * (2.0f - z * z)};
  }
}

/// phi''' = g times a bracket. Their factors are those of activate(), so the compiler computes them once. By CUDA's
/// bounds for expf (1 ulp) and tanhf (2 ulp), with u = 2^-23,
///
///   |error| <= u (A |phi'''| + B g) + 2^-119
///
///   silu      g = p q, A = 6, B = 11 + 4.5 |z|      tanh   g = phi', A = 6, B = 27
///   softplus  g = p q, A = 6, B = 2.25              gelu   A = 3.5 + z^2 / 4, B = 0
///
/// A covers the rounding of g, of the bracket and of their product; the z^2 of gelu comes from the rounding of the
/// exponent. B covers the rounding of the bracket's terms, which cancel only near its zeros.
template <Activation kActivation>
SCOREMATCH_DEVICE float third_derivative(float z) {
  if constexpr (kActivation == Activation::silu) {
    float p, q;
    sigmoids(z, p, q);
    const float slope = p * q, difference = q - p;
    return slope * fmaf(difference, fmaf(z, difference, 3.0f), -2.0f * z * slope);
  } else if constexpr (kActivation == Activation::softplus) {
    float p, q;
    sigmoids(z, p, q);
    return p * q * (q - p);
  } else if constexpr (kActivation == Activation::tanh) {
    const float t = tanhf(z), e = expf(-2.0f * fabsf(z)), scale = 2.0f / (1.0f + e);
    return e * scale * scale * fmaf(6.0f * t, t, -2.0f);
  } else {
    static_assert(kActivation == Activation::gelu);
    constexpr float kInvSqrtTwoPi = 0.39894228040143268f;
    return kInvSqrtTwoPi * expf(-0.5f * z * z) * z * fmaf(z, z, -4.0f);
  }
}

/// activate() with the approximations of the special function unit. Value and phi' are within 2^-10 of max(1, |z|), and
/// phi'' is within 2^-9 of it.
template <Activation kActivation>
SCOREMATCH_DEVICE Activated activate_fast(float z) {
  if constexpr (kActivation == Activation::silu) {
    const float p = fmaf(0.5f, ptx::tanh_approx(0.5f * z), 0.5f), q = 1.0f - p, h = z * p;
    return {h, fmaf(h, q, p), p * q * fmaf(z, q - p, 2.0f)};
  } else if constexpr (kActivation == Activation::softplus) {
    constexpr float kLog2E = 1.44269504f, kLn2 = 0.69314718f;
    const float e = ptx::ex2_approx(-kLog2E * fabsf(z)), large = ptx::rcp_approx(1.0f + e);
    const float p = z >= 0.0f ? large : e * large;
    return {fmaf(kLn2, ptx::lg2_approx(1.0f + e), fmaxf(z, 0.0f)), p, p * (1.0f - p)};
  } else if constexpr (kActivation == Activation::tanh) {
    const float t = ptx::tanh_approx(z), first = fmaf(-t, t, 1.0f);
    return {t, first, -2.0f * t * first};
  } else {  // erfc by Abramowitz & Stegun (1964), formula 7.1.26, within 1.5e-7
    static_assert(kActivation == Activation::gelu);
    constexpr float kSqrtHalf = 0.70710678f, kInvSqrtTwoPi = 0.39894228f, kHalfLog2E = 0.72134752f;
    const float e = ptx::ex2_approx(-kHalfLog2E * z * z),
                t = ptx::rcp_approx(fmaf(0.3275911f * kSqrtHalf, fabsf(z), 1.0f));
    const float series =
        t * fmaf(t, fmaf(t, fmaf(t, fmaf(t, 1.061405429f, -1.453152027f), 1.421413741f), -0.284496736f), 0.254829592f);
    const float tail = 0.5f * series * e, cdf = z >= 0.0f ? 1.0f - tail : tail, density = kInvSqrtTwoPi * e;
    return {z * cdf, fmaf(z, density, cdf), density * fmaf(-z, z, 2.0f)};
  }
}

}  // namespace kernels
}  // namespace scorematch
