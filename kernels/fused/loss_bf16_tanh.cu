// The fused loss in bf16, one row tile per warp, for tanh and gelu.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_loss_of<Bf16Operands, Activation::tanh, 1>(const FusedLossParams&, CUstream_st*);
template int launch_fused_loss_of<Bf16Operands, Activation::gelu, 1>(const FusedLossParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
