// The narrow losses of 64 columns and three hidden layers of 64, with silu.
#include "narrow/loss.cuh"

namespace scorematch {
namespace kernels {

SCOREMATCH_NARROW_LOSS(64, 0, 64, 3, silu, false);
SCOREMATCH_NARROW_LOSS(64, 1, 64, 3, silu, false);
SCOREMATCH_NARROW_LOSS(64, 1, 64, 3, silu, true);

}  // namespace kernels
}  // namespace scorematch
