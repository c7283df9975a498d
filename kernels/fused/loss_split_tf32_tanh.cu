// The fused loss in split tf32, for tanh and gelu.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_loss_of<SplitTf32Operands, Activation::tanh, 1>(const FusedLossParams&, CUstream_st*);
template int launch_fused_loss_of<SplitTf32Operands, Activation::gelu, 1>(const FusedLossParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
