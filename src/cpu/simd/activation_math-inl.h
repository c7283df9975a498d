// The activations and their derivatives on vectors of float. This is the only place with their formulas. The formulas
// are arranged so that only negligible values underflow: no finite argument gives NaN or infinity, and a NaN stays NaN.
#if defined(SCOREMATCH_CPU_ACTIVATION_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_ACTIVATION_MATH_INL_H_
#undef SCOREMATCH_CPU_ACTIVATION_MATH_INL_H_
#else
#define SCOREMATCH_CPU_ACTIVATION_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/simd/polynomial-inl.h"
#include "scorematch/mlp.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// phi(z), phi'(z), ..., up to the requested order.
template <class V, int kOrder>
struct Derivatives {
  V order[kOrder + 1];

  HWY_INLINE Derivatives() {}  // an implicit one has other target options than V: g++ for aarch64 refuses to inline V()
};

constexpr float kExpMin = -87.33f;  // below this, e^x is flushed to 0: it would not be a normal number

/// e^x = scale (1 + expm1(r)), |r| <= 0.35, for x in [kExpMin, 0]. For other x, the result must be discarded.
template <class D, class V = hn::Vec<D>>
struct ReducedExp {
  V scale, r;

  HWY_INLINE ReducedExp(D d, V x) {
    const hn::RebindToUnsigned<D> du;
    // Adding 1.5 2^23 rounds to an integer; adding 127 more leaves the biased exponent of 2^n in the low bits.
    const V magic = hn::Set(d, 12583039.0f);
    const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
    const V n = hn::Sub(shifted, magic);
    scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, shifted)));
    // ln 2 in two parts. The first has 15 bits, so its product with n is exact.
    r = hn::NegMulAdd(n, hn::Set(d, 0.693145752f), x);
    r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-6f), r);
  }
};

/// e^r - 1 for |r| <= 0.35, relative error below 1 ulp; minimax within 0.01 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1_reduced(D d, V r) {
  const V p = polynomial(d, r, 0.5f, 0.166666657f, 0.0416664928f, 0.00833352748f, 0.00139324868f, 0.000197780828f);
  return hn::MulAdd(hn::Mul(r, r), p, r);
}

/// e^(x + low) for x <= 0 and an optional small low part; 0 below kExpMin.
template <class D, class V = hn::Vec<D>, class... Low>
HWY_INLINE V exp_negative(D d, V x, Low... low) {
  ReducedExp<D> e(d, x);
  if constexpr (sizeof...(low) > 0) e.r = hn::Add(e.r, low...);
  const V result = hn::MulAdd(e.scale, expm1_reduced(d, e.r), e.scale);
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, kExpMin)), result);
}

/// e^-|z|, and 1 / (1 + e^-|z|), the logistic function of |z|. Its product with e^-|z| is the logistic function of
/// -|z|. Both have full relative accuracy.
template <class D, class V = hn::Vec<D>>
struct Logistic {
  V exp, of_abs, of_minus_abs;

  HWY_INLINE Logistic(D d, V z) {
    exp = exp_negative(d, hn::Neg(hn::Abs(z)));
    of_abs = hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Set(d, 1.0f), exp));
    of_minus_abs = hn::Mul(exp, of_abs);
  }
};

/// z s, where s is the logistic function of z; s' = s (1 - s), so
/// phi' = s + z s', phi'' = s' (2 + z (1 - 2 s)), phi''' = s' ((1 - 2 s) (3 + z (1 - 2 s)) - 2 z s').
template <int kOrder, class D, class V = hn::Vec<D>>
HWY_INLINE Derivatives<V, kOrder> silu(D d, V z) {
  static_assert(kOrder <= 3, "no formula");
  Derivatives<V, kOrder> result;
  const Logistic<D> s(d, z);
  const auto positive = hn::Gt(z, hn::Zero(d));
  const V s_z = hn::IfThenElse(positive, s.of_abs, s.of_minus_abs);
  result.order[0] = hn::Mul(z, s_z);
  if constexpr (kOrder >= 1) {
    const V one_minus_s = hn::IfThenElse(positive, s.of_minus_abs, s.of_abs);
    result.order[1] = hn::Mul(s_z, hn::MulAdd(z, one_minus_s, hn::Set(d, 1.0f)));
    if constexpr (kOrder >= 2) {
      const V slope = hn::Mul(s_z, one_minus_s), difference = hn::Sub(one_minus_s, s_z);
      result.order[2] = hn::Mul(slope, hn::MulAdd(z, difference, hn::Set(d, 2.0f)));
      if constexpr (kOrder >= 3) {
        const V bent = hn::Mul(difference, hn::MulAdd(z, difference, hn::Set(d, 3.0f)));
        result.order[3] = hn::Mul(slope, hn::NegMulAdd(z, hn::Add(slope, slope), bent));
      }
    }
  }
  return result;
}

/// ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|); phi' = s, phi'' = s (1 - s), phi''' = phi'' (1 - 2 s).
template <int kOrder, class D, class V = hn::Vec<D>>
HWY_INLINE Derivatives<V, kOrder> softplus(D d, V z) {
  static_assert(kOrder <= 3, "no formula");
  Derivatives<V, kOrder> result;
  const Logistic<D> s(d, z);
  // ln(1 + x) / x on [0, 1], minimax in relative error, 0.25 ulp.
  const V q = polynomial(d, s.exp, 1.0f, -0.499999315f, 0.333304644f, -0.249580294f, 0.196921751f, -0.153451413f,
                         0.106616475f, -0.0574630834f, 0.020089725f, -0.00329131912f);
  result.order[0] = hn::MulAdd(s.exp, q, hn::ZeroIfNegative(z));
  if constexpr (kOrder >= 1) {
    result.order[1] = hn::IfThenElse(hn::Gt(z, hn::Zero(d)), s.of_abs, s.of_minus_abs);
    if constexpr (kOrder >= 2) result.order[2] = hn::Mul(s.of_abs, s.of_minus_abs);
    if constexpr (kOrder >= 3) {
      const V difference = hn::Sub(s.of_abs, s.of_minus_abs);  // |1 - 2 s|
      result.order[3] = hn::Mul(result.order[2], hn::CopySign(difference, hn::Neg(z)));
    }
  }
  return result;
}

/// With e = e^-2|z|: |tanh z| = (1 - e) / (1 + e), phi' = 4 e / (1 + e)^2, phi'' = -2 tanh z phi', phi''' = (6 tanh^2 z
/// - 2) phi'.
template <int kOrder, class D, class V = hn::Vec<D>>
HWY_INLINE Derivatives<V, kOrder> tanh(D d, V z) {
  static_assert(kOrder <= 3, "no formula");
  Derivatives<V, kOrder> result;
  const V x = hn::Mul(hn::Set(d, -2.0f), hn::Abs(z)), one = hn::Set(d, 1.0f);
  const auto underflows = hn::Lt(x, hn::Set(d, kExpMin));
  const ReducedExp<D> reduced(d, hn::IfThenElse(underflows, hn::Set(d, kExpMin), x));
  const V expm1_r = expm1_reduced(d, reduced.r);
  const V expm1 = hn::MulAdd(reduced.scale, expm1_r, hn::Sub(reduced.scale, one));  // e - 1 without cancellation
  const V reciprocal = hn::Div(one, hn::Add(hn::Set(d, 2.0f), expm1));
  const V magnitude = hn::Mul(hn::Neg(expm1), reciprocal);
  result.order[0] = hn::CopySignToAbs(magnitude, z);
  if constexpr (kOrder >= 1) {
    const V exp = hn::IfThenZeroElse(underflows, hn::MulAdd(reduced.scale, expm1_r, reduced.scale));
    result.order[1] = hn::Mul(hn::Mul(hn::Set(d, 4.0f), exp), hn::Mul(reciprocal, reciprocal));
    if constexpr (kOrder >= 2) result.order[2] = hn::Mul(hn::Mul(hn::Set(d, -2.0f), result.order[0]), result.order[1]);
    if constexpr (kOrder >= 3) {
      const V six_squares = hn::Mul(hn::Mul(hn::Set(d, 6.0f), result.order[0]), result.order[0]);
      result.order[3] = hn::Mul(result.order[1], hn::Sub(six_squares, hn::Set(d, 2.0f)));
    }
  }
  return result;
}

/// z P, where P is the normal distribution function and p = P' its density; phi' = P + z p, phi'' = p (2 - z^2),
/// phi''' = p z (z^2 - 4).
///
/// P(-a) = p(a) m(a), where m is Mills's ratio, keeps its relative accuracy in the tail; P(a) = 1 - P(-a).
template <int kOrder, class D, class V = hn::Vec<D>>
HWY_INLINE Derivatives<V, kOrder> gelu(D d, V z) {
  static_assert(kOrder <= 3, "no formula");
  const hn::RebindToUnsigned<D> du;
  Derivatives<V, kOrder> result;
  const V one = hn::Set(d, 1.0f), limit = hn::Set(d, 14.0f);  // p(14) < 1e-42 is flushed to 0
  const V abs = hn::Abs(z);
  const V a = hn::IfThenElse(hn::Gt(abs, limit), limit, abs);
  // -a^2 / 2 in two parts. The first is exact because it is the square of 12 bits.
  const V a_high = hn::BitCast(d, hn::And(hn::BitCast(du, a), hn::Set(du, 0xFFFFF000u)));
  const V minus_half = hn::Set(d, -0.5f);
  const V square_high = hn::Mul(hn::Mul(minus_half, a_high), a_high);
  const V square_low = hn::Mul(hn::Mul(minus_half, hn::Sub(a, a_high)), hn::Add(a, a_high));
  const V exp = exp_negative(d, square_high, square_low);
  // m(a) / sqrt(2 pi) = q(t) / (a + k), t = (a - k) / (a + k), minimax in relative error on [0, 14.5], 0.1 ulp.
  const V k = hn::Set(d, 3.375f);
  const V reciprocal = hn::Div(one, hn::Add(a, k));
  const V t = hn::Mul(hn::Sub(a, k), reciprocal);
  const V q = polynomial(d, t, 0.741080284f, -0.552992225f, 0.295375794f, -0.0983843058f, 0.00872024521f,
                         0.00782489032f, -0.00225457293f, -0.000850913813f, 0.00031320448f, 0.000137516967f);
  const V mills = hn::Mul(q, reciprocal);
  const auto positive = hn::Gt(z, hn::Zero(d));
  const V tail = hn::Mul(exp, mills);
  result.order[0] = hn::Mul(z, hn::IfThenElse(positive, hn::Sub(one, tail), tail));
  if constexpr (kOrder >= 1) {
    const V inverse_sqrt_two_pi = hn::Set(d, 0.398942280f);
    const V of_minus_abs = hn::Mul(exp, hn::NegMulAdd(inverse_sqrt_two_pi, a, mills));  // phi'(-a) = 1 - phi'(a)
    result.order[1] = hn::IfThenElse(positive, hn::Sub(one, of_minus_abs), of_minus_abs);
    if constexpr (kOrder >= 2) {
      const V density = hn::Mul(exp, inverse_sqrt_two_pi);
      result.order[2] = hn::Mul(density, hn::NegMulAdd(a, a, hn::Set(d, 2.0f)));
      if constexpr (kOrder >= 3) {
        const V cubic = hn::Mul(a, hn::MulSub(a, a, hn::Set(d, 4.0f)));  // odd in z
        result.order[3] = hn::Mul(density, hn::IfThenElse(positive, cubic, hn::Neg(cubic)));
      }
    }
  }
  return result;
}

/// Selects the activation.
template <Activation kActivation, int kOrder, class D, class V = hn::Vec<D>>
HWY_INLINE Derivatives<V, kOrder> differentiate(D d, V z) {
  if constexpr (kActivation == Activation::silu) return silu<kOrder>(d, z);
  if constexpr (kActivation == Activation::softplus) return softplus<kOrder>(d, z);
  if constexpr (kActivation == Activation::tanh) return tanh<kOrder>(d, z);
  if constexpr (kActivation == Activation::gelu) return gelu<kOrder>(d, z);
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
