// The narrow scores of hidden layers that are up to 64 wide.
#include "narrow/score.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_NARROW_SCORE(16, 64, silu);
SCOREMATCH_NARROW_SCORE(64, 64, silu);

}  // namespace kernels
}  // namespace scorematch
