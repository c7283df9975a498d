// The narrow scores of hidden layers that are up to 96 and 128 wide.
#include "narrow/score.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_NARROW_SCORE(16, 96, silu);
SCOREMATCH_NARROW_SCORE(16, 128, silu);

}  // namespace kernels
}  // namespace scorematch
