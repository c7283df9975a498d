#include "simd_peak.h"

#include <type_traits>

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "simd_peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using namespace scorematch::cpu::HWY_NAMESPACE;

constexpr int kChains = 12;  // with a latency of 4 or 5 clocks and two units, at most 10 are in flight

/// Recursive, so that every chain stays in a register.
template <class Term, int kCount>
struct Chains {
  Vector each;
  Chains<Term, kCount - 1> rest;
  HWY_INLINE Chains() : each(hn::Set(Floats(), static_cast<float>(kCount))) {}
  HWY_INLINE void step(Vector a, Vector b) {
    // Without fusion, the compiler could compute the product of constant a and b just once.
    each = std::is_same_v<Term, Float32> ? Term::add(each, a, b) : Term::add(a, b, each);
    rest.step(a, b);
  }
  HWY_INLINE Vector sum() const { return hn::Add(each, rest.sum()); }
};

template <class Term>
struct Chains<Term, 0> {
  HWY_INLINE Chains() {}
  HWY_INLINE void step(Vector, Vector) {}
  HWY_INLINE Vector sum() const { return hn::Zero(Floats()); }
};

/// Returns the number of vectors added up.
template <class Term>
HWY_INLINE double run_chains(std::int64_t rounds) {
  const auto a = hn::BitCast(Floats(), hn::Set(Words(), 0x3F403F40u)),
             b = hn::BitCast(Floats(), hn::Set(Words(), 0x3C003C00u));
  Chains<Term, kChains> chains;
  for (std::int64_t i = 0; i < rounds; ++i) chains.step(a, b);
  volatile float used = hn::GetLane(hn::SumOfLanes(Floats(), chains.sum()));
  static_cast<void>(used);
  return 1.0 * kChains * static_cast<double>(rounds);
}

double multiply_and_add(std::int64_t rounds) { return 2 * kLanes * run_chains<Float32>(rounds); }
double multiply_and_add_bf16(std::int64_t rounds) { return 4 * kLanes * run_chains<Bfloat16Pair>(rounds); }

}  // namespace HWY_NAMESPACE
}  // namespace bench
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace bench {

HWY_EXPORT(multiply_and_add);
HWY_EXPORT(multiply_and_add_bf16);
double multiply_and_add(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(multiply_and_add)(rounds); }
double multiply_and_add_bf16(std::int64_t rounds) { return HWY_DYNAMIC_DISPATCH(multiply_and_add_bf16)(rounds); }

}  // namespace bench
}  // namespace scorematch
#endif  // HWY_ONCE
