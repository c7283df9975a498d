#include "cuda/call_params.h"

#include "plans/batch.h"

namespace scorematch::cuda {

kernels::PerturbParams perturb_params(const LossSpec& spec, const Features& features, const LossPlan::In& in) {
  kernels::PerturbParams p;
  p.data = data_rows(in);
  p.noise = translated(in.noise);
  p.sigma = sigma_source(in.sigma, spec.loss.schedule);
  p.eps = {perturbs(spec.loss, in.eps), table_of(in.eps)};
  p.parameterization = spec.net.parameterization;
  p.features = features.get();
  p.dim = spec.net.dim;
  return p;
}

kernels::PerturbParams perturb_params(const ScoreSpec& spec, const Features& features, const ScorePlan::In& in) {
  kernels::PerturbParams p;
  p.data = {table_of(in.x), in.x.shape.extent[0], nullptr, false};
  p.noise = translated(in.noise);
  p.sigma = sigma_source(in.sigma, schedule::None{});
  p.parameterization = spec.net.parameterization;
  p.features = features.get();
  p.dim = spec.net.dim;
  return p;
}

kernels::HeadParams head_params(const LossSpec& spec, const LossPlan::In& in, double grad_factor) {
  kernels::HeadParams p;
  p.objective = translated(spec.loss.objective);
  p.dim = spec.net.dim;
  p.data = data_rows(in);
  p.noise = translated(in.noise);
  p.eps = {perturbs(spec.loss, in.eps), table_of(in.eps)};
  p.true_score = table_of(in.true_score);
  p.directions = directions_of(needs_of(spec.loss.objective), in);
  p.parameterization = spec.net.parameterization;
  p.weighting = spec.loss.weighting;
  p.grad_factor = grad_factor;
  return p;
}

kernels::ScoreParams score_params(const ScoreSpec& spec, const ScorePlan::In& in) {
  kernels::ScoreParams p;
  p.dim = spec.net.dim;
  p.x = table_of(in.x);
  p.parameterization = spec.net.parameterization;
  p.noise = translated(in.noise);
  return p;
}

}  // namespace scorematch::cuda
