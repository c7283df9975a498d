#include "simd_peak.h"

#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd_peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kChains = 12;  // a latency of 4 or 5 clocks and two units: 10 are in flight at most

/// Recursive, so that every chain stays in a register.
template <int kCount>
struct Chains {
  using V = hn::Vec<hn::ScalableTag<float>>;
  V each;
  Chains<kCount - 1> rest;

  HWY_INLINE Chains() : each(hn::Set(hn::ScalableTag<float>(), static_cast<float>(kCount))) {}
  HWY_INLINE void step(V factor, V term) {
    each = hn::MulAdd(each, factor, term);
    rest.step(factor, term);
  }
  HWY_INLINE V sum() const { return hn::Add(each, rest.sum()); }
};
template <>
struct Chains<0> {
  using V = hn::Vec<hn::ScalableTag<float>>;
  HWY_INLINE Chains() {}
  HWY_INLINE void step(V, V) {}
  HWY_INLINE V sum() const { return hn::Zero(hn::ScalableTag<float>()); }
};

double multiply_and_add(std::int64_t rounds) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f), term = hn::Set(d, 0.001f);
  Chains<kChains> chains;
  for (std::int64_t i = 0; i < rounds; ++i) chains.step(factor, term);
  volatile float used = hn::GetLane(hn::SumOfLanes(d, chains.sum()));
  static_cast<void>(used);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace bench
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace bench {

HWY_EXPORT(multiply_and_add);
double multiply_and_add(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(multiply_and_add)(rounds); }

}  // namespace bench
}  // namespace scorematch
#endif  // HWY_ONCE
