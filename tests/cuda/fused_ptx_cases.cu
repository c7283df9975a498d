// One fused kernel per kind of operands, for fused_ptx.cmake.
#include "fused/loss.cuh"

namespace scorematch {
namespace kernels {

extern const void* const kFusedPtxCases[] = {
    reinterpret_cast<const void*>(fused_loss_kernel<Bf16Operands, Activation::silu, 2>),
    reinterpret_cast<const void*>(fused_loss_kernel<SplitTf32Operands, Activation::silu, 1>)};

}  // namespace kernels
}  // namespace scorematch
