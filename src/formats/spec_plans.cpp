#include "formats/spec_plans.h"

#include <type_traits>
#include <utility>

#include "model/network.h"

namespace scorematch {
namespace {

using AdamNumber = std::pair<const char*, double Adam::Options::*>;
constexpr AdamNumber kAdamNumbers[] = {{"learning_rate", &Adam::Options::learning_rate},
                                       {"beta1", &Adam::Options::beta1},
                                       {"beta2", &Adam::Options::beta2},
                                       {"epsilon", &Adam::Options::epsilon},
                                       {"weight_decay", &Adam::Options::weight_decay},
                                       {"max_grad_norm", &Adam::Options::max_grad_norm},
                                       {"ema_decay", &Adam::Options::ema_decay}};

template <class List>
std::string list_text(const List& values) {
  std::string text;
  for (const auto each : values) {
    if (!text.empty()) text += ",";
    if constexpr (std::is_integral_v<typename List::value_type>)
      text += std::to_string(each);
    else
      text += number_text(each);
  }
  return text;
}

/// For flow, sde and likelihoods.
template <class Steps>
Steps read_steps(MetadataReader& reader, Steps sampler) {
  sampler.sigma_min = reader.take_number("sigma_min", sampler.sigma_min);
  sampler.sigma_max = reader.take_number("sigma_max", sampler.sigma_max);
  sampler.steps = reader.take_int32("steps", sampler.steps);
  sampler.rho = reader.take_number("rho", sampler.rho);
  sampler.prior_deviation = reader.take_number("prior_deviation", sampler.prior_deviation);
  return sampler;
}

AnnealedLangevin read_annealed(MetadataReader& reader) {
  AnnealedLangevin sampler;
  sampler.sigma_min = reader.take_number("sigma_min", sampler.sigma_min);
  sampler.sigma_max = reader.take_number("sigma_max", sampler.sigma_max);
  sampler.levels = reader.take_int32("levels", sampler.levels);
  sampler.steps_per_level = reader.take_int32("steps_per_level", sampler.steps_per_level);
  sampler.step_size = reader.take_number("step_size", sampler.step_size);
  sampler.prior_deviation = reader.take_number("prior_deviation", sampler.prior_deviation);
  return sampler;
}

Langevin read_langevin(MetadataReader& reader) {
  Langevin sampler;
  sampler.sigma = reader.take_number("sigma", sampler.sigma);
  sampler.step_size = reader.take_number("step_size", sampler.step_size);
  sampler.steps = reader.take_int32("steps", sampler.steps);
  sampler.sigma_start = reader.take_number("sigma_start", sampler.sigma_start);
  sampler.metropolis = reader.take_bool("metropolis", sampler.metropolis);
  return sampler;
}

std::vector<double> read_frequencies(MetadataReader& reader) {
  if (reader.has("fourier.frequencies")) return reader.take_numbers("fourier.frequencies");
  if (!reader.has("fourier")) reader.refuse("fourier", "the number of frequencies, or fourier.frequencies", "nothing");
  const int count = reader.take_int32("fourier", 0);
  const double scale = reader.take_number("fourier_scale", 1.0);
  return conditioning::Fourier::random(count, scale,
                                       reader.has("fourier_seed") ? reader.take_uint64("fourier_seed") : 0)
      .frequencies;
}

void write_betas(const NoiseSchedule& schedule, Metadata& metadata) {
  metadata["beta_min"] = number_text(schedule.beta_min);
  metadata["beta_max"] = number_text(schedule.beta_max);
}

void write_times(const NoiseSchedule& schedule, Metadata& metadata) {
  metadata["t_min"] = number_text(schedule.t_min);
  metadata["t_max"] = number_text(schedule.t_max);
}

/// @param schedule with the defaults of its kind
NoiseSchedule read_betas(MetadataReader& reader, NoiseSchedule schedule) {
  schedule.beta_min = reader.take_number("beta_min", schedule.beta_min);
  schedule.beta_max = reader.take_number("beta_max", schedule.beta_max);
  return schedule;
}

NoiseSchedule read_times(MetadataReader& reader, NoiseSchedule schedule) {
  schedule.t_min = reader.take_number("t_min", schedule.t_min);
  schedule.t_max = reader.take_number("t_max", schedule.t_max);
  return schedule;
}

void write_schedule(const NoiseSchedule& schedule, Metadata& metadata) {
  write_choice(schedule.kind, metadata);
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      metadata["sigma"] = number_text(schedule.sigma_max);
      break;
    case NoiseSchedule::Kind::geometric:
      metadata["sigma_min"] = number_text(schedule.sigma_min);
      metadata["sigma_max"] = number_text(schedule.sigma_max);
      metadata["levels"] = std::to_string(schedule.levels);
      break;
    case NoiseSchedule::Kind::log_normal:
      metadata["log_mean"] = number_text(schedule.log_mean);
      metadata["log_deviation"] = number_text(schedule.log_deviation);
      break;
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
      write_betas(schedule, metadata);
      write_times(schedule, metadata);
      break;
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow:
      write_times(schedule, metadata);
      break;
    case NoiseSchedule::Kind::ddpm:
      metadata["levels"] = std::to_string(schedule.levels);
      write_betas(schedule, metadata);
      break;
  }
}

}  // namespace

Objective make_objective(ObjectiveKind kind, int projections, Projection distribution) {
  switch (kind) {
    case ObjectiveKind::esm:
      return Esm{};
    case ObjectiveKind::ism:
      return Ism{};
    case ObjectiveKind::dsm:
      return Dsm{};
    case ObjectiveKind::ssm:
      return Ssm{projections, distribution};
    case ObjectiveKind::ssm_vr:
      return SsmVr{projections, distribution};
  }
  return Esm{};
}

Objective read_objective(MetadataReader& reader) {
  Objective objective = make_objective(reader.take_choice<ObjectiveKind>());
  if (auto* dsm = std::get_if<Dsm>(&objective)) dsm->variance = reader.take_choice(dsm->variance);
  const auto read_directions = [&](auto* sliced) {
    if (sliced == nullptr) return;
    sliced->projections = reader.take_int32("projections", sliced->projections);
    sliced->distribution = reader.take_choice(sliced->distribution);
  };
  read_directions(std::get_if<Ssm>(&objective));
  read_directions(std::get_if<SsmVr>(&objective));
  return objective;
}

NoiseSchedule read_schedule(MetadataReader& reader) {
  switch (reader.take_choice(NoiseSchedule::Kind::none)) {
    case NoiseSchedule::Kind::none:
      break;
    case NoiseSchedule::Kind::single:
      return schedule::Single{reader.take_number("sigma", schedule::Single{}.sigma)};
    case NoiseSchedule::Kind::geometric: {
      schedule::Geometric geometric;
      geometric.sigma_min = reader.take_number("sigma_min", geometric.sigma_min);
      geometric.sigma_max = reader.take_number("sigma_max", geometric.sigma_max);
      geometric.levels = reader.take_int32("levels", geometric.levels);
      return geometric;
    }
    case NoiseSchedule::Kind::log_normal: {
      schedule::LogNormal log_normal;
      log_normal.log_mean = reader.take_number("log_mean", log_normal.log_mean);
      log_normal.log_deviation = reader.take_number("log_deviation", log_normal.log_deviation);
      return log_normal;
    }
    case NoiseSchedule::Kind::vp:
      return read_times(reader, read_betas(reader, schedule::Vp{}));
    case NoiseSchedule::Kind::sub_vp:
      return read_times(reader, read_betas(reader, schedule::SubVp{}));
    case NoiseSchedule::Kind::cosine:
      return read_times(reader, schedule::Cosine{});
    case NoiseSchedule::Kind::rectified_flow:
      return read_times(reader, schedule::RectifiedFlow{});
    case NoiseSchedule::Kind::ddpm: {
      NoiseSchedule ddpm = read_betas(reader, schedule::Ddpm{});
      ddpm.levels = reader.take_int32("levels", ddpm.levels);
      return ddpm;
    }
  }
  return schedule::None{};
}

Conditioning read_conditioning(MetadataReader& reader) {
  Conditioning conditioning;
  conditioning.kind = reader.take_choice(Conditioning::Kind::none);
  if (conditioning.kind == Conditioning::Kind::fourier) conditioning.frequencies = read_frequencies(reader);
  return conditioning;
}

Loss read_loss(MetadataReader& reader, double sigma_data) {
  Loss loss;
  loss.objective = read_objective(reader);
  loss.schedule = read_schedule(reader);
  loss.weighting = read_weighting(reader, sigma_data);
  loss.context_dropout = reader.take_number("context_dropout", 0);
  return loss;
}

void write_loss(const Loss& loss, Metadata& metadata) {
  write_choice(kind_of(loss.objective), metadata);
  if (const auto* dsm = std::get_if<Dsm>(&loss.objective)) write_choice(dsm->variance, metadata);
  if (const Needs needs = needs_of(loss.objective); needs.projections > 0) {
    metadata["projections"] = std::to_string(needs.projections);
    write_choice(needs.distribution, metadata);
  }
  write_schedule(loss.schedule, metadata);
  write_weighting(loss.weighting, metadata);
  if (loss.context_dropout != 0) metadata["context_dropout"] = number_text(loss.context_dropout);
}

std::string loss_text(const Loss& loss) {
  Metadata values;
  write_loss(loss, values);
  std::string text;
  for (const auto& [key, value] : values) text += (text.empty() ? "" : " ") + key + "=" + value;
  return text;
}

MlpShape read_net(MetadataReader& reader) {
  for (const auto& [key, value] : {std::pair("net", "score"), {"activation", "silu"}, {"parameterization", "plain"}})
    reader.set_if_absent(key, value);
  if (!reader.has("dim")) reader.refuse("dim", "the number of dimensions", "nothing");
  const int dim = reader.take_int32("dim", 0);
  std::vector<int> hidden;
  for (const double width : reader.has("hidden") ? reader.take_numbers("hidden") : std::vector<double>()) {
    if (!(width >= 1 && width <= (1 << 20)) || width != static_cast<int>(width))
      reader.refuse("hidden", "whole widths from 1 to 2^20", number_text(width));
    hidden.push_back(static_cast<int>(width));
  }
  Conditioning conditioning = read_conditioning(reader);
  MlpShape net = read_kind_of_net(reader);
  net.dim = dim;
  net.hidden = std::move(hidden);
  net.conditioning = std::move(conditioning);
  return net;
}

std::string net_text(const MlpShape& net) {
  Metadata values;
  write_net(net, values);
  std::string text = "dim=" + std::to_string(net.dim) + " hidden=" + list_text(net.hidden);
  for (const auto& [key, value] : values) text += " " + key + "=" + value;
  if (net.conditioning.kind == Conditioning::Kind::fourier)
    text += " fourier.frequencies=" + list_text(net.conditioning.frequencies);
  return text;
}

Sampler read_sampler(MetadataReader& reader) {
  switch (reader.take_choice<SamplerKind>()) {
    case SamplerKind::flow:
      return read_steps(reader, ProbabilityFlow{});
    case SamplerKind::sde:
      return read_steps(reader, ReverseSde{});
    case SamplerKind::annealed:
      return read_annealed(reader);
    case SamplerKind::langevin:
      return read_langevin(reader);
  }
  return {};
}

Likelihood read_likelihood(MetadataReader& reader) {
  Likelihood likelihood = read_steps(reader, Likelihood{});
  likelihood.projections = reader.take_int32("projections", likelihood.projections);
  likelihood.distribution = reader.take_choice(likelihood.distribution);
  likelihood.trace_estimator = reader.take_choice(likelihood.trace_estimator);
  return likelihood;
}

Compute read_compute(MetadataReader& reader) {
  return {reader.take_choice(Precision::fp32), reader.take_choice(Route::automatic)};
}

Adam::Options read_adam_options(MetadataReader& reader) {
  Adam::Options options;
  for (const auto& [name, member] : kAdamNumbers) options.*member = reader.take_number(name, options.*member);
  options.groups = read_groups(reader, "groups");
  return options;
}

std::string adam_options_text(const Adam::Options& options) {
  std::string text;
  for (const auto& [name, member] : kAdamNumbers)
    text += (text.empty() ? "" : " ") + std::string(name) + "=" + number_text(options.*member);
  if (!options.groups.empty()) text += " groups=" + groups_text(options.groups);
  return text;
}

}  // namespace scorematch
