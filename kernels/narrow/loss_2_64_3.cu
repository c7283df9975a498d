// The narrow losses of 2 columns and three hidden layers of 64, with silu.
#include "narrow/loss.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_NARROW_LOSS(2, 0, 64, 3, silu, false);
SCOREMATCH_NARROW_LOSS(2, 1, 64, 3, silu, false);
SCOREMATCH_NARROW_LOSS(2, 1, 64, 3, silu, true);

}  // namespace kernels
}  // namespace scorematch
