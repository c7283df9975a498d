/// @file
/// What is minimized: objective x noise schedule x weighting. The three are independent of each other and of the
/// network. Formulas are for one sample; the loss is their mean over the batch. J = ds/dx at the point of evaluation.
#pragma once
#include <variant>

#include "scorematch/choices.h"

namespace scorematch {

/// Explicit: 1/2 |s - grad log p|^2; needs true_score. (Hyvarinen 2005, eq. 2)
struct Esm {};
/// Implicit, exact trace: tr J + 1/2 |s|^2; costs dim tangents. (Hyvarinen 2005, theorem 1)
struct Ism {};
/// Denoising: 1/2 |s + eps/sigma|^2; needs a schedule or sigma. (Vincent 2011, section 4)
/// Its variance grows as 1/sigma^2 for small sigma. Two variants evaluate the network twice, leave out the constant
/// |eps/sigma|^2 / 2, and have a finite variance in the limit:
/// control_variate: 1/2 |s(x_tilde)|^2 + eps/sigma (s(x_tilde) - s(x)) (Wang et al. 2020, arXiv 2002.07501);
/// antithetic: 1/4 (|s+|^2 + |s-|^2) + eps/(2 sigma) (s+ - s-) at x +- sigma eps (Pang et al. 2020, arXiv 2007.03317).
struct Dsm {
  enum class Variance { plain, control_variate, antithetic };
  Variance variance = Variance::plain;
};
/// Sliced: mean over m of v_m^T J v_m + 1/2 (v_m^T s)^2. (Song, Garg, Shi & Ermon 2019, section 3)
struct Ssm {
  int projections = 1;  ///< M, at most D for a distribution without replacement
  Projection distribution = Projection::gaussian;
};
/// Sliced, variance reduced: (mean over m of v_m^T J v_m) + 1/2 |s|^2. (Same paper, section 3)
struct SsmVr {
  int projections = 1;  ///< M
  Projection distribution = Projection::gaussian;
};

/// A new objective is a struct here and a head in each engine. A std::visit that lacks it does not compile.
using Objective = std::variant<Esm, Ism, Dsm, Ssm, SsmVr>;

/// For example Loss{Dsm{}, schedule::LogNormal{}, weighting::Edm{}}, or Loss{Ssm{4}}.
struct Loss {
  Objective objective;
  NoiseSchedule schedule{};  ///< none: evaluated at x unless the call gives sigma and eps
  Weighting weighting{};
  /// The probability with which a sample's context is dropped, as if it had none, so that the network learns both
  /// scores (Ho & Salimans 2022, algorithm 1). In [0, 1); above 0, the network's context must be optional.
  double context_dropout = 0;

  /// For MlpShape::diffusion(): DSM with EDM's distribution of sigma and weighting (Karras et al. 2022, table 1), for
  /// data of standard deviation 0.5.
  static Loss diffusion() { return {Dsm{}, schedule::LogNormal{}, weighting::Edm{}}; }
};

}  // namespace scorematch
