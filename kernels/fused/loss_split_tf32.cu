// The fused loss in split tf32: a file of its own, so that the two are compiled side by side.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_loss_of<SplitTf32Operands, 1>(const FusedLossParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
