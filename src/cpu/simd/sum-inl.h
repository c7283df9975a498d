// A sum of products in double whose order depends on the number of terms only.
#if defined(SCOREMATCH_CPU_SIMD_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_SIMD_SUM_INL_H_
#undef SCOREMATCH_CPU_SIMD_SUM_INL_H_
#else
#define SCOREMATCH_CPU_SIMD_SUM_INL_H_
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

/// kCount vectors of partial sums. Recursive, because g++ -O2 would keep an array of vectors in memory.
template <std::size_t kCount>
class PartialSums {
  static constexpr hn::ScalableTag<double> d{};
  static constexpr hn::Rebind<float, hn::ScalableTag<double>> df{};

 public:
  static constexpr std::size_t kLanes = hn::MaxLanes(hn::ScalableTag<double>());

  HWY_INLINE PartialSums() : sum_(hn::Zero(d)) {}  // not implicit: it would be compiled for the baseline
  HWY_INLINE void add(const float* a, const float* b) {
    sum_ = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(df, a)), hn::PromoteTo(d, hn::LoadU(df, b)), sum_);
    rest_.add(a + kLanes, b + kLanes);
  }
  HWY_INLINE void store(double* to) const {
    hn::StoreU(sum_, d, to);
    rest_.store(to + kLanes);
  }

 private:
  hn::Vec<hn::ScalableTag<double>> sum_;
  PartialSums<kCount - 1> rest_;
};

template <>
class PartialSums<0> {
 public:
  HWY_INLINE PartialSums() {}
  HWY_INLINE void add(const float*, const float*) {}
  HWY_INLINE void store(double*) const {}
};

/// Sum of a[i] b[i] in 16 partial sums, which are then added by halving. Term i goes to partial sum i mod 16. A product
/// of two floats is exact in double, so the result is the same on every instruction set.
HWY_INLINE double sum_of_products(std::int64_t n, const float* a, const float* b) {
  constexpr std::size_t kPartials = 16;
  PartialSums<kPartials / PartialSums<1>::kLanes> sums;
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) sums.add(a + i, b + i);
  if (i < n) {
    float tail_a[kPartials] = {}, tail_b[kPartials] = {};
    const std::size_t bytes = static_cast<std::size_t>(n - i) * sizeof(float);
    std::memcpy(tail_a, a + i, bytes);
    std::memcpy(tail_b, b + i, bytes);
    sums.add(tail_a, tail_b);
  }
  double partial[kPartials];
  sums.store(partial);
  for (std::size_t half = kPartials / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) partial[k] += partial[k + half];
  }
  return partial[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
