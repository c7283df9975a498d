/// @file
/// Samplers: from noise to samples. A new sampler is a struct and a file; no signature changes.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <variant>

#include "scorematch/estimate.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/own_network.h"

namespace scorematch {

// AnnealedLangevin, ProbabilityFlow and ReverseSde go from sigma_max to sigma_min. They need sigma_max >= 2 sigma_min
// and a network that uses sigma. They start from N(0, (sigma_max^2 + prior_deviation^2) I), which approximates the data
// with noise sigma_max: set prior_deviation to the standard deviation of the data, in the model's units. docs/math.md
// says how large sigma_max must be for this approximation.

/// Annealed Langevin dynamics on geometric levels, with a final denoising step. (Song & Ermon 2019, algorithm 1)
/// With the defaults, samples of a Gaussian are 1.7 percent too wide (docs/math.md).
struct AnnealedLangevin {
  double sigma_min = 0.01, sigma_max = 50.0;
  int levels = 0;  ///< 0: as many as step_size and steps_per_level need for this accuracy
  int steps_per_level = 5;
  double step_size = 0;        ///< at sigma_min; it grows as sigma^2; 0: sigma_min^2 / 2
  double prior_deviation = 0;  ///< of the data
};
/// Heun's method on the probability-flow equation. (Karras et al. 2022, algorithm 1, eq. 5)
struct ProbabilityFlow {
  double sigma_min = 0.002, sigma_max = 80.0;
  int steps = 18;
  double rho = 7.0;
  double prior_deviation = 0;  ///< of the data
};
/// Euler-Maruyama on the reverse-time SDE of the noise process, on ProbabilityFlow's steps, without noise in the last
/// one. (Song et al. 2021, eq. 6 with their variance-exploding process)
struct ReverseSde {
  double sigma_min = 0.002, sigma_max = 80.0;
  int steps = 500;
  double rho = 7.0;
  double prior_deviation = 0;  ///< of the data
};
/// Langevin dynamics at one noise level, x <- x + h/2 s(x) + sqrt(h) z. Unadjusted, it has a bias of order h. With the
/// Metropolis correction, its stationary distribution is the network's density itself (Roberts & Tweedie 1996; Besag
/// 1994); a proposal that is not finite, or has no finite log-density, is rejected. Samples include the noise of the
/// level.
struct Langevin {
  double sigma = 0;          ///< the level; 0 for a network that ignores sigma
  double step_size = 0;      ///< h; 0: sigma^2 / 5, with a bias of at most 2.6 percent of a standard deviation
  int steps = 0;             ///< 0: four relaxation times of a Gaussian as wide as the start
  double sigma_start = 1.0;  ///< starts from N(0, sigma_start^2 I); 0: from the x that run() is given
  bool metropolis = false;   ///< energy nets only: a score net has no density
};
using Sampler = std::variant<AnnealedLangevin, ProbabilityFlow, ReverseSde, Langevin>;

class SCOREMATCH_API SamplerPlan {
 public:
  /// A score that the caller computes: enqueues score [N, d] at x [N, d] and sigma [1] (empty if the sampler has
  /// no level); float64 on the reference engine. `queue` is that of OwnNetwork::Function.
  using ScoreFunction = std::function<void(Queue& queue, ConstView x, ConstView sigma, View score)>;

  /// @param guidance w of s = s(without context) + w (s(context) - s(without context)) (Ho & Salimans 2022, eq. 6;
  /// theirs is w - 1). 1 is the conditional score, 0 that without a context. Any other value evaluates both in one
  /// batch of 2N samples. An optional context is required unless w = 1.
  SamplerPlan(const Engine& engine, const MlpShape& net, const Sampler& sampler, std::int64_t max_batch,
              double guidance = 1);
  /// With the caller's own network, which samplers of several levels assume to use sigma.
  /// @throws Error naming sampler.metropolis, as such a network has no density, or what is wrong with `net`
  SamplerPlan(const Engine& engine, const OwnNetwork& net, const Sampler& sampler, std::int64_t max_batch,
              double guidance = 1);
  SamplerPlan(const Engine& engine, int dim, ScoreFunction score, const Sampler& sampler, std::int64_t max_batch);

  struct In {
    ConstView params;     ///< [P]; empty with an OwnNetwork or a ScoreFunction
    NoiseRef noise{};     ///< row i of x is its sample i
    ConstView context{};  ///< [N, c] or [1, c] if the network has one; not used if guidance is 0
    ConstView labels{};   ///< [N] or [1] int64, classes in [0, c) in place of `context`
  };
  struct Out {
    View x;                        ///< [N, d]; read first if a Langevin chain starts from it
    EstimateRef acceptance{};      ///< mean of acceptance_per_sample over the chains; with metropolis only
    View acceptance_per_sample{};  ///< [N], fraction of a chain's proposals that were accepted; with metropolis only
  };

  /// Enqueues the whole run. Row i is sample i of `noise`, whatever the batch size. Training shares none of these
  /// numbers. The same noise gives the same samples again, so advance it before you continue a chain.
  /// @param params [P]; empty with an OwnNetwork or a ScoreFunction @param x [N, d]; written
  template <class X, class = std::enable_if_t<std::is_convertible_v<X&, View>>>
  void run(Queue& queue, ConstView params, NoiseRef noise, X&& x) const {
    run(queue, params, noise, Out{x});
  }
  void run(Queue& queue, ConstView params, NoiseRef noise, const Out& out) const { run(queue, In{params, noise}, out); }
  void run(Queue& queue, const In& in, const Out& out) const;
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
