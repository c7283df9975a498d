/// @file
/// LikelihoodPlan: the log-likelihood of data under a score model, by the probability-flow equation.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

#include "scorematch/batch.h"
#include "scorematch/engine.h"
#include "scorematch/estimate.h"
#include "scorematch/handle.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/own_network.h"

namespace scorematch {

/// Along dx/dsigma = -sigma s(x, sigma), which carries the data to the latent x_T at sigma_max,
///   ln p(x) = ln N(x_T; 0, (sigma_max^2 + prior_deviation^2) I) - integral of sigma div s over sigma
/// (Song et al. 2021, section 4.3; Chen et al. 2018), by the classical Runge-Kutta method on the levels of Karras et
/// al. 2022, eq. 5. p is the density at sigma_min: of the data with that much noise.
struct Likelihood {
  double sigma_min = 0.002, sigma_max = 80.0;
  int steps = 40;  ///< each evaluates the score and its divergence four times
  double rho = 7.0;
  int projections = 0;  ///< M directions of Hutchinson's estimate (Grathwohl et al. 2019); 0: the exact divergence
  Projection distribution = Projection::rademacher;
  double prior_deviation = 0.0;  ///< of the data; its square adds to sigma_max^2 in the latent's variance
  TraceEstimator trace_estimator = TraceEstimator::hutchinson;  ///< of the divergence; hutch_plus_plus: host engines
};

class SCOREMATCH_API LikelihoodPlan {
 public:
  struct In {
    ConstView params;  ///< [P]; empty with an OwnNetwork or a ScoreFunction
    Batch batch{};     ///< x, the noise for the directions (a sample has the same ones at every level), the context
  };
  /// Only given outputs are written. Log-likelihoods are in nats, of a density in the units of x.
  struct Out {
    View log_likelihood{};  ///< [N]
    View latent{};          ///< [N, d], x_T
    EstimateRef mean{};     ///< of log_likelihood over the batch; m2 includes the spread of the directions
  };

  /// A score that the caller computes: enqueues score [N, d] and its divergence [N], or an unbiased estimate of
  /// it, at x [N, d] and sigma [1]; float64 on the reference engine. `queue` is that of OwnNetwork::Function.
  using ScoreFunction = std::function<void(Queue& queue, ConstView x, ConstView sigma, View score, View divergence)>;

  /// @throws Error invalid_argument naming the option at fault, or for a network that ignores sigma
  LikelihoodPlan(const Engine& engine, const MlpShape& net, const Likelihood& likelihood, std::int64_t max_batch,
                 Compute compute = {});
  /// With the caller's own network, which is assumed to use sigma. Its function is called with likelihood.projections
  /// directions, up to 8 at a time, or with all unit vectors for the exact divergence. @throws Error as above
  LikelihoodPlan(const Engine& engine, const OwnNetwork& net, const Likelihood& likelihood, std::int64_t max_batch);
  /// @throws Error as above, and unless likelihood.projections is 0, as the function computes the divergence.
  LikelihoodPlan(const Engine& engine, int dim, ScoreFunction score, const Likelihood& likelihood,
                 std::int64_t max_batch);

  /// Enqueues the whole run.
  void run(Queue& queue, const In& in, const Out& out) const;
  std::size_t workspace_bytes() const;

 private:
  struct Impl;
  Handle<const Impl> impl_;
};

}  // namespace scorematch
