// Descriptions of plans as text, "key=value ...", for the C interface (docs/c-interface.md). Keys and values are those
// of the eval format (docs/eval-format.md) and of the command's options. An absent key has the default of the C++
// struct. Unknown keys are refused.
#pragma once
#include <string>

#include "formats/spec_text.h"
#include "scorematch/adam.h"
#include "scorematch/engine.h"
#include "scorematch/likelihood.h"
#include "scorematch/sampler.h"

namespace scorematch {

/// The objective of a kind. Kinds without directions ignore projections and distribution.
Objective make_objective(ObjectiveKind kind, int projections = 1, Projection distribution = Projection::gaussian);
/// objective (required); dsm: variance; ssm and ssm_vr: projections, distribution
Objective read_objective(MetadataReader& reader);
/// schedule, none if absent; single: sigma; geometric: sigma_min, sigma_max, levels; log_normal: log_mean,
/// log_deviation; vp and sub_vp: beta_min, beta_max, t_min, t_max; cosine and rectified_flow: t_min, t_max; ddpm:
/// levels, beta_min, beta_max
NoiseSchedule read_schedule(MetadataReader& reader);
/// conditioning: none, log_sigma, or fourier with fourier.frequencies=1,2,... or fourier=8 fourier_scale=1
/// fourier_seed=0
Conditioning read_conditioning(MetadataReader& reader);

/// read_objective, read_schedule, weighting, sigma_data, gamma (min_snr), context_dropout
Loss read_loss(MetadataReader& reader, double sigma_data);
/// Writes keys from which read_loss makes the same loss, sigma_data included.
void write_loss(const Loss& loss, Metadata& metadata);
std::string loss_text(const Loss& loss);
/// net, dim, hidden=1,2,3, activation, parameterization, sigma_data, conditioning, residual, context, context_optional
MlpShape read_net(MetadataReader& reader);
/// A text from which read_net makes the same network.
std::string net_text(const MlpShape& net);
/// sampler: annealed (sigma_min, sigma_max, levels, steps_per_level, step_size, prior_deviation), langevin (sigma,
/// step_size, steps, sigma_start, metropolis), flow and sde (sigma_min, sigma_max, steps, rho, prior_deviation)
Sampler read_sampler(MetadataReader& reader);
/// sigma_min, sigma_max, steps, rho, projections, distribution, trace_estimator, prior_deviation
Likelihood read_likelihood(MetadataReader& reader);
/// precision: fp32, tf32, bf16; route: automatic, fused, layered, narrow
Compute read_compute(MetadataReader& reader);
/// learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm, ema_decay, groups
Adam::Options read_adam_options(MetadataReader& reader);
std::string adam_options_text(const Adam::Options& options);

}  // namespace scorematch
