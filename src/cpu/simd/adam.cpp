#include "cpu/simd/adam.h"

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/adam.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/partial-inl.h"
#include "cpu/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace {

/// average + weight (value - average)
template <class V>
HWY_INLINE V lerp(V average, V value, V weight) {
  return hn::MulAdd(weight, hn::Sub(value, average), average);
}

}  // namespace

double sum_of_squares(const float* x, std::int64_t n) { return sum_of_products(n, x, x); }

void adam_update(std::int64_t n, const AdamScalars& scalars, const float* grad, float* params, float* first,
                 float* second, float* ema) {
  const AdamScalars s = scalars;  // a copy: otherwise, vector stores could alias it
  const hn::ScalableTag<float> d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    const auto g = hn::Mul(hn::Set(d, s.grad_scale), at.load(d, grad + i));
    const auto m = lerp(at.load(d, first + i), g, hn::Set(d, s.one_minus_beta1));
    const auto v_old = at.load(d, second + i);
    const auto v = hn::MulAdd(hn::Set(d, s.one_minus_beta2), hn::MulSub(g, g, v_old), v_old);
    const auto denominator = hn::MulAdd(hn::Sqrt(v), hn::Set(d, s.inv_sqrt_bias2), hn::Set(d, s.epsilon));
    const auto p_old = at.load(d, params + i);
    const auto decayed = hn::NegMulAdd(hn::Set(d, s.weight_decay), p_old, p_old);
    const auto p = hn::NegMulAdd(hn::Set(d, s.step_size), hn::Div(m, denominator), decayed);
    at.store(m, d, first + i);
    at.store(v, d, second + i);
    at.store(p, d, params + i);
    if (ema != nullptr) at.store(lerp(at.load(d, ema + i), p, hn::Set(d, s.one_minus_ema_decay)), d, ema + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(sum_of_squares);
HWY_EXPORT(adam_update);

double sum_of_squares(const float* x, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(sum_of_squares)(x, n); }

void adam_update(std::int64_t n, const AdamScalars& scalars, const float* grad, float* params, float* first,
                 float* second, float* ema) {
  HWY_DYNAMIC_DISPATCH(adam_update)(n, scalars, grad, params, first, second, ema);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
