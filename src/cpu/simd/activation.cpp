#include "cpu/simd/activation.h"

#include <cstdint>

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/activation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/activation_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace {

struct Arrays {
  int rows, width;
  const float *bias, *residual, *z;
  float *h, *d1, *d2, *d3;
};

template <Activation kActivation, int kOrder, bool kResidual>
void activate_rows(const Arrays arrays) {  // by value: otherwise, vector stores could alias the pointers
  const hn::ScalableTag<float> d;
  static_assert(hn::MaxLanes(d) <= 16, "width is only a multiple of 16");
  const auto lanes = static_cast<int>(hn::Lanes(d));
  for (int row = 0; row < arrays.rows; ++row) {
    const std::int64_t begin = std::int64_t{row} * arrays.width;
    for (int col = 0; col < arrays.width; col += lanes) {
      const std::int64_t i = begin + col;
      const auto t = hn::Add(hn::LoadU(d, arrays.z + i), hn::LoadU(d, arrays.bias + col));
      const auto phi = differentiate<kActivation, kOrder>(d, t);
      if constexpr (kResidual) {
        hn::StoreU(hn::Add(phi.order[0], hn::LoadU(d, arrays.residual + i)), d, arrays.h + i);
      } else {
        hn::StoreU(phi.order[0], d, arrays.h + i);
      }
      if constexpr (kOrder >= 1) hn::StoreU(phi.order[1], d, arrays.d1 + i);
      if constexpr (kOrder >= 2) hn::StoreU(phi.order[2], d, arrays.d2 + i);
      if constexpr (kOrder >= 3) hn::StoreU(phi.order[3], d, arrays.d3 + i);
    }
  }
}

template <Activation kActivation, int kOrder>
void activate_residual(const Arrays& arrays) {
  if (arrays.residual != nullptr) {
    activate_rows<kActivation, kOrder, true>(arrays);
  } else {
    activate_rows<kActivation, kOrder, false>(arrays);
  }
}

template <Activation kActivation>
void activate_order(int order, const Arrays& arrays) {
  switch (order) {
    case 0:
      return activate_residual<kActivation, 0>(arrays);
    case 1:
      return activate_residual<kActivation, 1>(arrays);
    case 2:
      return activate_residual<kActivation, 2>(arrays);
    default:
      return activate_residual<kActivation, 3>(arrays);
  }
}

}  // namespace

void activate(Activation activation, int order, int rows, int width, const float* bias, const float* residual,
              const float* z, float* h, float* d1, float* d2, float* d3) {
  const Arrays arrays = {rows, width, bias, residual, z, h, d1, d2, d3};
  switch (activation) {
    case Activation::silu:
      return activate_order<Activation::silu>(order, arrays);
    case Activation::softplus:
      return activate_order<Activation::softplus>(order, arrays);
    case Activation::tanh:
      return activate_order<Activation::tanh>(order, arrays);
    case Activation::gelu:
      return activate_order<Activation::gelu>(order, arrays);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(activate);

void activate(Activation activation, int order, int rows, int width, const float* bias, const float* residual,
              const float* z, float* h, float* d1, float* d2, float* d3) {
  HWY_DYNAMIC_DISPATCH(activate)(activation, order, rows, width, bias, residual, z, h, d1, d2, d3);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
