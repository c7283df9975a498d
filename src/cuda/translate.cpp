#include "cuda/translate.h"

#include <string>

#include "checks/argument.h"
#include "scorematch/philox.h"

namespace scorematch::cuda {

kernels::Activation translated(Activation activation) {
  switch (activation) {
    case Activation::silu:
      return kernels::Activation::silu;
    case Activation::softplus:
      return kernels::Activation::softplus;
    case Activation::tanh:
      return kernels::Activation::tanh;
    case Activation::gelu:
      break;
  }
  return kernels::Activation::gelu;
}

kernels::Parameterization translated(const Parameterization& parameterization) {
  using Kind = kernels::Parameterization::Kind;
  struct Visitor {
    kernels::Parameterization operator()(const parameterization::Plain&) const { return {Kind::plain, 1}; }
    kernels::Parameterization operator()(const parameterization::Ncsn&) const { return {Kind::ncsn, 1}; }
    kernels::Parameterization operator()(const parameterization::NoisePrediction&) const {
      return {Kind::noise_prediction, 1};
    }
    kernels::Parameterization operator()(const parameterization::Edm& edm) const { return {Kind::edm, edm.sigma_data}; }
  };
  return std::visit(Visitor{}, parameterization);
}

kernels::Weighting translated(const Weighting& weighting) {
  using Kind = kernels::Weighting::Kind;
  struct Visitor {
    kernels::Weighting operator()(const weighting::None&) const { return {Kind::none, 1}; }
    kernels::Weighting operator()(const weighting::Sigma2&) const { return {Kind::sigma2, 1}; }
    kernels::Weighting operator()(const weighting::Edm& edm) const { return {Kind::edm, edm.sigma_data}; }
  };
  return std::visit(Visitor{}, weighting);
}

kernels::SigmaLaw translated(const NoiseSchedule& schedule) {
  using Kind = kernels::SigmaLaw::Kind;
  struct Visitor {
    kernels::SigmaLaw operator()(const schedule::None&) const { return {Kind::one, 1, 1, 0}; }
    kernels::SigmaLaw operator()(const schedule::Single& s) const { return {Kind::single, s.sigma, s.sigma, 0}; }
    kernels::SigmaLaw operator()(const schedule::Geometric& s) const {
      return {s.levels == 0 ? Kind::log_uniform : Kind::geometric, s.sigma_min, s.sigma_max, s.levels,
              std::log(s.sigma_min / s.sigma_max)};
    }
    kernels::SigmaLaw operator()(const schedule::LogNormal& s) const {
      return {Kind::log_normal, s.mean, s.deviation, 0};
    }
  };
  return std::visit(Visitor{}, schedule);
}

kernels::DirectionSource::Law translated(Projection law) {
  switch (law) {
    case Projection::gaussian:
      return kernels::DirectionSource::Law::gaussian;
    case Projection::rademacher:
      return kernels::DirectionSource::Law::rademacher;
    case Projection::sphere:
      break;
  }
  return kernels::DirectionSource::Law::sphere;
}

kernels::Objective translated(const Objective& objective) {
  struct Visitor {
    kernels::Objective operator()(const Esm&) const { return kernels::Objective::esm; }
    kernels::Objective operator()(const Ism&) const { return kernels::Objective::ism; }
    kernels::Objective operator()(const Dsm&) const { return kernels::Objective::dsm; }
    kernels::Objective operator()(const Ssm&) const { return kernels::Objective::ssm; }
    kernels::Objective operator()(const SsmVr&) const { return kernels::Objective::ssm_vr; }
  };
  return std::visit(Visitor{}, objective);
}

Features::Features(const Conditioning& conditioning, Engine::Impl& engine) {
  features_.count = feature_count(conditioning);
  if (std::holds_alternative<conditioning::LogSigma>(conditioning)) features_.kind = kernels::Features::Kind::log_sigma;
  const auto* fourier = std::get_if<conditioning::Fourier>(&conditioning);
  if (fourier == nullptr) return;
  features_.kind = kernels::Features::Kind::fourier;
  const std::vector<double>& frequencies = fourier->frequencies;
  frequencies_ = upload(engine, frequencies.data(), frequencies.size() * sizeof(double));
  features_.frequencies = static_cast<const double*>(frequencies_.get());
}

void check_noise_offset(const NoiseRef& noise, std::int64_t batch) {
  if (noise.state != nullptr && noise.sample_offset > philox::kMaxSamples - batch)
    throw_invalid("noise.sample_offset", "samples below 2^48",
                  std::to_string(noise.sample_offset) + " past the state's first");
}

}  // namespace scorematch::cuda
