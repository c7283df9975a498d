// The fused score in bf16, and the choice of the kernel by the operands of a plan.
#include "fused/score.cuh"

namespace scorematch {
namespace kernels {

extern template int launch_fused_score_of<SplitTf32Operands, 1>(const FusedScoreParams&, CUstream_st*);

int launch_fused_score(const FusedScoreParams& params, CUstream_st* stream) {
  if (params.tiling.operands == Operands::split_tf32)
    return launch_fused_score_of<SplitTf32Operands, 1>(params, stream);
  return launch_fused_score_of<Bf16Operands, 1>(params, stream);
}

}  // namespace kernels
}  // namespace scorematch
