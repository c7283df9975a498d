#include "scorematch/sampler.h"

#include <cmath>
#include <limits>
#include <utility>

#include "batch.h"
#include "samplers/sampler_method.h"
#include "scorematch/score.h"

namespace scorematch {
namespace {

constexpr std::size_t kAlignment = 256;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::unique_ptr<SamplerMethod> make_sampler_method(const Sampler& sampler) {
  struct Visitor {
    std::unique_ptr<SamplerMethod> operator()(const AnnealedLangevin& s) const { return make_annealed_langevin(s); }
    std::unique_ptr<SamplerMethod> operator()(const ProbabilityFlow& s) const { return make_probability_flow(s); }
    std::unique_ptr<SamplerMethod> operator()(const ReverseSde& s) const { return make_reverse_sde(s); }
  };
  return std::visit(Visitor{}, sampler);
}

}  // namespace

std::vector<double> geometric_levels(double sigma_max, double sigma_min, int levels) {
  check_positive_float("sampler.sigma_min", sigma_min);
  check_positive_float("sampler.sigma_max", sigma_max);
  if (sigma_max < sigma_min)
    throw_invalid("sampler.sigma_max", "at least sigma_min " + describe(sigma_min), describe(sigma_max));
  if (levels < 1 || levels > (1 << 24)) throw_invalid("sampler.levels", "between 1 and 2^24", std::to_string(levels));
  std::vector<double> sigmas;
  for (int i = 0; i < levels; ++i) {
    const double t = levels > 1 ? static_cast<double>(i) / (levels - 1) : 1;
    sigmas.push_back(sigma_max * std::pow(sigma_min / sigma_max, t));
  }
  return sigmas;
}

std::vector<double> karras_levels(double sigma_max, double sigma_min, int steps, double rho) {
  if (steps < 1 || steps > (1 << 24)) throw_invalid("sampler.steps", "between 1 and 2^24", std::to_string(steps));
  if (!(rho > 0) || !std::isfinite(rho)) throw_invalid("sampler.rho", "a finite value > 0", describe(rho));
  geometric_levels(sigma_max, sigma_min, 1);  // checks the range
  const double high = std::pow(sigma_max, 1 / rho), low = std::pow(sigma_min, 1 / rho);
  std::vector<double> sigmas;
  for (int i = 0; i < steps; ++i) {
    const double t = steps > 1 ? static_cast<double>(i) / (steps - 1) : 0;
    sigmas.push_back(std::pow(high + t * (low - high), rho));
    if (!(sigmas.back() > 0) || !std::isfinite(sigmas.back()))
      throw_invalid("sampler.rho", "a value with noise levels that are finite and > 0",
                    describe(rho) + ", which gives " + describe(sigmas.back()));
  }
  return sigmas;
}

struct SamplerPlan::Impl {
  Engine engine;
  int dim;
  std::int64_t max_batch;
  std::unique_ptr<SamplerMethod> method;
  std::shared_ptr<ScorePlan> net_score;  // null with a ScoreFunction
  bool net_uses_sigma = true;
  std::int64_t param_count = 0;
  ScoreFunction score;
  std::shared_ptr<void> sigma_table;

  bool in_double() const { return engine.impl()->floats == Floats::f32_or_f64; }
  std::size_t element_bytes() const { return in_double() ? sizeof(double) : sizeof(float); }
  /// x itself is held as scratch too where the caller's array is of another type.
  std::size_t array_bytes() const {
    return aligned(static_cast<std::size_t>(max_batch) * static_cast<std::size_t>(dim) * element_bytes());
  }
  View array(void* memory, std::int64_t batch) const {
    return in_double() ? View(static_cast<double*>(memory), {batch, dim})
                       : View(static_cast<float*>(memory), {batch, dim});
  }
  ConstView sigma(std::int64_t level) const {
    const void* table = sigma_table.get();
    return in_double() ? ConstView(static_cast<const double*>(table) + level, 1)
                       : ConstView(static_cast<const float*>(table) + level, 1);
  }
  std::size_t own_bytes() const { return array_bytes() * static_cast<std::size_t>(method->scratch_count() + 1); }

  /// @throws Error where own_bytes() would not fit: the other plans' scratch does not grow with the batch.
  void check_size() const {
    const auto arrays = static_cast<std::int64_t>(method->scratch_count() + 1);
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / 2 / arrays / dim / 8;
    if (max_batch > most)
      throw_invalid(
          "max_batch",
          "at most " + std::to_string(most) + ", as the sampler holds " + std::to_string(arrays) + " arrays of it",
          std::to_string(max_batch));
  }

  void upload_sigmas() {
    const std::vector<double> sigmas = method->sigmas();
    if (in_double()) {
      auto buffer = std::make_shared<Buffer<double>>(engine.upload(sigmas));
      sigma_table = {buffer, buffer->data()};
    } else {
      auto buffer = std::make_shared<Buffer<float>>(engine.upload(std::vector<float>(sigmas.begin(), sigmas.end())));
      sigma_table = {buffer, buffer->data()};
    }
  }
};

SamplerPlan::SamplerPlan(const Engine& engine, const MlpShape& net, const Sampler& sampler, std::int64_t max_batch) {
  auto plan = std::make_shared<ScorePlan>(engine, net, max_batch);
  auto impl = std::make_shared<Impl>(Impl{engine, net.dim, max_batch, make_sampler_method(sampler), std::move(plan),
                                          uses_sigma(net.parameterization, net.conditioning), net.param_count(),
                                          nullptr, nullptr});
  impl->check_size();
  impl->upload_sigmas();
  impl_ = std::move(impl);
}

SamplerPlan::SamplerPlan(const Engine& engine, int dim, ScoreFunction score, const Sampler& sampler,
                         std::int64_t max_batch) {
  check_dim(dim);
  check_max_batch(max_batch);
  if (!score) throw_invalid("score", "a function", "nothing");
  auto impl = std::make_shared<Impl>(
      Impl{engine, dim, max_batch, make_sampler_method(sampler), nullptr, true, 0, std::move(score), nullptr});
  impl->check_size();
  impl->upload_sigmas();
  impl_ = std::move(impl);
}

void SamplerPlan::run(Queue& queue, ConstView params, NoiseRef noise, View x) const {
  const Impl& plan = *impl_;
  queue.impl().check(plan.engine.impl(), workspace_bytes());
  CallChecker call(*plan.engine.impl());
  check_noise(call, noise, "the start");
  if (plan.net_score)
    call.required("params", params, {plan.param_count});
  else
    CallChecker::absent("params", params, "the plan has a score function of the caller's");
  if (x.empty()) throw_invalid("x", "[N, " + std::to_string(plan.dim) + "]", "nothing");
  call.output("x", x, {kAny, plan.dim});
  call.workspace(queue.impl().workspace, workspace_bytes());
  call.check_disjoint();
  const std::int64_t batch = x.shape.extent[0];
  if (batch < 1 || batch > plan.max_batch)
    throw_invalid("x", "a batch of 1 to " + std::to_string(plan.max_batch), std::to_string(batch));

  char* scratch = queue.impl().workspace;
  SamplerRun run;
  for (int i = 0; i < plan.method->scratch_count(); ++i, scratch += plan.array_bytes())
    run.scratch.push_back(plan.array(scratch, batch));
  run.x = plan.array(scratch, batch);
  scratch += plan.array_bytes();
  Queue inner(plan.engine, scratch, queue.impl().workspace_bytes - plan.own_bytes(), queue.stream());
  run.score = [&](ConstView at, std::int64_t level, View score) {
    if (plan.score) return plan.score(inner, at, plan.sigma(level), score);
    ScorePlan::In in{params, at};
    if (plan.net_uses_sigma) in.sigma = plan.sigma(level);
    ScorePlan::Out out;
    out.score = score;
    plan.net_score->run(inner, in, out);
  };
  run.update = [&](SamplerUpdate update) {
    update.noise = noise;
    plan.engine.impl()->sampler_update(queue.impl(), update);
  };
  plan.method->run(run);
  SamplerUpdate finish;  // to the caller's rows and type
  finish.out = x;
  finish.x = run.x;
  run.update(finish);
}

std::size_t SamplerPlan::workspace_bytes() const {
  return impl_->own_bytes() + (impl_->net_score ? impl_->net_score->workspace_bytes() : 0);
}

}  // namespace scorematch
