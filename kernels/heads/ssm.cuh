// Sliced score matching: l = mean_m [ v_m^T J v_m + 1/2 (v_m^T s)^2 ].
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct SsmHead {
  static constexpr bool kScoreTerm = false, kDirections = true, kSlicedSquare = true;
};

}  // namespace kernels
}  // namespace scorematch
