// The probability-flow equation from data to latent, with its density (Song et al. 2021, section 4.3):
//   dx/dsigma = -sigma s(x, sigma)      d ln p(x(sigma))/dsigma = +sigma div s(x, sigma)
// by the classical Runge-Kutta method. As ln p(x) = ln p(x_T) - integral of sigma div s, both sums have the factor
// -sigma: x sums s, and ln p sums div s.
#include "scorematch/likelihood.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "engine/backend.h"
#include "plans/batch_checks.h"
#include "plans/call_checker.h"
#include "plans/hutch_plus_plus.h"
#include "plans/own_network_score.h"
#include "plans/score_program.h"
#include "samplers/noise_levels.h"
#include "samplers/working_arrays.h"

namespace scorematch {
namespace {

constexpr int kArrays = 4, kValues = 2;  // scratch arrays [N, d] and [N]

/// sigma_min, the midpoint of the first step, its end, ..., sigma_max.
std::vector<double> level_list(const Likelihood& options) {
  if (options.steps < 1 || options.steps > (1 << 23))
    throw_invalid("likelihood.steps", "between 1 and 2^23", std::to_string(options.steps));
  std::vector<double> ends =
      karras_levels(options.sigma_max, options.sigma_min, options.steps + 1, options.rho, "likelihood");
  std::reverse(ends.begin(), ends.end());
  std::vector<double> levels = {ends[0]};
  for (std::size_t i = 1; i < ends.size(); ++i) levels.insert(levels.end(), {(ends[i - 1] + ends[i]) / 2, ends[i]});
  return levels;
}

/// Only x, noise and the context are given.
void check_only_data(const Batch& batch) {
  check_no_rows(batch, "x is the batch");
  CallChecker::absent("sigma", batch.sigma, "the plan has its own levels");
  CallChecker::absent("eps", batch.eps, "no noise is added to x");
  CallChecker::absent("directions", batch.directions, "they are drawn from noise");
  CallChecker::absent("true_score", batch.true_score, "only losses use it");
  CallChecker::absent("weight", batch.weight, "only losses use it");
}

bool uses_hutch_plus_plus(const Likelihood& likelihood) {
  switch (likelihood.trace_estimator) {
    case TraceEstimator::hutchinson:
      break;
    case TraceEstimator::hutch_plus_plus:
      return true;
  }
  return false;
}

/// The directions of a sample; HutchPlusPlus checks its own.
void check_directions(const Likelihood& likelihood, int dim) {
  check(likelihood.trace_estimator);
  const bool counts = likelihood.projections != 0 && !uses_hutch_plus_plus(likelihood);
  check_directions(counts ? likelihood.projections : 1, likelihood.distribution, dim);
}

}  // namespace

struct LikelihoodPlan::Impl {
  Impl(const Engine& engine_, int dim_, const Likelihood& options_, std::int64_t max_batch_)
      : engine(engine_),
        dim(dim_),
        max_batch(max_batch_),
        options(options_),
        levels(level_list(options)),
        table(engine, levels),
        latent_variance(prior_variance(options.sigma_max, options.prior_deviation, "likelihood")),
        arrays(engine, max_batch, dim) {
    arrays.check_size(kArrays, "likelihood");
  }

  std::size_t own_bytes() const {
    return kArrays * arrays.array_bytes() + kValues * arrays.value_bytes() + (own_network ? own_network->bytes() : 0) +
           (hutch ? hutch->bytes() + arrays.value_bytes() : 0);
  }
  std::size_t workspace_bytes() const { return own_bytes() + (program ? program->workspace_bytes() : 0); }

  /// s and div s (or its estimate) at x and a level. @param of_network scratch memory for the caller's network
  void evaluate(Queue& queue, char* of_network, Queue& inner, const In& in, const ConstView& x, std::int64_t level,
                const View& s, const View& divergence) const {
    if (score) return score(inner, x, table[level], s, divergence);
    if (own_network)
      return own_network->run(queue, of_network, inner, {x, table[level], in.batch.noise, s, divergence, in.batch});
    if (hutch) return evaluate_by_hutch(queue, of_network, inner, in, x, level, s, divergence);
    ScoreIn at = at_level(in, x, level);
    ScoreOut out;
    out.score = s;
    if (options.projections > 0)
      at.batch.noise = in.batch.noise, out.divergence_estimate = divergence;
    else
      out.divergence = divergence;
    program->run(inner.impl(), at, out, x.shape.extent[0]);
  }

  ScoreIn at_level(const In& in, const ConstView& x, std::int64_t level) const {
    ScoreIn at{in.params, {x, {}, table[level]}};
    at.batch.context = in.batch.context, at.batch.present = in.batch.present, at.batch.labels = in.batch.labels;
    return at;
  }

  void evaluate_by_hutch(Queue& queue, char* scratch, Queue& inner, const In& in, const ConstView& x,
                         std::int64_t level, const View& s, const View& divergence) const {
    const std::int64_t batch = x.shape.extent[0];
    const HutchPlusPlus::Stacks stacks = hutch->take(scratch, batch);
    const View in_basis = arrays.take_values(scratch, batch);
    ScoreIn at = at_level(in, x, level);
    const auto run_along = [&](const View& directions, const ScoreOut& out) {
      at.batch.directions = directions;
      program->run(inner.impl(), at, out, batch);
    };
    hutch->draw_sketches(queue, in.batch.noise, stacks);
    run_along(stacks.directions, {s, stacks.products});
    hutch->find_basis(stacks);
    ScoreOut trace;
    trace.divergence_estimate = in_basis;
    run_along(stacks.products, trace);
    hutch->draw_rest(queue, in.batch.noise, stacks);
    trace.divergence_estimate = divergence;
    run_along(stacks.directions, trace);
    SamplerUpdate sum;  // an estimate is a mean over directions
    sum.out = column(divergence), sum.x = column(divergence);
    sum.score = column(in_basis), sum.score_factor = hutch->count();
    engine.impl()->sampler_update(queue.impl(), sum);
  }

  Engine engine;
  int dim;
  std::int64_t max_batch;
  Likelihood options;
  std::vector<double> levels;
  LevelTable table;
  double latent_variance;
  WorkingArrays arrays;
  std::unique_ptr<ScoreProgram> program;  // null without a network of the library's
  std::unique_ptr<HutchPlusPlus> hutch;   // for `program`
  std::int64_t param_count = 0;
  Context context;
  ScoreFunction score;
  std::unique_ptr<OwnNetworkScore> own_network;
};

LikelihoodPlan::LikelihoodPlan(const Engine& engine, const MlpShape& net, const Likelihood& likelihood,
                               std::int64_t max_batch, Compute compute) {
  check(net);
  check_follows_levels(net);
  check_max_batch(max_batch);
  check_directions(likelihood, net.dim);
  auto impl = std::make_shared<Impl>(engine, net.dim, likelihood, max_batch);
  if (uses_hutch_plus_plus(likelihood))
    impl->hutch = std::make_unique<HutchPlusPlus>(engine, net.dim, likelihood, impl->arrays.dtype(), max_batch);
  const int projections = impl->hutch ? impl->hutch->count() : likelihood.projections;
  impl->program = make_score_program(engine, {net, max_batch, projections, likelihood.distribution, compute});
  impl->param_count = net.param_count();
  impl->context = net.context;
  impl_ = std::move(impl);
}

LikelihoodPlan::LikelihoodPlan(const Engine& engine, const OwnNetwork& net, const Likelihood& likelihood,
                               std::int64_t max_batch) {
  check_dim(net.dim);
  check_directions(likelihood, net.dim);
  auto own_network = std::make_unique<OwnNetworkScore>(engine, net, max_batch, likelihood);
  auto impl = std::make_shared<Impl>(engine, net.dim, likelihood, max_batch);
  impl->own_network = std::move(own_network);
  impl->context = net.context;
  impl_ = std::move(impl);
}

LikelihoodPlan::LikelihoodPlan(const Engine& engine, int dim, ScoreFunction score, const Likelihood& likelihood,
                               std::int64_t max_batch) {
  check_dim(dim);
  check_max_batch(max_batch);
  if (!score) throw_invalid("score", "a function", "nothing");
  if (likelihood.projections != 0)
    throw_invalid("likelihood.projections", "0, as the score function computes the divergence",
                  std::to_string(likelihood.projections));
  if (uses_hutch_plus_plus(likelihood))
    throw_invalid("likelihood.trace_estimator", "hutchinson, as the score function computes the divergence",
                  "hutch_plus_plus");
  auto impl = std::make_shared<Impl>(engine, dim, likelihood, max_batch);
  impl->score = std::move(score);
  impl_ = std::move(impl);
}

void LikelihoodPlan::run(Queue& queue, const In& in, const Out& out) const {
  const Impl& plan = *impl_;
  queue.impl().check(plan.engine.impl(), workspace_bytes());
  CallChecker call(*plan.engine.impl());
  if (plan.program)
    call.required("params", in.params, {plan.param_count});
  else
    CallChecker::absent("params", in.params,
                        plan.own_network ? "the network is the caller's" : "the plan uses the caller's score function");
  const std::int64_t batch = check_count(call, "x", in.batch.x, plan.dim, plan.max_batch);
  check_only_data(in.batch);
  if (plan.score)
    check_no_context(in.batch, "the plan uses the caller's score function");
  else
    check_context(call, in.batch, plan.context, batch);
  if (plan.options.projections > 0) check_noise(call, in.batch.noise, "directions");
  call.output("log_likelihood", out.log_likelihood, {batch});
  call.output("latent", out.latent, {batch, plan.dim});
  call.output("mean", out.mean, sizeof(Estimate));
  call.workspace(queue.impl().workspace, workspace_bytes());
  call.check_disjoint();

  char* scratch = queue.impl().workspace;
  View x = plan.arrays.take_array(scratch, batch), sum = plan.arrays.take_array(scratch, batch);
  const View stage = plan.arrays.take_array(scratch, batch), s = plan.arrays.take_array(scratch, batch);
  const View log_p = plan.arrays.take_values(scratch, batch), divergence = plan.arrays.take_values(scratch, batch);
  char* const of_network = scratch;  // and of Hutch++
  if (plan.own_network) scratch += plan.own_network->bytes();
  if (plan.hutch) scratch += plan.hutch->bytes() + plan.arrays.value_bytes();
  Queue inner(plan.engine, scratch, queue.impl().workspace_bytes - plan.own_bytes(), queue.stream());
  Engine::Impl& engine = *plan.engine.impl();
  const auto set = [&](const View& to, const ConstView& from, double factor, const ConstView& rate) {
    SamplerUpdate update;  // to = from + factor rate
    update.out = to, update.x = from;
    update.score = rate, update.score_factor = factor;
    engine.sampler_update(queue.impl(), update);
  };

  set(x, in.batch.x, 0, {});
  set(column(log_p), {}, 0, {});
  constexpr double kWeight[] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}, kReach[] = {0.5, 0.5, 1};
  constexpr std::int64_t kLevel[] = {0, 1, 1, 2};
  for (std::int64_t i = 0; i < plan.options.steps; ++i) {
    const auto level = [&](std::int64_t k) { return plan.levels[static_cast<std::size_t>(2 * i + k)]; };
    const double h = level(2) - level(0);
    for (int k = 0; k < 4; ++k) {
      const double rate = -h * level(kLevel[k]);
      plan.evaluate(queue, of_network, inner, in, k == 0 ? x : stage, 2 * i + kLevel[k], s, divergence);
      set(sum, k == 0 ? x : sum, kWeight[k] * rate, s);
      set(column(log_p), column(log_p), kWeight[k] * rate, column(divergence));
      if (k < 3) set(stage, x, kReach[k] * rate, s);
    }
    std::swap(x, sum);
  }
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  GaussianTerm prior;
  prior.out = log_p, prior.value = log_p, prior.x = x;
  prior.precision = 1 / plan.latent_variance;
  prior.constant = -0.5 * plan.dim * std::log(kTwoPi * plan.latent_variance);
  engine.add_gaussian(queue.impl(), prior);
  if (!out.latent.empty()) set(out.latent, x, 0, {});
  if (!out.log_likelihood.empty()) set(column(out.log_likelihood), column(log_p), 0, {});
  if (out.mean != nullptr) engine.estimate(queue.impl(), log_p, out.mean);
}

std::size_t LikelihoodPlan::workspace_bytes() const { return impl_->workspace_bytes(); }

}  // namespace scorematch
