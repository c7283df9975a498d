// The reference engine's programs, each in the file of its name.
#pragma once
#include "engine/backend.h"

namespace scorematch::reference {

std::unique_ptr<LossProgram> make_loss(const LossSpec& spec);
std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec);
std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec);
std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec);
std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec);
void adam_step(const AdamState& state, const Adam::Options& options, float* params, const float* grad,
               double loss_scale);
void sampler_update(const SamplerUpdate& update);
void metropolis(const MetropolisStep& step);
void add_gaussian(const GaussianTerm& term);
void output_score(const OutputScore& call);

}  // namespace scorematch::reference
