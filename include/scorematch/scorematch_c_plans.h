/// @file
/// The C interface: plans (loss.h, head.h, perturbation.h, score.h). Part of scorematch_c.h.
#pragma once
#include "scorematch/scorematch_c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- structs that plans share */

/// The samples of one call, and values that are given for them instead of drawn (batch.h). It is the last field of
/// every plan's inputs and has no size of its own: new fields are appended to it, and thus to the inputs, whose
/// struct_size covers it.
typedef struct scorematch_batch {
  scorematch_view x;          /**< [N, d] */
  scorematch_noise_ref noise; /**< draws what is needed but not given */
  scorematch_view sigma;      /**< [N] or [1] */
  scorematch_view eps;        /**< [N, d] */
  scorematch_view directions; /**< [M, N, d] */
  scorematch_view true_score; /**< [N, d]; for esm */
  scorematch_view rows;       /**< [N] I64, each a row of x [R, d] */
  int64_t draw_rows;          /**< or N rows, drawn from noise; 0: x is the batch */
  scorematch_view weight;     /**< [N], multiplies the loss of each sample; for losses */
  scorematch_view context;    /**< [N, c] or [1, c], for a net with a context; [R, c] with rows or draw_rows */
  scorematch_view present;    /**< [N], 0 for samples without a context, for a net with context_optional=true */
  scorematch_view labels;     /**< [N] or [1] I64, classes in [0, c) in place of context */
} scorematch_batch;

/// How a call's batch is part of a larger one (estimate.h). NULL instead: it is the whole batch.
typedef struct scorematch_reduction {
  size_t struct_size;
  int64_t normaliser; /**< the sample count of the whole batch; 0: this call's own */
  int32_t accumulate; /**< not 0: add to `grad` and merge into `loss` */
  double loss_scale;  /**< 0: 1 */
} scorematch_reduction;

enum {
  SCOREMATCH_ROUTE_AUTOMATIC = 0,
  SCOREMATCH_ROUTE_FUSED = 1,
  SCOREMATCH_ROUTE_LAYERED = 2,
  SCOREMATCH_ROUTE_NARROW = 3
};

/// How a plan computes (engine.h).
typedef struct scorematch_plan_report {
  size_t struct_size;
  int32_t route;
  int32_t launches;
  char text[256]; /**< one line for people */
} scorematch_plan_report;

/* ---- losses with their gradients */

typedef struct scorematch_loss_plan scorematch_loss_plan;

typedef struct scorematch_loss_in {
  size_t struct_size;
  scorematch_view params; /**< [P]; required */
  scorematch_batch batch; /**< x is required */
} scorematch_loss_in;

typedef struct scorematch_loss_out {
  size_t struct_size;
  scorematch_estimate* loss;       /**< engine memory, or NULL */
  scorematch_view grad;            /**< [P] */
  scorematch_view grad_x;          /**< [N, d] */
  scorematch_view loss_per_sample; /**< [N] */
  scorematch_view rows;            /**< [N] I64, which row of x each sample is, for draw_rows */
  /** [M, N], the loss with each direction alone; for ssm and ssm_vr. Its mean over M is loss_per_sample. */
  scorematch_view loss_per_direction;
  scorematch_view grad_context; /**< [N, c] */
} scorematch_loss_out;

/// @param loss "objective=dsm schedule=log_normal weighting=edm", for example. Keys: objective (esm, ism, dsm, ssm,
/// ssm_vr; required); variance (plain, control_variate, antithetic) of dsm; projections, distribution (gaussian,
/// rademacher, sphere; without replacement: hadamard, coordinates, orthogonal) of ssm and ssm_vr; schedule (none,
/// single, geometric, log_normal) with sigma, or sigma_min, sigma_max, levels, or log_mean, log_deviation, or (vp,
/// sub_vp, cosine, rectified_flow, ddpm) with beta_min, beta_max, t_min, t_max, levels, as far as the process has them;
/// weighting (none, sigma2, edm, v_prediction, data_prediction, velocity, min_snr, truncated_snr), sigma_data, gamma of
/// min_snr; context_dropout.
/// @param compute or NULL. "precision=bf16 route=fused", for example. Keys: precision (fp32, tf32, bf16), route
/// (automatic, fused, layered, narrow).
SCOREMATCH_API scorematch_status scorematch_loss_plan_create(const scorematch_engine* engine, const scorematch_net* net,
                                                             const char* loss, int64_t max_batch, const char* compute,
                                                             scorematch_loss_plan** plan);
SCOREMATCH_API void scorematch_loss_plan_destroy(scorematch_loss_plan* plan);
SCOREMATCH_API scorematch_status scorematch_loss_plan_run(const scorematch_loss_plan* plan, scorematch_queue* queue,
                                                          const scorematch_loss_in* in, const scorematch_loss_out* out,
                                                          const scorematch_reduction* reduction);
SCOREMATCH_API scorematch_status scorematch_loss_plan_workspace_bytes(const scorematch_loss_plan* plan, size_t* bytes);
SCOREMATCH_API scorematch_status scorematch_loss_plan_report(const scorematch_loss_plan* plan, int64_t batch,
                                                             scorematch_plan_report* report);

/* ---- the head: from the outputs of the caller's own network to a loss and gradients */

typedef struct scorematch_head_plan scorematch_head_plan;

typedef struct scorematch_head_in {
  size_t struct_size;
  scorematch_view output; /**< [N, d], F; required */
  scorematch_view jvp;    /**< [M, N, d], (dF/dz) v; for ssm and ssm_vr */
  scorematch_view trace;  /**< [N], tr dF/dz; for ism */
  scorematch_batch batch; /**< as given to the perturb plan; without x if a = 0 */
} scorematch_head_in;

typedef struct scorematch_head_out {
  size_t struct_size;
  scorematch_estimate* loss;          /**< engine memory, or NULL */
  scorematch_view grad_output;        /**< [N, d] */
  scorematch_view grad_jvp;           /**< [M, N, d] */
  scorematch_view grad_trace;         /**< [N] */
  scorematch_view loss_per_sample;    /**< [N] */
  scorematch_view loss_per_direction; /**< [M, N], as that of the loss */
} scorematch_head_out;

/// @param head the keys of a loss, and parameterization
SCOREMATCH_API scorematch_status scorematch_head_plan_create(const scorematch_engine* engine, int32_t dim,
                                                             const char* head, int64_t max_batch,
                                                             scorematch_head_plan** plan);
SCOREMATCH_API void scorematch_head_plan_destroy(scorematch_head_plan* plan);
SCOREMATCH_API scorematch_status scorematch_head_plan_run(const scorematch_head_plan* plan, scorematch_queue* queue,
                                                          const scorematch_head_in* in, const scorematch_head_out* out,
                                                          const scorematch_reduction* reduction);
SCOREMATCH_API scorematch_status scorematch_head_plan_workspace_bytes(const scorematch_head_plan* plan, size_t* bytes);

/* ---- the perturbation: perturbed samples, directions; no workspace */

typedef struct scorematch_perturb_plan scorematch_perturb_plan;
typedef struct scorematch_direction_plan scorematch_direction_plan;

typedef struct scorematch_perturb_in {
  size_t struct_size;
  scorematch_batch batch; /**< x is required; no directions, no true_score */
} scorematch_perturb_in;

typedef struct scorematch_perturb_out {
  size_t struct_size;
  scorematch_view net_input; /**< [N, d + features + context] */
  scorematch_view sigma;     /**< [N] */
  scorematch_view x_tilde;   /**< [N, d] */
  scorematch_view eps;       /**< [N, d] */
  scorematch_view rows;      /**< [N] I64, which row of x each sample is, for draw_rows */
} scorematch_perturb_out;

/// @param perturb or NULL. Keys: schedule and its numbers; parameterization, sigma_data, conditioning, context and
/// context_optional as for a net; context_dropout as for a loss.
SCOREMATCH_API scorematch_status scorematch_perturb_plan_create(const scorematch_engine* engine, int32_t dim,
                                                                const char* perturb, int64_t max_batch,
                                                                scorematch_perturb_plan** plan);
SCOREMATCH_API void scorematch_perturb_plan_destroy(scorematch_perturb_plan* plan);
SCOREMATCH_API scorematch_status scorematch_perturb_plan_run(const scorematch_perturb_plan* plan,
                                                             scorematch_queue* queue, const scorematch_perturb_in* in,
                                                             const scorematch_perturb_out* out);

/// @param directions "projections=4 distribution=rademacher", for example; by default 1 and gaussian
SCOREMATCH_API scorematch_status scorematch_direction_plan_create(const scorematch_engine* engine, int32_t dim,
                                                                  const char* directions, int64_t max_batch,
                                                                  scorematch_direction_plan** plan);
SCOREMATCH_API void scorematch_direction_plan_destroy(scorematch_direction_plan* plan);
/// @param directions [M, N, d]; written
SCOREMATCH_API scorematch_status scorematch_direction_plan_run(const scorematch_direction_plan* plan,
                                                               scorematch_queue* queue, scorematch_noise_ref noise,
                                                               const scorematch_view* directions);

/* ---- scores */

typedef struct scorematch_score_plan scorematch_score_plan;

typedef struct scorematch_score_in {
  size_t struct_size;
  scorematch_view params; /**< [P]; required */
  scorematch_batch batch; /**< x is required, and sigma unless the net ignores it; directions, or noise to draw them */
} scorematch_score_in;

typedef struct scorematch_score_out {
  size_t struct_size;
  scorematch_view score;               /**< [N, d] */
  scorematch_view jvp;                 /**< [M, N, d], (ds/dx) v */
  scorematch_view divergence;          /**< [N], exact */
  scorematch_view divergence_estimate; /**< [N], from the directions */
  scorematch_view log_density;         /**< [N], up to a constant; energy nets */
} scorematch_score_out;

/// @param directions "projections=4 distribution=gaussian", for example, or NULL: none; by default 0 and rademacher
/// @param compute as for a loss
SCOREMATCH_API scorematch_status scorematch_score_plan_create(const scorematch_engine* engine,
                                                              const scorematch_net* net, int64_t max_batch,
                                                              const char* directions, const char* compute,
                                                              scorematch_score_plan** plan);
SCOREMATCH_API void scorematch_score_plan_destroy(scorematch_score_plan* plan);
SCOREMATCH_API scorematch_status scorematch_score_plan_run(const scorematch_score_plan* plan, scorematch_queue* queue,
                                                           const scorematch_score_in* in,
                                                           const scorematch_score_out* out);
SCOREMATCH_API scorematch_status scorematch_score_plan_workspace_bytes(const scorematch_score_plan* plan,
                                                                       size_t* bytes);
SCOREMATCH_API scorematch_status scorematch_score_plan_report(const scorematch_score_plan* plan, int64_t batch,
                                                              scorematch_plan_report* report);

/* ---- how noisy a gradient is (gradient_variance.h) */

typedef struct scorematch_gradient_variance scorematch_gradient_variance;

/// An unbiased estimate and its standard error.
typedef struct scorematch_measured {
  double value;
  double standard_error;
} scorematch_measured;

/// Of the gradient of one sample's loss; trace = data + noise + directions.
typedef struct scorematch_gradient_moments {
  size_t struct_size;
  scorematch_measured trace;           /**< tr Cov g; that of a batch of n samples is trace / n */
  scorematch_measured data;            /**< the part of the rows */
  scorematch_measured noise;           /**< the part of sigma, eps and dropped contexts */
  scorematch_measured directions;      /**< the part of the directions */
  scorematch_measured squared_mean;    /**< |E g|^2 */
  scorematch_measured signal_to_noise; /**< squared_mean / trace */
} scorematch_gradient_moments;

typedef struct scorematch_gradient_variance_in {
  size_t struct_size;
  scorematch_view params;  /**< [P]; required */
  scorematch_view x;       /**< [R, d], from which rows are drawn with replacement; required */
  uint64_t seed;           /**< of rows, noise and directions */
  scorematch_view context; /**< [R, c] or [1, c], for a net with a context */
  scorematch_view present; /**< [R] */
  scorematch_view labels;  /**< [R] or [1] I64, in place of context */
} scorematch_gradient_variance_in;

/// @param loss, compute as of a loss plan; esm is refused
/// @param batch samples per probe
/// @param probes at least 3; standard errors fall as 1/sqrt(probes)
SCOREMATCH_API scorematch_status scorematch_gradient_variance_create(const scorematch_engine* engine,
                                                                     const scorematch_net* net, const char* loss,
                                                                     int64_t batch, int32_t probes, const char* compute,
                                                                     scorematch_gradient_variance** variance);
SCOREMATCH_API void scorematch_gradient_variance_destroy(scorematch_gradient_variance* variance);
/// Waits for the queue.
SCOREMATCH_API scorematch_status scorematch_gradient_variance_measure(const scorematch_gradient_variance* variance,
                                                                      scorematch_queue* queue,
                                                                      const scorematch_gradient_variance_in* in,
                                                                      scorematch_gradient_moments* moments);
SCOREMATCH_API scorematch_status
scorematch_gradient_variance_workspace_bytes(const scorematch_gradient_variance* variance, size_t* bytes);

#ifdef __cplusplus
}
#endif
