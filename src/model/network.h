// Properties of networks and losses that follow from their descriptions, for every engine.
#pragma once
#include <cstdint>
#include <variant>

#include "scorematch/estimate.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/view.h"

namespace scorematch {

/// The number of columns of e(sigma).
inline int feature_count(const Conditioning& conditioning) {
  switch (conditioning.kind) {
    case Conditioning::Kind::none:
      break;
    case Conditioning::Kind::log_sigma:
      return 1;
    case Conditioning::Kind::fourier:
      return 2 * static_cast<int>(conditioning.frequencies.size());
  }
  return 0;
}

/// The number of columns of the network's input that the context takes.
inline int context_count(const Context& context) { return context.columns + (context.optional ? 1 : 0); }

/// A sample's context is dropped if its word of the purpose `context` is below this. @param probability in [0, 1)
inline std::uint32_t drop_threshold(double probability) {
  return static_cast<std::uint32_t>(probability * 4294967296.0);
}

/// Whether the score of this network depends on sigma.
inline bool uses_sigma(const Parameterization& parameterization, const Conditioning& conditioning) {
  return parameterization.kind != Parameterization::Kind::plain || conditioning.kind != Conditioning::Kind::none;
}

/// Whether a != 0, so that the score needs x besides the network's output.
inline bool uses_x(const Parameterization& parameterization) {
  switch (parameterization.kind) {
    case Parameterization::Kind::plain:
    case Parameterization::Kind::ncsn:
    case Parameterization::Kind::noise_prediction:
    case Parameterization::Kind::epsilon:
      break;
    case Parameterization::Kind::edm:
    case Parameterization::Kind::v_prediction:
    case Parameterization::Kind::data_prediction:
    case Parameterization::Kind::velocity:
      return true;
  }
  return false;
}

/// Whether s + eps/sigma is formed as a x + b F + q eps, or from the exact x_tilde, as a x_tilde and eps/sigma cancel.
/// Without a, nothing cancels; edm's results are those of earlier versions.
inline bool has_closed_residual(const Parameterization& parameterization) {
  switch (parameterization.kind) {
    case Parameterization::Kind::plain:
    case Parameterization::Kind::ncsn:
    case Parameterization::Kind::noise_prediction:
    case Parameterization::Kind::edm:
    case Parameterization::Kind::epsilon:
      break;
    case Parameterization::Kind::v_prediction:
    case Parameterization::Kind::data_prediction:
    case Parameterization::Kind::velocity:
      return true;
  }
  return false;
}

/// Whether sigma is random.
inline bool is_drawn(const NoiseSchedule& schedule) {
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
    case NoiseSchedule::Kind::single:
      break;
    case NoiseSchedule::Kind::geometric:
    case NoiseSchedule::Kind::log_normal:
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow:
    case NoiseSchedule::Kind::ddpm:
      return true;
  }
  return false;
}

/// What an objective needs from the network and the noise.
struct Needs {
  bool eps = false;         ///< the denoising objective's noise
  bool true_score = false;  ///< given by the caller
  bool trace = false;       ///< the exact trace: dim tangents
  int projections = 0;      ///< M random directions
  Projection distribution = Projection::gaussian;
};

inline Needs needs_of(const Objective& objective) {
  struct Visitor {
    Needs operator()(const Esm&) const { return {false, true}; }
    Needs operator()(const Ism&) const { return {false, false, true}; }
    Needs operator()(const Dsm&) const { return {true}; }
    Needs operator()(const Ssm& ssm) const { return {false, false, false, ssm.projections, ssm.distribution}; }
    Needs operator()(const SsmVr& ssm) const { return {false, false, false, ssm.projections, ssm.distribution}; }
  };
  return std::visit(Visitor{}, objective);
}

/// Whether the objective is evaluated at x + sigma eps rather than at x. @param eps the caller's, or empty
inline bool perturbs(const Loss& loss, const ConstView& eps) {
  return needs_of(loss.objective).eps || loss.schedule.kind != NoiseSchedule::Kind::none || !eps.empty();
}

/// The factor of each sample's gradient in a call of `count` samples.
inline double grad_factor_of(const Reduction& reduction, std::int64_t count) {
  return reduction.loss_scale / static_cast<double>(reduction.normaliser == 0 ? count : reduction.normaliser);
}

}  // namespace scorematch
