// Sliced score matching with reduced variance: l = mean_m [ v_m^T J v_m ] + 1/2 |s|^2.
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct SsmVrHead {
  static constexpr bool kScoreTerm = true, kDirections = true, kSlicedSquare = false;
  template <Space>
  using ScoreTerm = HalfSquareTerm;
};

}  // namespace kernels
}  // namespace scorematch
