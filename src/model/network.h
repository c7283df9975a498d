// What follows from a network's and a loss's description, for every engine.
#pragma once
#include <cstdint>
#include <variant>

#include "scorematch/estimate.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/view.h"

namespace scorematch {

/// Columns e(sigma) has.
inline int feature_count(const Conditioning& conditioning) {
  if (const auto* fourier = std::get_if<conditioning::Fourier>(&conditioning))
    return 2 * static_cast<int>(fourier->frequencies.size());
  return std::holds_alternative<conditioning::LogSigma>(conditioning) ? 1 : 0;
}

/// Whether the score of this network depends on sigma.
inline bool uses_sigma(const Parameterization& parameterization, const Conditioning& conditioning) {
  return !std::holds_alternative<parameterization::Plain>(parameterization) ||
         !std::holds_alternative<conditioning::None>(conditioning);
}

/// What an objective asks of the network and of the noise.
struct Needs {
  bool eps = false;         ///< the denoising objective's noise
  bool true_score = false;  ///< given by the caller
  bool trace = false;       ///< the exact trace: dim tangents
  int projections = 0;      ///< M random directions
  Projection law = Projection::gaussian;
};

inline Needs needs_of(const Objective& objective) {
  struct Visitor {
    Needs operator()(const Esm&) const { return {false, true}; }
    Needs operator()(const Ism&) const { return {false, false, true}; }
    Needs operator()(const Dsm&) const { return {true}; }
    Needs operator()(const Ssm& ssm) const { return {false, false, false, ssm.projections, ssm.law}; }
    Needs operator()(const SsmVr& ssm) const { return {false, false, false, ssm.projections, ssm.law}; }
  };
  return std::visit(Visitor{}, objective);
}

/// Whether the objective is evaluated at x + sigma eps rather than at x. @param eps the caller's, or empty
inline bool perturbs(const Loss& loss, const ConstView& eps) {
  return needs_of(loss.objective).eps || !std::holds_alternative<schedule::None>(loss.schedule) || !eps.empty();
}

/// What the gradient of each of `count` samples is multiplied by.
inline double grad_factor_of(const Reduction& reduction, std::int64_t count) {
  return reduction.loss_scale / static_cast<double>(reduction.normaliser == 0 ? count : reduction.normaliser);
}

}  // namespace scorematch
