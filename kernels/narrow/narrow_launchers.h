// The host's interface to the narrow kernels, which are compiled for one shape each. Plain C++, like launchers.h.
#pragma once
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

constexpr int kNarrowRows = 64;  // of a tile

/// Whether a narrow kernel is compiled for this net.
bool has_narrow_kernel(const FusedNet& net);
/// The shared memory of a block in bytes, for a net that has a kernel.
std::size_t narrow_shared_bytes(const FusedNet& net);
/// The same loss and gradients as launch_fused_loss, for a net that has a kernel, one term, and a term that is a
/// complete square without directions: DSM without variance reduction, and ESM. Operands are bf16; the tiling is not
/// read.
int launch_narrow_loss(const FusedLossParams& params, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
