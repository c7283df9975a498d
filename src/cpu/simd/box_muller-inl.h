// Box & Muller (1958) and the functions it needs: -2 ln u, and sine and cosine of an angle in quarter turns.
#if defined(SCOREMATCH_CPU_BOX_MULLER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_BOX_MULLER_INL_H_
#undef SCOREMATCH_CPU_BOX_MULLER_INL_H_
#else
#define SCOREMATCH_CPU_BOX_MULLER_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "cpu/simd/polynomial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Sine and cosine of (pi / 2) (q + r), |r| <= 1/2. The relative error is below 2 ulp, even near the zeros.
/// @param q_top bits 30 and 31 are q mod 4; the other bits are ignored
template <class D, class V = hn::Vec<D>>
HWY_INLINE void sin_cos_quarters(D d, hn::Vec<hn::RebindToUnsigned<D>> q_top, V r, V& sine, V& cosine) {
  const hn::RebindToUnsigned<D> du;
  const V s = hn::Mul(r, r);
  // Minimax in relative error, 0.06 ulp and 0.007 ulp, not counting the rounding of pi / 2.
  const V sin_r = hn::Mul(r, polynomial(d, s, 1.57079637f, -0.645966649f, 0.079712525f, -0.00468597142f));
  const V cos_r =
      hn::MulAdd(s, polynomial(d, s, -1.23370051f, 0.253668547f, -0.0208555963f, 0.00089448638f), hn::Set(d, 1.0f));
  const auto swap = hn::RebindMask(d, hn::TestBit(q_top, hn::Set(du, 1u << 30)));
  const auto sign = hn::Set(du, 1u << 31);
  sine = hn::Xor(hn::IfThenElse(swap, cos_r, sin_r), hn::BitCast(d, hn::And(q_top, sign)));
  cosine =
      hn::Xor(hn::IfThenElse(swap, sin_r, cos_r), hn::BitCast(d, hn::And(hn::Add(q_top, hn::Set(du, 1u << 30)), sign)));
}

/// -2 ln(k 2^-24) for an integer k in [1, 2^24). The relative error is below 2 ulp, even near k = 2^24.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V minus_two_log(D d, V k) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, k);
  // k = 2^exponent (1 + f), f in [-1/3, 1/3), exact.
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3F2AAAAB)));
  const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent))), hn::Set(d, 1.0f));
  const V e = hn::ConvertTo(d, hn::Sub(exponent, hn::Set(di, 24)));
  const V q = polynomial(d, f, -0.5f, 0.333332151f, -0.249998108f, 0.200104564f, -0.166797698f, 0.140049383f,
                         -0.121961199f, 0.13989605f, -0.128314227f);
  const V log1p_f = hn::MulAdd(hn::Mul(f, f), q, f);
  return hn::Mul(hn::Set(d, -2.0f), hn::MulAdd(e, hn::Set(d, 0.693147181f), log1p_f));
}

/// The two normals of a pair of Philox words. The uniform number (floor(word / 2^9) + 1/2) 2^-23 is
/// ((word >> 8) | 1) 2^-24.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void box_muller(D d, hn::Vec<hn::RebindToUnsigned<D>> radius_word,
                           hn::Vec<hn::RebindToUnsigned<D>> angle_word, V& first, V& second) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto k = hn::Or(hn::ShiftRight<8>(radius_word), hn::Set(du, 1));
  const V radius = hn::Sqrt(minus_two_log(d, hn::ConvertTo(d, hn::BitCast(di, k))));
  // The angle in turns is a 32-bit fraction. Its top bits, rounded, are the quarter. The bits below them are the signed
  // rest, which has 22 significant bits and is therefore exact in float.
  const auto turn = hn::Or(hn::AndNot(hn::Set(du, 0x1FF), angle_word), hn::Set(du, 0x100));
  const V rest = hn::ConvertTo(d, hn::BitCast(di, hn::ShiftLeft<2>(turn)));
  V sine, cosine;
  sin_cos_quarters(d, hn::Add(turn, hn::Set(du, 1u << 29)), hn::Mul(rest, hn::Set(d, 0x1p-32f)), sine, cosine);
  first = hn::Mul(radius, cosine);
  second = hn::Mul(radius, sine);
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
