// The fused loss in bf16, two row tiles per warp, for tanh and gelu.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_loss_of<Bf16Operands, Activation::tanh, 2>(const FusedLossParams&, CUstream_st*);
template int launch_fused_loss_of<Bf16Operands, Activation::gelu, 2>(const FusedLossParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
