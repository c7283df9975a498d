// Launches one fused loss kernel. Each file instantiates a few of them, so that they compile in parallel.
#pragma once
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

/// Defined in fused/loss.cuh.
template <class Operands, Activation kActivation, int kRowTiles>
int launch_fused_loss_of(const FusedLossParams& params, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
