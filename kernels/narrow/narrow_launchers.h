// The host's interface to the narrow kernels, which are compiled for one shape each. Plain C++, like launchers.h.
#pragma once
#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {

constexpr int kNarrowRows = 64;                                  // of a tile of a loss
constexpr int kNarrowScoreRows = 32, kNarrowDirectionRows = 16;  // of a tile of scores, of scores with directions

/// What a narrow loss is made of: one complete square (DSM without variance reduction, and ESM), or one or two terms of
/// the noise (DSM with variance reduction). There are no directions.
enum class NarrowTerms { complete_square, any };

/// Whether a narrow kernel is compiled for this net and loss.
bool has_narrow_kernel(const FusedNet& net, NarrowTerms terms);
/// The shared memory of a block in bytes, for a net that has a kernel.
std::size_t narrow_shared_bytes(const FusedNet& net, NarrowTerms terms);
/// The same loss and gradients as launch_fused_loss, for a net and terms that have a kernel. Operands are bf16; the
/// tiling is not read.
int launch_narrow_loss(const FusedLossParams& params, CUstream_st* stream);

/// The same for scores. @param features  columns of e(sigma)
bool has_narrow_score_kernel(const FusedNet& net, int features);
std::size_t narrow_score_shared_bytes(const FusedNet& net, int features);
/// The same scores, products and divergences as launch_fused_score, for a net that has a kernel. Kernels with and
/// without directions are loaded separately.
int launch_narrow_score(const FusedScoreParams& params, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
