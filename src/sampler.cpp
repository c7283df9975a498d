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
    std::unique_ptr<SamplerMethod> operator()(const Langevin& s) const { return make_langevin(s); }
  };
  return std::visit(Visitor{}, sampler);
}

bool rejects(const Sampler& sampler) {
  const auto* langevin = std::get_if<Langevin>(&sampler);
  return langevin != nullptr && langevin->metropolis;
}

/// @throws Error for a level that the network lacks or ignores, and where nothing can be accepted or rejected.
void check_goes_with(const Sampler& sampler, const MlpShape& net, const Engine::Impl& engine) {
  const auto* langevin = std::get_if<Langevin>(&sampler);
  if (langevin == nullptr) return;
  const bool needs_sigma = uses_sigma(net.parameterization, net.conditioning);
  if (needs_sigma && langevin->sigma == 0) throw_invalid("sampler.sigma", "a level > 0, as the network uses it", "0");
  if (!needs_sigma && langevin->sigma != 0)
    throw_invalid("sampler.sigma", "0, as the network ignores it", describe(langevin->sigma));
  if (!langevin->metropolis) return;
  if (net.kind != MlpShape::Kind::energy)
    throw_invalid("sampler.metropolis", "false, as a score net has no density", "true");
  if (!engine.has_metropolis())
    throw Error(ErrorCode::unsupported, "sampler.metropolis",
                "sampler.metropolis: expected false, as this engine has no acceptance step, got true");
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
  bool rejects = false;               // then it has an acceptance
  std::shared_ptr<void> sigma_table;  // null: no level

  bool in_double() const { return engine.impl()->floats == Floats::f32_or_f64; }
  std::size_t element_bytes() const { return in_double() ? sizeof(double) : sizeof(float); }
  /// x itself is held as scratch too where the caller's array is of another type.
  std::size_t array_bytes() const {
    return aligned(static_cast<std::size_t>(max_batch) * static_cast<std::size_t>(dim) * element_bytes());
  }
  std::size_t value_bytes() const { return aligned(static_cast<std::size_t>(max_batch) * element_bytes()); }
  View array(void* memory, const Shape& shape) const {
    return in_double() ? View(static_cast<double*>(memory), shape) : View(static_cast<float*>(memory), shape);
  }
  ConstView sigma(std::int64_t level) const {
    const void* table = sigma_table.get();
    if (table == nullptr) return {};
    return in_double() ? ConstView(static_cast<const double*>(table) + level, 1)
                       : ConstView(static_cast<const float*>(table) + level, 1);
  }
  std::size_t own_bytes() const {
    return array_bytes() * static_cast<std::size_t>(method->scratch_count() + 1) +
           value_bytes() * static_cast<std::size_t>(method->value_count());
  }

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
    if (sigmas.empty()) return;
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
                                          nullptr, rejects(sampler), nullptr});
  check_goes_with(sampler, net, *engine.impl());
  impl->check_size();
  impl->upload_sigmas();
  impl_ = std::move(impl);
}

SamplerPlan::SamplerPlan(const Engine& engine, int dim, ScoreFunction score, const Sampler& sampler,
                         std::int64_t max_batch) {
  check_dim(dim);
  check_max_batch(max_batch);
  if (!score) throw_invalid("score", "a function", "nothing");
  if (rejects(sampler)) throw_invalid("sampler.metropolis", "false, as a score function has no density", "true");
  auto impl = std::make_shared<Impl>(
      Impl{engine, dim, max_batch, make_sampler_method(sampler), nullptr, true, 0, std::move(score), false, nullptr});
  impl->check_size();
  impl->upload_sigmas();
  impl_ = std::move(impl);
}

void SamplerPlan::run(Queue& queue, ConstView params, NoiseRef noise, const Out& out) const {
  const Impl& plan = *impl_;
  queue.impl().check(plan.engine.impl(), workspace_bytes());
  CallChecker call(*plan.engine.impl());
  check_noise(call, noise, "the start");
  if (plan.net_score)
    call.required("params", params, {plan.param_count});
  else
    CallChecker::absent("params", params, "the plan has a score function of the caller's");
  if (out.x.empty()) throw_invalid("x", "[N, " + std::to_string(plan.dim) + "]", "nothing");
  call.output("x", out.x, {kAny, plan.dim});
  const std::int64_t batch = out.x.shape.extent[0];
  if (plan.rejects) {
    call.output("acceptance", out.acceptance, sizeof(Estimate));
    call.output("acceptance_per_sample", out.acceptance_per_sample, {batch});
  } else if (out.acceptance != nullptr || !out.acceptance_per_sample.empty()) {
    throw_invalid(out.acceptance != nullptr ? "acceptance" : "acceptance_per_sample",
                  "nothing, as this sampler accepts every step", "an output");
  }
  call.workspace(queue.impl().workspace, workspace_bytes());
  call.check_disjoint();
  if (batch < 1 || batch > plan.max_batch)
    throw_invalid("x", "a batch of 1 to " + std::to_string(plan.max_batch), std::to_string(batch));

  char* scratch = queue.impl().workspace;
  SamplerRun run;
  for (int i = 0; i < plan.method->scratch_count(); ++i, scratch += plan.array_bytes())
    run.scratch.push_back(plan.array(scratch, {batch, plan.dim}));
  run.x = plan.array(scratch, {batch, plan.dim});
  scratch += plan.array_bytes();
  for (int i = 0; i < plan.method->value_count(); ++i, scratch += plan.value_bytes())
    run.values.push_back(plan.array(scratch, batch));
  Queue inner(plan.engine, scratch, queue.impl().workspace_bytes - plan.own_bytes(), queue.stream());
  run.score_and_log_density = [&](ConstView at, std::int64_t level, View score, View log_density) {
    ScorePlan::In in{params, at};
    if (plan.net_uses_sigma) in.sigma = plan.sigma(level);
    ScorePlan::Out values;
    values.score = score;
    values.log_density = log_density;
    plan.net_score->run(inner, in, values);
  };
  run.score = [&](ConstView at, std::int64_t level, View score) {
    if (plan.score) return plan.score(inner, at, plan.sigma(level), score);
    run.score_and_log_density(at, level, score, {});
  };
  run.update = [&](SamplerUpdate update) {
    update.noise = noise;
    plan.engine.impl()->sampler_update(queue.impl(), update);
  };
  run.metropolis = [&](MetropolisStep step) {
    step.noise = noise;
    plan.engine.impl()->metropolis(queue.impl(), step);
  };
  const auto copy = [&](View to, ConstView from) {  // between the caller's rows and type and ours
    SamplerUpdate same;
    same.out = to;
    same.x = from;
    run.update(same);
  };
  if (plan.method->starts_from_x()) copy(run.x, out.x);
  plan.method->run(run);
  copy(out.x, run.x);
  if (!out.acceptance_per_sample.empty()) copy(column(out.acceptance_per_sample), column(run.values[0]));
  if (out.acceptance != nullptr) plan.engine.impl()->estimate(queue.impl(), run.values[0], out.acceptance);
}

std::size_t SamplerPlan::workspace_bytes() const {
  return impl_->own_bytes() + (impl_->net_score ? impl_->net_score->workspace_bytes() : 0);
}

}  // namespace scorematch
