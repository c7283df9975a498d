// The kernels of narrow_cases.h that the library does not have.
#include "narrow/loss.cuh"
#include "narrow/score.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_NARROW_LOSS(64, 16, 16, 1, tanh, false);
SCOREMATCH_NARROW_LOSS(33, 1, 32, 2, softplus, false);
SCOREMATCH_NARROW_LOSS(1, 0, 48, 2, gelu, false);
SCOREMATCH_NARROW_LOSS(8, 8, 16, 3, silu, false);
SCOREMATCH_NARROW_LOSS(20, 0, 32, 1, tanh, false);
SCOREMATCH_NARROW_LOSS(6, 8, 16, 2, tanh, true);
SCOREMATCH_NARROW_SCORE(32, 32, tanh);
SCOREMATCH_NARROW_SCORE(48, 48, gelu);

}  // namespace kernels
}  // namespace scorematch
