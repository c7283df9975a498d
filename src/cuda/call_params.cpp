#include "cuda/call_params.h"

namespace scorematch::cuda {

kernels::BatchParams batch_params(const ScoreSpec& spec, const ScorePlan::In& in) {
  kernels::BatchParams p;
  p.dim = spec.net.dim;
  p.data = {table_of(in.x), in.x.shape.extent[0], nullptr, false};
  p.noise = translated(in.noise);
  p.sigma = sigma_source(in.sigma, schedule::None{});
  p.parameterization = translated(spec.net.parameterization);
  return p;
}

kernels::ScoreParams score_params(const ScoreSpec& spec, const ScorePlan::In& in) {
  kernels::ScoreParams p;
  p.dim = spec.net.dim;
  p.x = table_of(in.x);
  p.parameterization = translated(spec.net.parameterization);
  p.noise = translated(in.noise);
  return p;
}

}  // namespace scorematch::cuda
