// Horner's rule on vectors.
#if defined(SCOREMATCH_CPU_POLYNOMIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_POLYNOMIAL_INL_H_
#undef SCOREMATCH_CPU_POLYNOMIAL_INL_H_
#else
#define SCOREMATCH_CPU_POLYNOMIAL_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V, float c0) {
  return hn::Set(d, c0);
}

/// c0 + c1 x + c2 x^2 + ...
template <class D, class V = hn::Vec<D>, class... Rest>
HWY_INLINE V polynomial(D d, V x, float c0, Rest... rest) {
  return hn::MulAdd(x, polynomial(d, x, rest...), hn::Set(d, c0));
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
