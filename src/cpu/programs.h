// The programs of the cpu engine. Perturbations and directions are in perturbation.cpp, the others in files of their
// names. The pool must outlive the programs.
#pragma once
#include "cpu/thread_pool.h"
#include "engine/backend.h"

namespace scorematch::cpu {

std::unique_ptr<LossProgram> make_loss(const LossSpec& spec, ThreadPool& pool);
std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec, ThreadPool& pool);
std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec, ThreadPool& pool);
std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec, ThreadPool& pool);
std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec, ThreadPool& pool);
void adam_step(ThreadPool& pool, const AdamState& state, const Adam::Options& options, float* params, const float* grad,
               double loss_scale);
void sampler_update(ThreadPool& pool, const SamplerUpdate& update);
void metropolis(ThreadPool& pool, const MetropolisStep& step);
void add_gaussian(ThreadPool& pool, const GaussianTerm& term);
void output_score(ThreadPool& pool, const OutputScore& call);

}  // namespace scorematch::cpu
