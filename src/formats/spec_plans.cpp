#include "formats/spec_plans.h"

#include <type_traits>
#include <utility>

namespace scorematch {
namespace {

enum class Goal { esm, ism, dsm, ssm, ssm_vr };
const std::map<std::string, Goal> kObjectives = {
    {"esm", Goal::esm}, {"ism", Goal::ism}, {"dsm", Goal::dsm}, {"ssm", Goal::ssm}, {"ssm_vr", Goal::ssm_vr}};
const std::map<std::string, Dsm::Variance> kVariances = {{"plain", Dsm::Variance::plain},
                                                         {"control_variate", Dsm::Variance::control_variate},
                                                         {"antithetic", Dsm::Variance::antithetic}};
const std::map<std::string, Projection> kLaws = {
    {"gaussian", Projection::gaussian}, {"rademacher", Projection::rademacher}, {"sphere", Projection::sphere}};
enum class Law { none, single, geometric, lognormal };
const std::map<std::string, Law> kSchedules = {
    {"none", Law::none}, {"single", Law::single}, {"geometric", Law::geometric}, {"lognormal", Law::lognormal}};
enum class Method { annealed, langevin, flow, sde };
const std::map<std::string, Method> kSamplers = {
    {"annealed", Method::annealed}, {"langevin", Method::langevin}, {"flow", Method::flow}, {"sde", Method::sde}};
const std::map<std::string, Precision> kPrecisions = {
    {"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}};
const std::map<std::string, Route> kRoutes = {
    {"automatic", Route::automatic}, {"fused", Route::fused}, {"layered", Route::layered}};

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

/// Of flow, sde and likelihoods.
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
  if (!reader.has("fourier")) reader.refuse("fourier", "how many frequencies, or fourier.frequencies", "nothing");
  const int count = reader.take_int32("fourier", 0);
  const double scale = reader.take_number("fourier_scale", 1.0);
  return conditioning::Fourier::random(count, scale,
                                       reader.has("fourier_seed") ? reader.take_uint64("fourier_seed") : 0)
      .frequencies;
}

}  // namespace

Objective read_plain_objective(MetadataReader& reader, int projections) {
  switch (reader.take_choice(std::string("objective"), kObjectives, "")) {
    case Goal::esm:
      return Esm{};
    case Goal::ism:
      return Ism{};
    case Goal::dsm:
      return Dsm{};
    case Goal::ssm:
      return Ssm{projections};
    case Goal::ssm_vr:
      break;
  }
  return SsmVr{projections};
}

Objective read_objective(MetadataReader& reader) {
  Objective objective = read_plain_objective(reader, 1);
  if (auto* dsm = std::get_if<Dsm>(&objective)) dsm->variance = reader.take_choice("variance", kVariances, "plain");
  const auto read_directions = [&](auto* sliced) {
    if (sliced == nullptr) return;
    sliced->projections = reader.take_int32("projections", sliced->projections);
    sliced->law = read_law(reader, sliced->law);
  };
  read_directions(std::get_if<Ssm>(&objective));
  read_directions(std::get_if<SsmVr>(&objective));
  return objective;
}

Projection read_law(MetadataReader& reader, Projection otherwise) {
  return reader.has("law") ? reader.take_choice("law", kLaws, "") : otherwise;
}

NoiseSchedule read_schedule(MetadataReader& reader) {
  switch (reader.take_choice("schedule", kSchedules, "none")) {
    case Law::none:
      break;
    case Law::single:
      return schedule::Single{reader.take_number("sigma", schedule::Single{}.sigma)};
    case Law::geometric: {
      schedule::Geometric law;
      law.sigma_min = reader.take_number("sigma_min", law.sigma_min);
      law.sigma_max = reader.take_number("sigma_max", law.sigma_max);
      law.levels = reader.take_int32("levels", law.levels);
      return law;
    }
    case Law::lognormal: {
      schedule::LogNormal law;
      law.mean = reader.take_number("log_mean", law.mean);
      law.deviation = reader.take_number("log_deviation", law.deviation);
      return law;
    }
  }
  return schedule::None{};
}

Conditioning read_conditioning(MetadataReader& reader) {
  return read_conditioning(reader, "none", [&] { return read_frequencies(reader); });
}

Loss read_loss(MetadataReader& reader, double sigma_data) {
  Loss loss;
  loss.objective = read_objective(reader);
  loss.schedule = read_schedule(reader);
  loss.weighting = read_weighting(reader, sigma_data);
  return loss;
}

void write_loss(const Loss& loss, Metadata& metadata) {
  struct ObjectiveWriter {
    Metadata& to;
    void directions(int projections, Projection law) const {
      to["projections"] = std::to_string(projections);
      to["law"] = name_of(kLaws, law);
    }
    Goal operator()(const Esm&) const { return Goal::esm; }
    Goal operator()(const Ism&) const { return Goal::ism; }
    Goal operator()(const Dsm& dsm) const {
      to["variance"] = name_of(kVariances, dsm.variance);
      return Goal::dsm;
    }
    Goal operator()(const Ssm& ssm) const { return directions(ssm.projections, ssm.law), Goal::ssm; }
    Goal operator()(const SsmVr& ssm) const { return directions(ssm.projections, ssm.law), Goal::ssm_vr; }
  };
  struct ScheduleWriter {
    Metadata& to;
    Law operator()(const schedule::None&) const { return Law::none; }
    Law operator()(const schedule::Single& single) const {
      to["sigma"] = number_text(single.sigma);
      return Law::single;
    }
    Law operator()(const schedule::Geometric& geometric) const {
      to["sigma_min"] = number_text(geometric.sigma_min);
      to["sigma_max"] = number_text(geometric.sigma_max);
      to["levels"] = std::to_string(geometric.levels);
      return Law::geometric;
    }
    Law operator()(const schedule::LogNormal& lognormal) const {
      to["log_mean"] = number_text(lognormal.mean);
      to["log_deviation"] = number_text(lognormal.deviation);
      return Law::lognormal;
    }
  };
  metadata["objective"] = name_of(kObjectives, std::visit(ObjectiveWriter{metadata}, loss.objective));
  metadata["schedule"] = name_of(kSchedules, std::visit(ScheduleWriter{metadata}, loss.schedule));
  write_weighting(loss.weighting, metadata);
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
  if (!reader.has("dim")) reader.refuse("dim", "a number of dimensions", "nothing");
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
  if (const auto* fourier = std::get_if<conditioning::Fourier>(&net.conditioning))
    text += " fourier.frequencies=" + list_text(fourier->frequencies);
  return text;
}

Sampler read_sampler(MetadataReader& reader) {
  switch (reader.take_choice("sampler", kSamplers, "")) {
    case Method::annealed:
      return read_annealed(reader);
    case Method::langevin:
      return read_langevin(reader);
    case Method::flow:
      return read_steps(reader, ProbabilityFlow{});
    case Method::sde:
      break;
  }
  return read_steps(reader, ReverseSde{});
}

Likelihood read_likelihood(MetadataReader& reader) {
  Likelihood likelihood = read_steps(reader, Likelihood{});
  likelihood.projections = reader.take_int32("projections", likelihood.projections);
  likelihood.law = read_law(reader, likelihood.law);
  return likelihood;
}

Compute read_compute(MetadataReader& reader) {
  return {reader.take_choice("precision", kPrecisions, "fp32"), reader.take_choice("route", kRoutes, "automatic")};
}

Adam::Options read_adam_options(MetadataReader& reader) {
  Adam::Options options;
  for (const auto& [name, member] : kAdamNumbers) options.*member = reader.take_number(name, options.*member);
  return options;
}

std::string adam_options_text(const Adam::Options& options) {
  std::string text;
  for (const auto& [name, member] : kAdamNumbers)
    text += (text.empty() ? "" : " ") + std::string(name) + "=" + number_text(options.*member);
  return text;
}

}  // namespace scorematch
