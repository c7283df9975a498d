/// @file
/// The C interface: samplers and likelihoods (sampler.h, likelihood.h). Part of scorematch_c.h.
#pragma once
#include "scorematch/scorematch_c_base.h"
#include "scorematch/scorematch_c_plans.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- your own network (own_network.h) */

/// One evaluation of F at z = (c x, e(sigma)). Dense engine memory, all of one element type. The arrays belong to the
/// function until the work is done that it enqueues.
typedef struct scorematch_network_call {
  size_t struct_size;
  scorematch_view net_input;  /**< [N, d + features + context]; what a perturb plan writes in training */
  scorematch_view sigma;      /**< [N], all equal; 1 if the sampler has no level */
  scorematch_view directions; /**< [M, N, d], v, 1 <= M <= 8; null data if no products are wanted */
  scorematch_view output;     /**< [N, d], F; to be written */
  scorematch_view jvp;        /**< [M, N, d], (dF/dz) v along the first d columns of z; to be written if it has data */
} scorematch_network_call;

/// Enqueues the outputs of `call`. `queue` and `call` are valid until it returns; a plan may run on `queue`.
/// @return 0, or any other number, a status of the library for example, to end the run with SCOREMATCH_CALLBACK_FAILED
typedef int32_t (*scorematch_network_function)(void* user, scorematch_queue* queue,
                                               const scorematch_network_call* call);

/// The description under which F was trained, and F. Zeros with a dim and a function are valid.
typedef struct scorematch_own_network {
  size_t struct_size;
  int32_t dim;                          /**< d */
  int32_t dtype;                        /**< of the arrays of a call: SCOREMATCH_F32 on every engine, or
                                             SCOREMATCH_F64 on the reference engine */
  const char* text;                     /**< "parameterization=edm sigma_data=0.5 conditioning=log_sigma", for example;
                                             the keys of a perturb plan without the schedule; NULL: plain */
  scorematch_network_function evaluate; /**< required */
  void* user;                           /**< passed to the function; it must live as long as the plan */
} scorematch_own_network;

/* ---- samplers */

typedef struct scorematch_sampler_plan scorematch_sampler_plan;

typedef struct scorematch_sampler_in {
  size_t struct_size;
  scorematch_view params;     /**< [P]; empty with the caller's function */
  scorematch_noise_ref noise; /**< required */
  scorematch_view context;    /**< [N, c] or [1, c], for a net with a context */
  scorematch_view labels;     /**< [N] or [1] I64, classes in [0, c) in place of context */
} scorematch_sampler_in;

typedef struct scorematch_sampler_out {
  size_t struct_size;
  scorematch_view x;                     /**< [N, d]; required; read first if a Langevin chain starts from it */
  scorematch_estimate* acceptance;       /**< engine memory, or NULL; only with metropolis=true */
  scorematch_view acceptance_per_sample; /**< [N], fraction of a chain's proposals accepted; with metropolis=true */
} scorematch_sampler_out;

/// A score that the caller computes: enqueues the score at x [N, d] and sigma [1] (null data if the sampler has no
/// level) into `score` [N, d], all of them engine memory; F64 on the reference engine. `queue` and the views are valid
/// until it returns; a plan may run on `queue`.
/// @return 0, or any other number, a status of the library for example, to end the run with SCOREMATCH_CALLBACK_FAILED
typedef int32_t (*scorematch_score_function)(void* user, scorematch_queue* queue, const scorematch_view* x,
                                             const scorematch_view* sigma, const scorematch_view* score);

/// @param sampler "sampler=flow sigma_min=0.002 sigma_max=80 steps=18", for example. Keys: sampler (required), which is
/// flow or sde (sigma_min, sigma_max, steps, rho, prior_deviation), annealed (sigma_min, sigma_max, levels,
/// steps_per_level, step_size, prior_deviation) or langevin (sigma, step_size, steps, sigma_start, metropolis);
/// guidance, 1 by default, for a net with context_optional=true.
SCOREMATCH_API scorematch_status scorematch_sampler_plan_create(const scorematch_engine* engine,
                                                                const scorematch_net* net, const char* sampler,
                                                                int64_t max_batch, scorematch_sampler_plan** plan);
/// @param user passed to the function; it must live as long as the plan
SCOREMATCH_API scorematch_status scorematch_sampler_plan_create_with(const scorematch_engine* engine, int32_t dim,
                                                                     scorematch_score_function score, void* user,
                                                                     const char* sampler, int64_t max_batch,
                                                                     scorematch_sampler_plan** plan);
SCOREMATCH_API scorematch_status scorematch_sampler_plan_create_with_network(const scorematch_engine* engine,
                                                                             const scorematch_own_network* network,
                                                                             const char* sampler, int64_t max_batch,
                                                                             scorematch_sampler_plan** plan);
SCOREMATCH_API void scorematch_sampler_plan_destroy(scorematch_sampler_plan* plan);
/// @param params [P]; NULL with the caller's function
SCOREMATCH_API scorematch_status scorematch_sampler_plan_run(const scorematch_sampler_plan* plan,
                                                             scorematch_queue* queue, const scorematch_view* params,
                                                             scorematch_noise_ref noise,
                                                             const scorematch_sampler_out* out);
/// The same, with a context.
SCOREMATCH_API scorematch_status scorematch_sampler_plan_run_with(const scorematch_sampler_plan* plan,
                                                                  scorematch_queue* queue,
                                                                  const scorematch_sampler_in* in,
                                                                  const scorematch_sampler_out* out);
SCOREMATCH_API scorematch_status scorematch_sampler_plan_workspace_bytes(const scorematch_sampler_plan* plan,
                                                                         size_t* bytes);

/* ---- likelihoods */

typedef struct scorematch_likelihood_plan scorematch_likelihood_plan;

typedef struct scorematch_likelihood_in {
  size_t struct_size;
  scorematch_view params; /**< [P]; empty with the caller's function */
  scorematch_batch batch; /**< x, and noise for the directions; a sample has the same ones at every level */
} scorematch_likelihood_in;

typedef struct scorematch_likelihood_out {
  size_t struct_size;
  scorematch_view log_likelihood; /**< [N], nats */
  scorematch_view latent;         /**< [N, d], x at sigma_max */
  scorematch_estimate* mean;      /**< of log_likelihood; engine memory, or NULL */
} scorematch_likelihood_out;

/// As scorematch_score_function, and also writes the divergence of the score [N], or an unbiased estimate of it.
typedef int32_t (*scorematch_score_divergence_function)(void* user, scorematch_queue* queue, const scorematch_view* x,
                                                        const scorematch_view* sigma, const scorematch_view* score,
                                                        const scorematch_view* divergence);

/// @param likelihood or NULL. "sigma_min=0.01 sigma_max=20 prior_deviation=1", for example. Keys: sigma_min, sigma_max,
/// steps, rho, projections (0: the exact divergence), distribution, trace_estimator (hutchinson,
/// hutch_plus_plus), prior_deviation. @param compute as for a loss
SCOREMATCH_API scorematch_status scorematch_likelihood_plan_create(const scorematch_engine* engine,
                                                                   const scorematch_net* net, const char* likelihood,
                                                                   int64_t max_batch, const char* compute,
                                                                   scorematch_likelihood_plan** plan);
/// @param user passed to the function; it must live as long as the plan
SCOREMATCH_API scorematch_status scorematch_likelihood_plan_create_with(const scorematch_engine* engine, int32_t dim,
                                                                        scorematch_score_divergence_function score,
                                                                        void* user, const char* likelihood,
                                                                        int64_t max_batch,
                                                                        scorematch_likelihood_plan** plan);
SCOREMATCH_API scorematch_status scorematch_likelihood_plan_create_with_network(const scorematch_engine* engine,
                                                                                const scorematch_own_network* network,
                                                                                const char* likelihood,
                                                                                int64_t max_batch,
                                                                                scorematch_likelihood_plan** plan);
SCOREMATCH_API void scorematch_likelihood_plan_destroy(scorematch_likelihood_plan* plan);
SCOREMATCH_API scorematch_status scorematch_likelihood_plan_run(const scorematch_likelihood_plan* plan,
                                                                scorematch_queue* queue,
                                                                const scorematch_likelihood_in* in,
                                                                const scorematch_likelihood_out* out);
SCOREMATCH_API scorematch_status scorematch_likelihood_plan_workspace_bytes(const scorematch_likelihood_plan* plan,
                                                                            size_t* bytes);

#ifdef __cplusplus
}
#endif
