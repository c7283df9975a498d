// The fused loss of one kernel, each instantiated in a file of a few, so that they are compiled side by side.
#pragma once
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

/// Defined in fused/loss.cuh.
template <class Operands, Activation kActivation, int kRowTiles>
int launch_fused_loss_of(const FusedLossParams& params, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
