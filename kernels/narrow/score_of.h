// Launches the narrow score kernels of one shape. Each file instantiates a few shapes, so that they compile in
// parallel.
#pragma once
#include "fused/fused_launchers.h"
#include "narrow/score_shape.cuh"

namespace scorematch {
namespace kernels {

/// Defined in narrow/score.cuh. There are two kernels: for scores alone, and with directions.
template <class Shape>
int launch_narrow_score_of(const FusedScoreParams& params, CUstream_st* stream);
template <class Shape>
std::size_t narrow_score_shared_bytes_of(int depth);

}  // namespace kernels
}  // namespace scorematch
