#include "cuda/call_params.h"

namespace scorematch::cuda {

kernels::BatchParams batch_params(const ScoreSpec& spec, const ScoreIn& in) {
  kernels::BatchParams p;
  p.dim = spec.net.dim;
  p.data = {table_of(in.batch.x), in.batch.x.shape.extent[0], nullptr, false};
  p.noise = translated(in.batch.noise);
  p.sigma =
      kernels::sigma_source(schedule::None{}, floats(in.batch.sigma), in.batch.sigma.shape.extent[0] == 1 ? 0 : 1);
  p.context = context_source(in.batch, spec.net.context);
  p.parameterization = spec.net.parameterization;
  return p;
}

kernels::ScoreParams score_params(const ScoreSpec& spec, const ScoreIn& in) {
  kernels::ScoreParams p;
  p.dim = spec.net.dim;
  p.x = table_of(in.batch.x);
  p.parameterization = spec.net.parameterization;
  p.noise = translated(in.batch.noise);
  return p;
}

}  // namespace scorematch::cuda
