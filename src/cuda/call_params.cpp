#include "cuda/call_params.h"

#include "model/network.h"

namespace scorematch::cuda {

kernels::PerturbParams perturb_params(const LossSpec& spec, const Features& features, const LossIn& in) {
  kernels::PerturbParams p;
  p.data = data_rows(in.batch);
  p.noise = translated(in.batch.noise);
  p.sigma = sigma_source(in.batch.sigma, spec.loss.schedule);
  p.eps = {perturbs(spec.loss, in.batch.eps), table_of(in.batch.eps)};
  p.parameterization = translated(spec.net.parameterization);
  p.features = features.get();
  p.dim = spec.net.dim;
  return p;
}

kernels::PerturbParams perturb_params(const ScoreSpec& spec, const Features& features, const ScoreIn& in) {
  kernels::PerturbParams p;
  p.data = {table_of(in.batch.x), in.batch.x.shape.extent[0], nullptr, false};
  p.noise = translated(in.batch.noise);
  p.sigma = sigma_source(in.batch.sigma, schedule::None{});
  p.parameterization = translated(spec.net.parameterization);
  p.features = features.get();
  p.dim = spec.net.dim;
  return p;
}

kernels::HeadParams head_params(const LossSpec& spec, const LossIn& in, double grad_factor) {
  kernels::HeadParams p;
  p.objective = translated(spec.loss.objective);
  p.dim = spec.net.dim;
  p.data = data_rows(in.batch);
  p.noise = translated(in.batch.noise);
  p.eps = {perturbs(spec.loss, in.batch.eps), table_of(in.batch.eps)};
  p.true_score = table_of(in.batch.true_score);
  p.directions = directions_of(needs_of(spec.loss.objective), in);
  p.parameterization = translated(spec.net.parameterization);
  p.weighting = translated(spec.loss.weighting);
  p.grad_factor = grad_factor;
  return p;
}

kernels::ScoreParams score_params(const ScoreSpec& spec, const ScoreIn& in) {
  kernels::ScoreParams p;
  p.dim = spec.net.dim;
  p.x = table_of(in.batch.x);
  p.parameterization = translated(spec.net.parameterization);
  p.noise = translated(in.batch.noise);
  return p;
}

}  // namespace scorematch::cuda
