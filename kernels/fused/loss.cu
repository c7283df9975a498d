// Chooses the fused loss kernel of a plan.
#include "device/activation.cuh"
#include "device/operands.cuh"
#include "fused/loss_of.h"

namespace scorematch {
namespace kernels {

int launch_fused_loss(const FusedLossParams& params, CUstream_st* stream) {
  return visit_activation(params.net.activation, [&](auto kind) {
    constexpr Activation kActivation = decltype(kind)::value;
    if (params.tiling.operands == Operands::split_tf32)
      return launch_fused_loss_of<SplitTf32Operands, kActivation, 1>(params, stream);
    return params.tiling.row_tiles == 2 ? launch_fused_loss_of<Bf16Operands, kActivation, 2>(params, stream)
                                        : launch_fused_loss_of<Bf16Operands, kActivation, 1>(params, stream);
  });
}

}  // namespace kernels
}  // namespace scorematch
