#include "cpu/simd/score_term.h"

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/score_term.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

double score_term_row(const ScoreTerm& term, int dim, const float* x, const float* f, const float* bias,
                      const float* target, float* output_bar, float* input_bar) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> d;
  constexpr int kPartials = 16;  // term i goes to partial sum i mod 16, whatever the width of a vector
  HWY_ALIGN double partial[kPartials] = {};
  const auto a = hn::Set(dd, term.a), b = hn::Set(dd, term.b), q = hn::Set(dd, term.quadratic),
             scale = hn::Set(dd, term.target_scale), half = hn::Set(dd, 0.5),
             to_output = hn::Set(dd, term.output_factor), to_input = hn::Set(dd, term.input_factor);
  for_each_vector(dd, dim, [&](std::int64_t i, auto at) HWY_ATTR {
    const auto load = [&](const float* from) HWY_ATTR { return hn::PromoteTo(dd, at.load(d, from + i)); };
    auto output = load(f);
    if (bias != nullptr) output = hn::Add(output, load(bias));
    const auto s = hn::Add(hn::Mul(a, load(x)), hn::Mul(b, output));
    const auto g = target == nullptr ? hn::Zero(dd) : hn::Mul(scale, load(target));
    const auto adjoint = hn::Add(hn::Mul(q, s), g), sum = hn::Add(s, g);
    const auto loss =
        term.complete_square ? hn::Mul(half, hn::Mul(sum, sum)) : hn::Mul(hn::Add(hn::Mul(hn::Mul(half, q), s), g), s);
    at.store(hn::DemoteTo(d, hn::Mul(to_output, adjoint)), d, output_bar + i);
    const auto onto = hn::DemoteTo(d, hn::Mul(to_input, adjoint));
    at.store(hn::Add(at.load(d, input_bar + i), onto), d, input_bar + i);
    double* const place = partial + i % kPartials;
    at.store(hn::Add(at.load(dd, place), loss), dd, place);
  });
  for (int half_way = kPartials / 2; half_way > 0; half_way /= 2)
    for (int k = 0; k < half_way; ++k) partial[k] += partial[k + half_way];
  return partial[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(score_term_row);

double score_term_row(const ScoreTerm& term, int dim, const float* x, const float* f, const float* bias,
                      const float* target, float* output_bar, float* input_bar) {
  return HWY_DYNAMIC_DISPATCH(score_term_row)(term, dim, x, f, bias, target, output_bar, input_bar);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
