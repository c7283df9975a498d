// The programs of the cuda engine.
#pragma once
#include <memory>

#include "cuda/layered/gemm.h"
#include "cuda/runtime/cublas_lt.h"
#include "cuda/runtime/device.h"
#include "engine/backend.h"

namespace scorematch::cuda {

/// The parts of the engine that programs need. A plan keeps its engine alive.
struct Context {
  Engine::Impl& engine;
  const Device& device;
  const CublasLt& cublas;
};

/// The fused functions return null if no kernel supports the plan.
std::unique_ptr<LossProgram> make_fused_loss(const LossSpec& spec, const Context& context);
std::unique_ptr<ScoreProgram> make_fused_score(const ScoreSpec& spec, const Context& context);
std::unique_ptr<LossProgram> make_layered_loss(const LossSpec& spec, const Context& context);
std::unique_ptr<ScoreProgram> make_layered_score(const ScoreSpec& spec, const Context& context);
std::unique_ptr<LossProgram> make_layered_energy_loss(const LossSpec& spec, const Context& context);
std::unique_ptr<ScoreProgram> make_layered_energy_score(const ScoreSpec& spec, const Context& context);
std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec, const Context& context);
std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec, const Context& context);
std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec, const Context& context);
std::unique_ptr<RankSumProgram> make_rank_sum(int ranks, std::int64_t count, const Context& context);

void advance(const Device& device, Queue::Impl& queue, NoiseState::Position* position);
void write_rows(const Device& device, Queue::Impl& queue, const Batch& batch, const View& rows);
void adam_step(const Device& device, Queue::Impl& queue, const AdamState& state, const Adam::Options& options,
               float* params, const float* grad, double loss_scale);
void sampler_update(const Device& device, Queue::Impl& queue, const SamplerUpdate& update);
void metropolis(const Device& device, Queue::Impl& queue, const MetropolisStep& step);
void add_gaussian(const Device& device, Queue::Impl& queue, const GaussianTerm& term);
void output_score(const Device& device, Queue::Impl& queue, const OutputScore& call);
void estimate(const Device& device, Queue::Impl& queue, const ConstView& values, Estimate* estimate);

}  // namespace scorematch::cuda
