// The fused score in split tf32: a file of its own, so that the two are compiled side by side.
#include "fused/score.cuh"

namespace scorematch {
namespace kernels {

template int launch_fused_score_of<SplitTf32Operands, 1>(const FusedScoreParams&, CUstream_st*);

}  // namespace kernels
}  // namespace scorematch
