/// @file
/// The C interface: Adam and checkpoints (adam.h, checkpoint.h). Part of scorematch_c.h.
#pragma once
#include "scorematch/scorematch_c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Adam */

typedef struct scorematch_adam scorematch_adam;
/// All of an Adam, on the host.
typedef struct scorematch_adam_snapshot scorematch_adam_snapshot;

/// @param options or NULL. Keys: learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm, ema_decay
SCOREMATCH_API scorematch_status scorematch_adam_create(const scorematch_engine* engine, int64_t param_count,
                                                        const char* options, scorematch_adam** adam);
SCOREMATCH_API void scorematch_adam_destroy(scorematch_adam* adam);
/// Enqueues one step. @param params, grad [P] F32 @param loss_scale what the reduction's was; 0: 1
SCOREMATCH_API scorematch_status scorematch_adam_step(scorematch_adam* adam, scorematch_queue* queue,
                                                      const scorematch_view* params, const scorematch_view* grad,
                                                      double loss_scale);
SCOREMATCH_API scorematch_status scorematch_adam_set_learning_rate(scorematch_adam* adam, scorematch_queue* queue,
                                                                   double learning_rate);
/// Where the average lies, [P] in engine memory, as long as the handle lives; refused without an ema_decay.
SCOREMATCH_API scorematch_status scorematch_adam_ema(const scorematch_adam* adam, scorematch_view* ema);
/// Waits for the queue, as snapshot does.
SCOREMATCH_API scorematch_status scorematch_adam_get_progress(const scorematch_adam* adam, scorematch_queue* queue,
                                                              scorematch_adam_progress* progress);
SCOREMATCH_API scorematch_status scorematch_adam_take_snapshot(const scorematch_adam* adam, scorematch_queue* queue,
                                                               scorematch_adam_snapshot** snapshot);
SCOREMATCH_API scorematch_status scorematch_adam_restore(scorematch_adam* adam, scorematch_queue* queue,
                                                         const scorematch_adam_snapshot* snapshot);

/// From another trainer's. @param options as above @param progress or NULL, the beginning with the options' rate
/// @param first_moment, second_moment [param_count] @param ema [param_count], or NULL without an ema_decay
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_create(const char* options,
                                                                 const scorematch_adam_progress* progress,
                                                                 const float* first_moment, const float* second_moment,
                                                                 const float* ema, int64_t param_count,
                                                                 scorematch_adam_snapshot** snapshot);
SCOREMATCH_API void scorematch_adam_snapshot_destroy(scorematch_adam_snapshot* snapshot);
/// Every option said; it lives as long as the handle.
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_options(const scorematch_adam_snapshot* snapshot,
                                                                  const char** options);
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_progress(const scorematch_adam_snapshot* snapshot,
                                                                   scorematch_adam_progress* progress);
/// Copies to the host, each [param_count] or NULL, not wanted; `ema` is refused where there is none.
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_moments(const scorematch_adam_snapshot* snapshot,
                                                                  float* first_moment, float* second_moment, float* ema,
                                                                  int64_t param_count);

/* ---- checkpoints: host memory */

typedef struct scorematch_checkpoint scorematch_checkpoint;

/// Of a model to sample from; what follows adds to it. @param params [count], the net's param_count
SCOREMATCH_API scorematch_status scorematch_checkpoint_create(const scorematch_net* net, const float* params,
                                                              int64_t count, scorematch_checkpoint** checkpoint);
SCOREMATCH_API scorematch_status scorematch_checkpoint_load(const char* path, scorematch_checkpoint** checkpoint);
/// Written to a new file and renamed: an interrupted save leaves the old one.
SCOREMATCH_API scorematch_status scorematch_checkpoint_save(const scorematch_checkpoint* checkpoint, const char* path);
SCOREMATCH_API void scorematch_checkpoint_destroy(scorematch_checkpoint* checkpoint);

/// A network of its own, for the caller to destroy.
SCOREMATCH_API scorematch_status scorematch_checkpoint_net(const scorematch_checkpoint* checkpoint,
                                                           scorematch_net** net);
SCOREMATCH_API scorematch_status scorematch_checkpoint_params(const scorematch_checkpoint* checkpoint, float* params,
                                                              int64_t count);
/// Adam's average if there is one that has settled, else the parameters: what to sample with.
SCOREMATCH_API scorematch_status scorematch_checkpoint_sampling_params(const scorematch_checkpoint* checkpoint,
                                                                       float* params, int64_t count);
/// @param snapshot or NULL, none
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_adam(scorematch_checkpoint* checkpoint,
                                                                const scorematch_adam_snapshot* snapshot);
/// A copy for the caller to destroy; NULL, with SCOREMATCH_OK, where there is none.
SCOREMATCH_API scorematch_status scorematch_checkpoint_adam(const scorematch_checkpoint* checkpoint,
                                                            scorematch_adam_snapshot** snapshot);
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_noise(scorematch_checkpoint* checkpoint,
                                                                 const scorematch_noise_position* position);
SCOREMATCH_API scorematch_status scorematch_checkpoint_noise(const scorematch_checkpoint* checkpoint,
                                                             scorematch_noise_position* position);
/// With z = mixing model, column by column data = mean + scale * z, or where warp > 0
/// data = mean + scale * sinh(y sqrt(1 + y^2/4)) / warp with y = warp z. A scale of 0 marks a column that is constant
/// at its mean in the data and no coordinate of the network: as many scales are > 0 as the network has inputs, which
/// saving checks. @param mean, scale [columns]; both NULL with columns 0: none @param warp [columns], or NULL: all 0
/// @param mixing [scales > 0, inputs] by rows, or NULL: the identity
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_standardization(scorematch_checkpoint* checkpoint,
                                                                           const double* mean, const double* scale,
                                                                           const double* warp, const double* mixing,
                                                                           int32_t columns);
/// @param mean, scale [columns], or NULL with columns 0 if there is none @param warp, mixing as above, NULL where there
/// is none; a program that ignores them computes in other units. All live until it is set again.
SCOREMATCH_API scorematch_status scorematch_checkpoint_standardization(const scorematch_checkpoint* checkpoint,
                                                                       const double** mean, const double** scale,
                                                                       const double** warp, const double** mixing,
                                                                       int32_t* columns);
/// What the network was trained with: sampling takes its noise levels from here. @param loss a text as a loss plan
/// takes it, or NULL: unknown
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_loss(scorematch_checkpoint* checkpoint, const char* loss);
/// @param loss such a text, or NULL; it lives until it is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_loss(const scorematch_checkpoint* checkpoint, const char** loss);
/// A string of the caller's own. @param value or NULL, to take it out
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_metadata(scorematch_checkpoint* checkpoint, const char* key,
                                                                    const char* value);
/// @param value NULL, with SCOREMATCH_OK, where there is none; it lives until it is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_metadata(const scorematch_checkpoint* checkpoint,
                                                                const char* key, const char** value);
/// The keys in order. @param key NULL, with SCOREMATCH_OK, past the last
SCOREMATCH_API scorematch_status scorematch_checkpoint_metadata_key(const scorematch_checkpoint* checkpoint,
                                                                    int32_t index, const char** key);
/// Numbers of the caller's own, a history of losses for example. @param values [count], copied, or NULL with count 0 to
/// take them out
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_array(scorematch_checkpoint* checkpoint, const char* key,
                                                                 const double* values, int64_t count);
/// @param values NULL, with SCOREMATCH_OK and count 0, where there is none; they live until the array is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_array(const scorematch_checkpoint* checkpoint, const char* key,
                                                             const double** values, int64_t* count);
/// As scorematch_checkpoint_metadata_key.
SCOREMATCH_API scorematch_status scorematch_checkpoint_array_key(const scorematch_checkpoint* checkpoint, int32_t index,
                                                                 const char** key);

#ifdef __cplusplus
}
#endif
