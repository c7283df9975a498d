// The fused score in split tf32, in its own file so that the two compile in parallel.
#include "fused/score.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_score_of<SplitTf32Operands, 1>(const FusedScoreParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
