#include "scorematch/sampler.h"

#include <utility>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"
#include "plans/guidance.h"
#include "plans/own_network_score.h"
#include "plans/score_program.h"
#include "samplers/noise_levels.h"
#include "samplers/sampler_method.h"
#include "samplers/working_arrays.h"

namespace scorematch {
namespace {

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

/// @throws Error if the network needs a level, and the sampler has none.
void check_has_level(const Sampler& sampler, bool needs_sigma) {
  const auto* langevin = std::get_if<Langevin>(&sampler);
  if (langevin != nullptr && needs_sigma && langevin->sigma == 0)
    throw_invalid("sampler.sigma", "a level > 0, as the network uses it", "0");
}

/// @throws Error if the network ignores the sampler's levels or needs one, or has no density for the correction.
void check_goes_with(const Sampler& sampler, const MlpShape& net) {
  const auto* langevin = std::get_if<Langevin>(&sampler);
  if (langevin == nullptr) return check_follows_levels(net);
  const bool needs_sigma = uses_sigma(net.parameterization, net.conditioning);
  check_has_level(sampler, needs_sigma);
  if (!needs_sigma && langevin->sigma > 0)
    throw_invalid("sampler.sigma", "0, as the network ignores it", describe(langevin->sigma));
  if (langevin->metropolis && net.kind != MlpShape::Kind::energy)
    throw_invalid("sampler.metropolis", "false, as a score net has no density", "true");
}

}  // namespace

struct SamplerPlan::Impl {
  Engine engine;
  int dim;
  std::int64_t max_batch;
  std::unique_ptr<SamplerMethod> method;
  std::unique_ptr<ScoreProgram> program;  // null without a network of the library's
  bool net_uses_sigma = true;
  std::int64_t param_count = 0;
  ScoreFunction score;
  bool rejects = false;  // then it reports an acceptance
  std::unique_ptr<OwnNetworkScore> own_network = nullptr;
  Context context{};
  double guidance_weight = 1;

  Guidance guidance{engine, guidance_weight, context, max_batch, dim, rejects};
  WorkingArrays arrays{engine, max_batch, dim};  // includes x, as the caller's may have another type
  LevelTable levels{engine, method->sigmas()};

  int array_count() const { return method->scratch_count() + 1; }
  std::size_t own_bytes() const {
    return arrays.array_bytes() * static_cast<std::size_t>(array_count()) +
           arrays.value_bytes() * static_cast<std::size_t>(method->value_count()) + guidance.bytes() +
           (own_network ? own_network->bytes() : 0);
  }
  /// The network's score at the samples, and its log-density unless `f` is empty. @param scratch for own_network
  void evaluate(Queue& queue, char* scratch, Queue& inner, const ConstView& params, const Batch& samples,
                std::int64_t level, const View& s, const View& f) const {
    if (own_network) return own_network->run(queue, scratch, inner, {samples.x, levels[level], {}, s, {}, samples});
    ScoreIn at{params, samples};
    if (net_uses_sigma) at.batch.sigma = levels[level];
    ScoreOut values;
    values.score = s;
    values.log_density = f;
    program->run(inner.impl(), at, values, samples.x.shape.extent[0]);
  }
};

SamplerPlan::SamplerPlan(const Engine& engine, const MlpShape& net, const Sampler& sampler, std::int64_t max_batch,
                         double guidance) {
  auto program =
      make_score_program(engine, {net, Guidance::samples(guidance, max_batch), 0, Projection::rademacher, {}});
  check_goes_with(sampler, net);
  auto method = make_sampler_method(sampler);
  WorkingArrays(engine, max_batch, net.dim).check_size(method->scratch_count() + 1, "sampler");
  impl_ = std::make_shared<Impl>(Impl{engine, net.dim, max_batch, std::move(method), std::move(program),
                                      uses_sigma(net.parameterization, net.conditioning), net.param_count(), nullptr,
                                      rejects(sampler), nullptr, net.context, guidance});
}

SamplerPlan::SamplerPlan(const Engine& engine, const OwnNetwork& net, const Sampler& sampler, std::int64_t max_batch,
                         double guidance) {
  auto own_network = std::make_unique<OwnNetworkScore>(engine, net, Guidance::samples(guidance, max_batch));
  check_has_level(sampler, uses_sigma(net.parameterization, net.conditioning));
  if (rejects(sampler)) throw_invalid("sampler.metropolis", "false, as the caller's network has no density", "true");
  auto method = make_sampler_method(sampler);
  WorkingArrays(engine, max_batch, net.dim).check_size(method->scratch_count() + 1, "sampler");
  impl_ = std::make_shared<Impl>(Impl{engine, net.dim, max_batch, std::move(method), nullptr, true, 0, nullptr, false,
                                      std::move(own_network), net.context, guidance});
}

SamplerPlan::SamplerPlan(const Engine& engine, int dim, ScoreFunction score, const Sampler& sampler,
                         std::int64_t max_batch) {
  check_dim(dim);
  check_max_batch(max_batch);
  if (!score) throw_invalid("score", "a function", "nothing");
  if (rejects(sampler)) throw_invalid("sampler.metropolis", "false, as a score function has no density", "true");
  auto method = make_sampler_method(sampler);
  WorkingArrays(engine, max_batch, dim).check_size(method->scratch_count() + 1, "sampler");
  impl_ = std::make_shared<Impl>(Impl{engine, dim, max_batch, std::move(method), nullptr, true, 0, std::move(score)});
}

void SamplerPlan::run(Queue& queue, const In& in, const Out& out) const {
  const Impl& plan = *impl_;
  queue.impl().check(plan.engine.impl(), workspace_bytes());
  CallChecker call(*plan.engine.impl());
  check_noise(call, in.noise, "the start");
  if (plan.program)
    call.required("params", in.params, {plan.param_count});
  else
    CallChecker::absent("params", in.params,
                        plan.own_network ? "the network is the caller's" : "the plan uses the caller's score function");
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
  Batch given;
  given.context = in.context, given.labels = in.labels;
  if (plan.score)
    check_no_context(given, "the plan uses the caller's score function");
  else
    check_context(call, given, plan.context, batch);
  if (plan.guidance.is_mixed() && in.context.empty() && in.labels.empty())
    throw_invalid("context", "one for each sample, as guidance is " + describe(plan.guidance_weight), "nothing");
  call.workspace(queue.impl().workspace, workspace_bytes());
  call.check_disjoint();
  if (batch < 1 || batch > plan.max_batch)
    throw_invalid("x", "a batch of 1 to " + std::to_string(plan.max_batch), std::to_string(batch));

  char* scratch = queue.impl().workspace;
  SamplerRun run;
  for (int i = 0; i < plan.method->scratch_count(); ++i) run.scratch.push_back(plan.arrays.take_array(scratch, batch));
  run.x = plan.arrays.take_array(scratch, batch);
  for (int i = 0; i < plan.method->value_count(); ++i) run.values.push_back(plan.arrays.take_values(scratch, batch));
  char* const of_guidance = scratch;
  scratch += plan.guidance.bytes();
  char* const of_network = scratch;
  if (plan.own_network) scratch += plan.own_network->bytes();
  Queue inner(plan.engine, scratch, queue.impl().workspace_bytes - plan.own_bytes(), queue.stream());
  run.score_and_log_density = [&](ConstView at, std::int64_t level, View score, View log_density) {
    plan.guidance.run(queue, of_guidance, {at, given, score, log_density},
                      [&](const Batch& samples, const View& s, const View& f) {
                        plan.evaluate(queue, of_network, inner, in.params, samples, level, s, f);
                      });
  };
  run.score = [&](ConstView at, std::int64_t level, View score) {
    if (plan.score) return plan.score(inner, at, plan.levels[level], score);
    run.score_and_log_density(at, level, score, {});
  };
  run.update = [&](SamplerUpdate update) {
    update.noise = in.noise;
    plan.engine.impl()->sampler_update(queue.impl(), update);
  };
  run.metropolis = [&](MetropolisStep step) {
    step.noise = in.noise;
    plan.engine.impl()->metropolis(queue.impl(), step);
  };
  const auto copy = [&](View to, ConstView from) {  // between the caller's strides and type and ours
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
  return impl_->own_bytes() + (impl_->program ? impl_->program->workspace_bytes() : 0);
}

}  // namespace scorematch
