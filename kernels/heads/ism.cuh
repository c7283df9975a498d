// Implicit score matching: l = tr J + 1/2 |s|^2, the trace given or summed along the unit vectors with share 1.
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct IsmHead {
  static constexpr bool kScoreTerm = true, kDirections = true, kSlicedSquare = false;
  template <Space>
  using ScoreTerm = HalfSquareTerm;
};

}  // namespace kernels
}  // namespace scorematch
