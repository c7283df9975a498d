// Implicit score matching: l = tr J + 1/2 |s|^2, the trace given or summed along the unit vectors with share 1.
#pragma once
#include "heads/head.cuh"

namespace scorematch {
namespace kernels {

struct IsmHead {
  static constexpr bool kScoreTerm = true, kDirections = true, kSlicedSquare = false;

  SCOREMATCH_DEVICE static void score_term(const HeadParams&, const HeadRow&, int, const float (&s)[4], float& loss,
                                           float (&bar)[4]) {
    half_square_term(s, loss, bar);
  }
};

}  // namespace kernels
}  // namespace scorematch
