// The fused loss in bf16, and which of its kernels a plan's tiling wants.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

extern template int launch_fused_loss_of<SplitTf32Operands, 1>(const FusedLossParams&, CUstream_st*);

int launch_fused_loss(const FusedLossParams& params, CUstream_st* stream) {
  if (params.tiling.operands == Operands::split_tf32) return launch_fused_loss_of<SplitTf32Operands, 1>(params, stream);
  return params.tiling.row_tiles == 2 ? launch_fused_loss_of<Bf16Operands, 2>(params, stream)
                                      : launch_fused_loss_of<Bf16Operands, 1>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
