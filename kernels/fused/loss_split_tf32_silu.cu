// The fused loss in split tf32, for silu and softplus.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_loss_of<SplitTf32Operands, Activation::silu, 1>(const FusedLossParams&, CUstream_st*);
template int launch_fused_loss_of<SplitTf32Operands, Activation::softplus, 1>(const FusedLossParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
