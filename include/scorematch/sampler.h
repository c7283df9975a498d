/// @file
/// Samplers: from noise to samples. Adding one adds a struct and a file; no signature changes.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <variant>

#include "scorematch/mlp.h"
#include "scorematch/noise.h"

namespace scorematch {

/// Annealed Langevin, geometric levels, a final denoising step. (Song & Ermon 2019, algorithm 1)
struct AnnealedLangevin {
  double sigma_min = 0.01, sigma_max = 50.0;
  int levels = 100;
  int steps_per_level = 5;
  double step_size = 1e-5;  ///< at sigma_min; grows as sigma^2
};
/// Heun's method on the probability-flow equation. (Karras et al. 2022, algorithm 1, eq. 5)
struct ProbabilityFlow {
  double sigma_min = 0.002, sigma_max = 80.0;
  int steps = 18;
  double rho = 7.0;
};
/// Euler-Maruyama on the reverse-time equation of the noise process, on ProbabilityFlow's steps, the last without
/// noise. (Song et al. 2021, eq. 6 with their variance-exploding process)
struct ReverseSde {
  double sigma_min = 0.002, sigma_max = 80.0;
  int steps = 500;
  double rho = 7.0;
};
using Sampler = std::variant<AnnealedLangevin, ProbabilityFlow, ReverseSde>;

class SCOREMATCH_API SamplerPlan {
 public:
  /// A network of the caller's: enqueues score [N, d] at x [N, d] and sigma [1]; float64 on the reference engine.
  /// `queue` is run()'s stream with the scratch that the sampler leaves over, so a plan may be run on it: give the
  /// outer queue the sum of both workspace_bytes().
  using ScoreFunction = std::function<void(Queue& queue, ConstView x, ConstView sigma, View score)>;

  SamplerPlan(const Engine& engine, const MlpShape& net, const Sampler& sampler, std::int64_t max_batch);
  SamplerPlan(const Engine& engine, int dim, ScoreFunction score, const Sampler& sampler, std::int64_t max_batch);

  /// Enqueues the whole run. Row i is sample i of `noise`, whatever the batch it is drawn in; no number is shared with
  /// training, but the same noise gives the same samples again.
  /// @param params [P]; empty with a ScoreFunction @param x [N, d]; written
  void run(Queue& queue, ConstView params, NoiseRef noise, View x) const;
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace scorematch
