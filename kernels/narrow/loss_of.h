// Launches the narrow loss kernel of one shape. Each file instantiates a few shapes, so that they compile in parallel.
#pragma once
#include "fused/fused_launchers.h"
#include "narrow/shape.cuh"

namespace scorematch {
namespace kernels {

/// Defined in narrow/loss.cuh.
template <class Shape>
int launch_narrow_loss_of(const FusedLossParams& params, CUstream_st* stream);
template <class Shape>
std::size_t narrow_shared_bytes_of();

}  // namespace kernels
}  // namespace scorematch
