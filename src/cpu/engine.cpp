// The engine for machines without a GPU: float32 or bf16, on all cores, vectorized with Highway.
#include "cpu/simd/targets.h"  // before Highway

#include <hwy/targets.h>

#include <string>
#include <utility>

#include "cpu/processors.h"
#include "cpu/programs.h"
#include "cpu/simd/bf16_product.h"
#include "engine/host_engine.h"
#include "model/names.h"
#include "scorematch/error.h"

namespace scorematch {
namespace {

/// The widest vectors that both this processor and this build support.
std::string vectors() {
  const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

/// This engine has no tf32, has bf16 only on some processors, and has only the layered route.
void check_compute(const Compute& compute) {
  const auto refuse = [](const char* argument, const char* expected, const char* got) {
    throw Error(ErrorCode::unsupported, argument,
                std::string(argument) + ": expected " + expected + " on the cpu engine, got " + got);
  };
  if (compute.precision == Precision::tf32) refuse("compute.precision", "fp32 or bf16", "tf32");
  if (compute.precision == Precision::bf16 && !cpu::has_bf16_products())
    throw Error(ErrorCode::unsupported, "compute.precision",
                "compute.precision: expected fp32 on a processor without AVX512_BF16, got bf16");
  if (compute.route == Route::fused || compute.route == Route::narrow)
    refuse("compute.route", "automatic or layered", name_of(compute.route));
}

struct CpuEngine final : HostEngine {
  template <class Threads>
  explicit CpuEngine(Threads threads) : HostEngine(Engine::Kind::cpu, Floats::f32_only), pool(std::move(threads)) {}

  std::string description() const override {
    return "cpu: " + std::to_string(pool.size()) + (pool.size() == 1 ? " thread, " : " threads, ") + vectors() +
           " vectors" + (cpu::has_bf16_products() ? ", bf16 products" : "");
  }
  std::unique_ptr<LossProgram> make_loss(const LossSpec& spec) override {
    check_compute(spec.compute);
    return cpu::make_loss(spec, pool);
  }
  std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec) override {
    check_compute(spec.compute);
    return cpu::make_score(spec, pool);
  }
  std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec) override {
    return cpu::make_perturb(spec, pool);
  }
  std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec) override {
    return cpu::make_direction(spec, pool);
  }
  std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec) override { return cpu::make_head(spec, pool); }
  void adam_step(Queue::Impl&, const AdamState& state, const Adam::Options& options, float* params, const float* grad,
                 double loss_scale) override {
    cpu::adam_step(pool, state, options, params, grad, loss_scale);
  }
  void sampler_update(Queue::Impl&, const SamplerUpdate& update) override { cpu::sampler_update(pool, update); }
  void metropolis(Queue::Impl&, const MetropolisStep& step) override { cpu::metropolis(pool, step); }
  void add_gaussian(Queue::Impl&, const GaussianTerm& term) override { cpu::add_gaussian(pool, term); }
  void output_score(Queue::Impl&, const OutputScore& call) override { cpu::output_score(pool, call); }

  cpu::ThreadPool pool;
};

}  // namespace

std::shared_ptr<Engine::Impl> make_cpu_engine(int threads) {
  return std::make_shared<CpuEngine>(threads > 0 ? threads : cpu::available_processors());
}

std::shared_ptr<Engine::Impl> make_cpu_engine(CpuExecutor executor) {
  return std::make_shared<CpuEngine>(std::move(executor));
}

}  // namespace scorematch
