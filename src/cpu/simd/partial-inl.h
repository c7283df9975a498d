// Access to a whole vector in memory, or to its first elements. The body and the tail of an array use the same
// arithmetic, so the bits of an element do not depend on its position.
#if defined(SCOREMATCH_CPU_SIMD_PARTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_SIMD_PARTIAL_INL_H_
#undef SCOREMATCH_CPU_SIMD_PARTIAL_INL_H_
#else
#define SCOREMATCH_CPU_SIMD_PARTIAL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// All lanes. Needs no alignment.
struct Whole {
  template <class D, class T = hn::TFromD<D>>
  HWY_INLINE hn::Vec<D> load(D d, const T* from) const {
    return hn::LoadU(d, from);
  }
  template <class D, class T = hn::TFromD<D>>
  HWY_INLINE void store(hn::Vec<D> v, D d, T* to) const {
    hn::StoreU(v, d, to);
  }
};

/// The first `count` lanes; the other lanes are loaded as zero and are not stored. Only AVX-512 guarantees for every
/// type that masked lanes touch no memory; other targets go through the stack.
struct Partial {
  std::size_t count;

  template <class D, class T = hn::TFromD<D>>
  HWY_INLINE hn::Vec<D> load(D d, const T* from) const {
#if HWY_TARGET != HWY_AVX3
    HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
    std::memcpy(lanes, from, count * sizeof(T));
    return hn::Load(d, lanes);
#else
    return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#endif
  }
  template <class D, class T = hn::TFromD<D>>
  HWY_INLINE void store(hn::Vec<D> v, D d, T* to) const {
#if HWY_TARGET != HWY_AVX3
    HWY_ALIGN T lanes[hn::MaxLanes(d)];
    hn::Store(v, d, lanes);
    std::memcpy(to, lanes, count * sizeof(T));
#else
    hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#endif
  }
};

/// Calls step(i, access) for every vector of n elements of D; the last vector may be partial.
template <class D, class Step>
HWY_INLINE void for_each_vector(D d, std::int64_t n, const Step& step) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) step(i, Whole{});
  if (i < n) step(i, Partial{static_cast<std::size_t>(n - i)});
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
