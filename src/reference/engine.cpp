// The reference engine: readable loops in double, one sample at a time, on one thread.
#include "engine/host_engine.h"
#include "reference/programs.h"

namespace scorematch {
namespace {

struct ReferenceEngine final : HostEngine {
  ReferenceEngine() : HostEngine(Engine::Kind::reference, Floats::f32_or_f64) {}

  std::string description() const override { return "reference: double precision, one thread"; }
  std::unique_ptr<LossProgram> make_loss(const LossSpec& spec) override { return reference::make_loss(spec); }
  std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec) override { return reference::make_score(spec); }
  std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec) override {
    return reference::make_perturb(spec);
  }
  std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec) override {
    return reference::make_direction(spec);
  }
  std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec) override { return reference::make_head(spec); }
  void adam_step(Queue::Impl&, const AdamState& state, const Adam::Options& options, float* params, const float* grad,
                 double loss_scale) override {
    reference::adam_step(state, options, params, grad, loss_scale);
  }
  void sampler_update(Queue::Impl&, const SamplerUpdate& update) override { reference::sampler_update(update); }
  void metropolis(Queue::Impl&, const MetropolisStep& step) override { reference::metropolis(step); }
  void add_gaussian(Queue::Impl&, const GaussianTerm& term) override { reference::add_gaussian(term); }
  void output_score(Queue::Impl&, const OutputScore& call) override { reference::output_score(call); }
};

}  // namespace

std::shared_ptr<Engine::Impl> make_reference_engine() { return std::make_shared<ReferenceEngine>(); }

}  // namespace scorematch
