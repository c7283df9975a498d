#include "checks/descriptions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "checks/argument.h"
#include "model/names.h"          // upward: its tables count the values of a choice
#include "model/noise_process.h"  // upward: the closed forms of sigma
#include "scorematch/distinct.h"

namespace scorematch {
namespace {

constexpr int kMaxWidth = 1 << 20;
constexpr std::int64_t kMaxParams = std::int64_t{1} << 40;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

void check_positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) throw_invalid(name, "a finite value > 0", describe(value));
}

void check_not_negative(const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) throw_invalid(name, "a finite value >= 0", describe(value));
}

void check_fraction(const char* name, double value) {
  if (!(value >= 0 && value < 1)) throw_invalid(name, "in [0, 1)", describe(value));
}

void check_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw_invalid(name, "between " + std::to_string(low) + " and " + std::to_string(high), std::to_string(value));
}

template <class T>
void check_choice(const char* name, T value) {
  check_range(name, static_cast<int>(value), 0, count_of<T>() - 1);
}

}  // namespace

void check_dim(int dim) { check_range("dim", dim, 1, 4 * philox::kMaxGroups); }
void check_max_batch(std::int64_t max_batch) { check_range("max_batch", max_batch, 1, std::int64_t{1} << 40); }
void check_projections(int projections) { check_range("projections", projections, 1, philox::kMaxDirections); }
void check_param_count(const char* name, std::int64_t count) { check_range(name, count, 1, kMaxParams); }
void check_learning_rate(double learning_rate) { check_not_negative("learning_rate", learning_rate); }

void check_positive_float(const char* name, double value) {
  if (!(value >= static_cast<double>(std::numeric_limits<float>::min())) ||
      !(value <= static_cast<double>(std::numeric_limits<float>::max())))
    throw_invalid(name, "between 1.2e-38 and 3.4e38, the range of float32", describe(value));
}

void check_widths(const MlpShape& net) {
  check_dim(net.dim);
  if (net.hidden.size() > 1024) throw_invalid("hidden", "at most 1024 layers", std::to_string(net.hidden.size()));
  for (const int width : net.hidden) check_range("hidden", width, 1, kMaxWidth);
  if (net.conditioning.kind == Conditioning::Kind::fourier)
    check_range("conditioning.frequencies", static_cast<std::int64_t>(net.conditioning.frequencies.size()), 1,
                kMaxWidth);
  check(net.context);
}

void check(const Context& context) {
  check_range("context.columns", context.columns, 0, kMaxWidth);
  if (context.optional && context.columns == 0)
    throw_invalid("context.optional", "false, as there are no columns", "true");
}

void check_dropout(double dropout, const Context& context) {
  check_fraction("context_dropout", dropout);
  if (dropout > 0 && !context.optional)
    throw_invalid(
        "context_dropout",
        context.columns == 0 ? "0, as the network has no context" : "0, as the network's context is not optional",
        describe(dropout));
}

void check(const MlpShape& net) {
  check_widths(net);
  check_choice("activation", net.activation);
  check_choice("kind", net.kind);
  check(net.parameterization);
  check(net.conditioning);
  check_param_count("net.param_count", net.param_count());
}

namespace {

/// Of a schedule with a time in [0, 1]. @param is_open alpha is 0 at 1
void check_times(const NoiseSchedule& schedule, bool is_open) {
  const std::string bounds = is_open ? "0 < t_min < t_max < 1" : "0 < t_min < t_max <= 1";
  if (!(schedule.t_min > 0))
    throw_invalid("schedule.t_min", bounds + ", as sigma is 0 at t = 0", describe(schedule.t_min));
  if (!(schedule.t_max <= 1) || (is_open && schedule.t_max == 1))
    throw_invalid("schedule.t_max", bounds + (is_open ? ", as alpha is 0 at t = 1" : ""), describe(schedule.t_max));
  if (!(schedule.t_min < schedule.t_max))
    throw_invalid("schedule.t_min", "less than t_max " + describe(schedule.t_max), describe(schedule.t_min));
}

void check_betas(const NoiseSchedule& schedule) {
  check_positive("schedule.beta_min", schedule.beta_min);
  check_positive("schedule.beta_max", schedule.beta_max);
  if (schedule.beta_min > schedule.beta_max)
    throw_invalid("schedule.beta_min", "at most beta_max " + describe(schedule.beta_max), describe(schedule.beta_min));
}

/// float32 must hold sigma^4 and its inverse, by which losses of processes are weighted.
void check_sigma_range(const NoiseSchedule& schedule) {
  constexpr double kLeast = 1e-9, kMost = 1e9;
  const auto [low, high] = sigma_range(schedule);
  const auto expected = [](const char* where) {
    return std::string("a sigma ") + where + " from 1e-9 to 1e9, so that float32 holds what follows from it";
  };
  const bool is_discrete = schedule.kind == NoiseSchedule::Kind::ddpm;
  if (!(low >= kLeast))
    throw_invalid("schedule", expected(is_discrete ? "at the first step" : "at t_min"), describe(low));
  if (!(high <= kMost))
    throw_invalid("schedule", expected(is_discrete ? "at the last step" : "at t_max"), describe(high));
}

}  // namespace

void check(const NoiseSchedule& schedule) {
  check_choice("schedule.kind", schedule.kind);
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      check_positive_float("schedule.sigma", schedule.sigma_max);
      break;
    case NoiseSchedule::Kind::geometric:
      check_positive_float("schedule.sigma_min", schedule.sigma_min);
      check_positive_float("schedule.sigma_max", schedule.sigma_max);
      if (schedule.sigma_min > schedule.sigma_max)
        throw_invalid("schedule.sigma_min", "at most sigma_max " + describe(schedule.sigma_max),
                      describe(schedule.sigma_min));
      check_range("schedule.levels", schedule.levels, 0, 1 << 24);
      break;
    case NoiseSchedule::Kind::log_normal: {
      if (!std::isfinite(schedule.log_mean))
        throw_invalid("schedule.log_mean", "a finite value", describe(schedule.log_mean));
      check_not_negative("schedule.log_deviation", schedule.log_deviation);
      // Drawn normals are below 6 in magnitude, as their uniforms have 23 bits.
      const double farthest = std::abs(schedule.log_mean) + 6 * schedule.log_deviation;
      if (farthest > 87)
        throw_invalid("schedule.log_mean", "|log_mean| + 6 log_deviation <= 87, so that float32 holds sigma",
                      describe(farthest));
      break;
    }
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
      check_betas(schedule);
      check_times(schedule, false);
      check_sigma_range(schedule);
      break;
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow:
      check_times(schedule, true);
      check_sigma_range(schedule);
      break;
    case NoiseSchedule::Kind::ddpm:
      check_range("schedule.levels", schedule.levels, 1, 1 << 16);
      check_betas(schedule);
      if (schedule.beta_max >= 1) throw_invalid("schedule.beta_max", "a value below 1", describe(schedule.beta_max));
      check_sigma_range(schedule);
      break;
  }
}

void check(const Parameterization& parameterization) {
  check_choice("parameterization.kind", parameterization.kind);
  if (parameterization.kind == Parameterization::Kind::edm)
    check_positive("parameterization.sigma_data", parameterization.sigma_data);
}

void check(const Conditioning& conditioning) {
  check_choice("conditioning.kind", conditioning.kind);
  const auto count = static_cast<std::int64_t>(conditioning.frequencies.size());
  if (conditioning.kind != Conditioning::Kind::fourier) {
    if (count > 0) throw_invalid("conditioning.frequencies", "none, as the kind is not fourier", std::to_string(count));
    return;
  }
  check_range("conditioning.frequencies", count, 1, kMaxWidth);
  for (const double each : conditioning.frequencies)
    if (!std::isfinite(each)) throw_invalid("conditioning.frequencies", "finite values", describe(each));
}

void check(const Weighting& weighting, const Parameterization& parameterization) {
  check_choice("weighting.kind", weighting.kind);
  if (weighting.kind == Weighting::Kind::min_snr) check_positive("weighting.gamma", weighting.gamma);
  if (weighting.kind != Weighting::Kind::edm) return;
  check_positive("weighting.sigma_data", weighting.sigma_data);
  if (parameterization.kind == Parameterization::Kind::edm && parameterization.sigma_data != weighting.sigma_data)
    throw_invalid("weighting.sigma_data", "the parameterization's " + describe(parameterization.sigma_data),
                  describe(weighting.sigma_data));
}

void check_directions(int projections, Projection distribution, int dim) {
  check_projections(projections);
  check_choice("distribution", distribution);
  const std::int64_t most = distinct::population(distribution, dim);
  if (most > 0 && projections > most)
    throw_invalid("projections",
                  "at most " + std::to_string(most) + ", as distribution " + name_of(distribution) +
                      " has no more in dimension " + std::to_string(dim),
                  std::to_string(projections));
}

void check(const Objective& objective, int dim) {
  const auto check_sliced = [dim](int projections, Projection distribution) {
    check_directions(projections, distribution, dim);
  };
  std::visit(
      Overloaded{[](const Esm&) {}, [](const Ism&) {}, [](const Dsm& dsm) { check_choice("variance", dsm.variance); },
                 [&](const Ssm& ssm) { check_sliced(ssm.projections, ssm.distribution); },
                 [&](const SsmVr& ssm) { check_sliced(ssm.projections, ssm.distribution); }},
      objective);
}

void check(TraceEstimator estimator) { check_choice("trace_estimator", estimator); }

void check(const Compute& compute) {
  check_choice("compute.precision", compute.precision);
  check_choice("compute.route", compute.route);
}

void check(const std::vector<ParamGroup>& groups) {
  constexpr std::size_t kMost = 4096;
  if (groups.size() > kMost) throw_invalid("groups", "at most " + std::to_string(kMost), std::to_string(groups.size()));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string name = "groups[" + std::to_string(i) + "].";
    check_range((name + "begin").c_str(), groups[i].begin, 0, kMaxParams);
    check_range((name + "count").c_str(), groups[i].count, 1, kMaxParams);
    check_not_negative((name + "learning_rate").c_str(), groups[i].learning_rate);
    check_not_negative((name + "weight_decay").c_str(), groups[i].weight_decay);
  }
}

void check(const Adam::Options& options) {
  check_learning_rate(options.learning_rate);
  check_fraction("beta1", options.beta1);
  check_fraction("beta2", options.beta2);
  check_positive_float("epsilon", options.epsilon);
  check_not_negative("weight_decay", options.weight_decay);
  check_not_negative("max_grad_norm", options.max_grad_norm);
  check_fraction("ema_decay", options.ema_decay);
  check(options.groups);
}

void check_within(const std::vector<ParamGroup>& groups, std::int64_t count) {
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (groups[i].begin + groups[i].count > count)
      throw_invalid("groups[" + std::to_string(i) + "]", "elements of the " + std::to_string(count) + " parameters",
                    std::to_string(groups[i].count) + " from element " + std::to_string(groups[i].begin));
}

void check(const Adam::Snapshot& snapshot, std::int64_t count) {
  check(snapshot.options);
  check_within(snapshot.options.groups, count);
  const auto check_size = [](const char* name, const std::vector<float>& values, std::int64_t wanted) {
    if (values.size() != static_cast<std::size_t>(wanted))
      throw_invalid(name, std::to_string(wanted) + " values", std::to_string(values.size()));
  };
  check_size("first_moment", snapshot.first_moment, count);
  check_size("second_moment", snapshot.second_moment, count);
  check_size("ema", snapshot.ema, snapshot.options.ema_decay > 0 ? count : 0);
  check_finite("first_moment", snapshot.first_moment);
  // Infinity is possible: a square exceeded float32, and the parameter no longer moves.
  for (const float each : snapshot.second_moment)
    if (!(each >= 0)) throw_invalid("second_moment", "values >= 0", describe(static_cast<double>(each)));
  check_finite("ema", snapshot.ema);
  check_not_negative("progress.learning_rate", snapshot.progress.learning_rate);
  check_range("progress.step", snapshot.progress.step, 0, std::numeric_limits<std::int64_t>::max());
  check_range("progress.skipped", snapshot.progress.skipped, 0, std::numeric_limits<std::int64_t>::max());
}

void check(const NoiseState::Position& position) {
  if (position.step < 0 || position.step >= philox::kMaxSteps)
    throw_invalid("step", "in [0, 2^40)", std::to_string(position.step));
  if (position.first_sample < 0 || position.first_sample >= philox::kMaxSamples)
    throw_invalid("first_sample", "in [0, 2^48)", std::to_string(position.first_sample));
}

void check_finite(const char* name, const std::vector<float>& values) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end())
    throw_invalid(name, "finite values",
                  describe(static_cast<double>(*bad)) + " at " + std::to_string(bad - values.begin()));
}

}  // namespace scorematch
