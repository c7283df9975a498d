// What plans are told, as texts of "key=value": the C interface's (docs/c-interface.md). Names and values are those of
// the eval format (docs/eval-format.md) and of the command's options. What is absent is the C++ struct's default; a key
// that nothing reads is refused.
#pragma once
#include <string>

#include "formats/spec_text.h"
#include "scorematch/adam.h"
#include "scorematch/engine.h"
#include "scorematch/likelihood.h"
#include "scorematch/sampler.h"

namespace scorematch {

/// The objective of that kind; projections and distribution are for those that have them.
Objective make_objective(ObjectiveKind kind, int projections = 1, Projection distribution = Projection::gaussian);
/// objective (required); variance of dsm; projections, distribution of ssm and ssm_vr
Objective read_objective(MetadataReader& reader);
/// schedule, none if absent; of single sigma, of geometric sigma_min, sigma_max, levels, of log_normal log_mean,
/// log_deviation
NoiseSchedule read_schedule(MetadataReader& reader);
/// conditioning: none, log_sigma, fourier with fourier.frequencies=1,2,... or fourier=8 fourier_scale=1 fourier_seed=0
Conditioning read_conditioning(MetadataReader& reader);

/// read_objective, read_schedule, weighting, sigma_data
Loss read_loss(MetadataReader& reader, double sigma_data);
/// What read_loss makes the same loss of, sigma_data included.
void write_loss(const Loss& loss, Metadata& metadata);
std::string loss_text(const Loss& loss);
/// net, dim, hidden=1,2,3, activation, parameterization, sigma_data, conditioning, residual
MlpShape read_net(MetadataReader& reader);
/// What read_net makes the same network of.
std::string net_text(const MlpShape& net);
/// sampler: annealed (sigma_min, sigma_max, levels, steps_per_level, step_size, prior_deviation), langevin (sigma,
/// step_size, steps, sigma_start, metropolis), flow and sde (sigma_min, sigma_max, steps, rho, prior_deviation)
Sampler read_sampler(MetadataReader& reader);
/// sigma_min, sigma_max, steps, rho, projections, distribution, prior_deviation
Likelihood read_likelihood(MetadataReader& reader);
/// precision: fp32, tf32, bf16; route: automatic, fused, layered
Compute read_compute(MetadataReader& reader);
/// learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm, ema_decay
Adam::Options read_adam_options(MetadataReader& reader);
std::string adam_options_text(const Adam::Options& options);

}  // namespace scorematch
