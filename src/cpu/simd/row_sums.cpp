#include "cpu/simd/row_sums.h"

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/row_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void score_row(double a, double b, int dim, const float* x, const float* f, const float* bias, float* out) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> d;
  const auto of_x = hn::Set(dd, a), of_output = hn::Set(dd, b);
  for_each_vector(dd, dim, [&](std::int64_t i, auto at) HWY_ATTR {
    auto output = hn::PromoteTo(dd, at.load(d, f + i));
    if (bias != nullptr) output = hn::Add(output, hn::PromoteTo(dd, at.load(d, bias + i)));
    const auto point = hn::PromoteTo(dd, at.load(d, x + i));
    at.store(hn::DemoteTo(d, hn::Add(hn::Mul(of_x, point), hn::Mul(of_output, output))), d, out + i);
  });
}

void update_row(int dim, const float* x, const Multiple (&terms)[3], float* out) {
  const hn::ScalableTag<float> d;
  for_each_vector(d, dim, [&](std::int64_t i, auto at) HWY_ATTR {
    auto sum = x == nullptr ? hn::Zero(d) : at.load(d, x + i);
    for (const Multiple& term : terms)
      if (term.of != nullptr) sum = hn::Add(sum, hn::Mul(hn::Set(d, term.factor), at.load(d, term.of + i)));
    at.store(sum, d, out + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(score_row);
HWY_EXPORT(update_row);

void score_row(double a, double b, int dim, const float* x, const float* f, const float* bias, float* out) {
  HWY_DYNAMIC_DISPATCH(score_row)(a, b, dim, x, f, bias, out);
}

void update_row(int dim, const float* x, const Multiple (&terms)[3], float* out) {
  HWY_DYNAMIC_DISPATCH(update_row)(dim, x, terms, out);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
