/// @file
/// The C interface: Adam and checkpoints (adam.h, checkpoint.h). Part of scorematch_c.h.
#pragma once
#include "scorematch/scorematch_c_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Adam */

typedef struct scorematch_adam scorematch_adam;
/// The complete state of an Adam, on the host.
typedef struct scorematch_adam_snapshot scorematch_adam_snapshot;

/// @param options or NULL. Keys: learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm, ema_decay, and
/// groups: begin,count,learning_rate,weight_decay for each group of parameters [begin, begin + count), all separated by
/// commas, where the last two are factors of the options (scorematch_net_layer tells where a layer is)
SCOREMATCH_API scorematch_status scorematch_adam_create(const scorematch_engine* engine, int64_t param_count,
                                                        const char* options, scorematch_adam** adam);
SCOREMATCH_API void scorematch_adam_destroy(scorematch_adam* adam);
/// Enqueues one step. @param params, grad [P] F32 @param loss_scale the reduction's; 0: 1
SCOREMATCH_API scorematch_status scorematch_adam_step(scorematch_adam* adam, scorematch_queue* queue,
                                                      const scorematch_view* params, const scorematch_view* grad,
                                                      double loss_scale);
SCOREMATCH_API scorematch_status scorematch_adam_set_learning_rate(scorematch_adam* adam, scorematch_queue* queue,
                                                                   double learning_rate);
/// The average, [P] in engine memory, valid as long as the handle; refused if ema_decay is 0.
SCOREMATCH_API scorematch_status scorematch_adam_ema(const scorematch_adam* adam, scorematch_view* ema);
/// Waits for the queue, as take_snapshot does.
SCOREMATCH_API scorematch_status scorematch_adam_get_progress(const scorematch_adam* adam, scorematch_queue* queue,
                                                              scorematch_adam_progress* progress);
SCOREMATCH_API scorematch_status scorematch_adam_take_snapshot(const scorematch_adam* adam, scorematch_queue* queue,
                                                               scorematch_adam_snapshot** snapshot);
/// The options remain those of this Adam, the learning rate too. To go on unchanged, create it with
/// scorematch_adam_snapshot_options() and set the learning rate of the snapshot's progress.
SCOREMATCH_API scorematch_status scorematch_adam_restore(scorematch_adam* adam, scorematch_queue* queue,
                                                         const scorematch_adam_snapshot* snapshot);

/// From the state of another trainer. @param options as above @param progress or NULL: step 0 with the options' rate
/// @param first_moment, second_moment [param_count] @param ema [param_count], or NULL if ema_decay is 0
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_create(const char* options,
                                                                 const scorematch_adam_progress* progress,
                                                                 const float* first_moment, const float* second_moment,
                                                                 const float* ema, int64_t param_count,
                                                                 scorematch_adam_snapshot** snapshot);
SCOREMATCH_API void scorematch_adam_snapshot_destroy(scorematch_adam_snapshot* snapshot);
/// A text with every option, valid as long as the handle.
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_options(const scorematch_adam_snapshot* snapshot,
                                                                  const char** options);
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_progress(const scorematch_adam_snapshot* snapshot,
                                                                   scorematch_adam_progress* progress);
/// Copies to the host. Each array is [param_count], or NULL if not wanted. `ema` is refused if there is none.
SCOREMATCH_API scorematch_status scorematch_adam_snapshot_moments(const scorematch_adam_snapshot* snapshot,
                                                                  float* first_moment, float* second_moment, float* ema,
                                                                  int64_t param_count);

/* ---- an average of parameters, for an optimizer of your own (ema.h) */

typedef struct scorematch_ema scorematch_ema;

/// @param decay in (0, 1)
SCOREMATCH_API scorematch_status scorematch_ema_create(const scorematch_engine* engine, int64_t param_count,
                                                       double decay, scorematch_ema** ema);
SCOREMATCH_API void scorematch_ema_destroy(scorematch_ema* ema);
/// Enqueues average = params: the start, or the value in a checkpoint. @param params [P] F32
SCOREMATCH_API scorematch_status scorematch_ema_start(scorematch_ema* ema, scorematch_queue* queue,
                                                      const scorematch_view* params);
/// Enqueues average += (1 - decay) (params - average); refused before the start.
SCOREMATCH_API scorematch_status scorematch_ema_update(scorematch_ema* ema, scorematch_queue* queue,
                                                       const scorematch_view* params);
/// The average, [P] in engine memory, valid as long as the handle.
SCOREMATCH_API scorematch_status scorematch_ema_average(const scorematch_ema* ema, scorematch_view* average);

/* ---- checkpoints: host memory */

typedef struct scorematch_checkpoint scorematch_checkpoint;

/// A model to sample from; the functions below add to it. @param params [count] @param count the net's param_count
SCOREMATCH_API scorematch_status scorematch_checkpoint_create(const scorematch_net* net, const float* params,
                                                              int64_t count, scorematch_checkpoint** checkpoint);
SCOREMATCH_API scorematch_status scorematch_checkpoint_load(const char* path, scorematch_checkpoint** checkpoint);
/// Writes a new file and renames it, so an interrupted save leaves the old one.
SCOREMATCH_API scorematch_status scorematch_checkpoint_save(const scorematch_checkpoint* checkpoint, const char* path);
SCOREMATCH_API void scorematch_checkpoint_destroy(scorematch_checkpoint* checkpoint);

/// A new handle, which the caller destroys.
SCOREMATCH_API scorematch_status scorematch_checkpoint_net(const scorematch_checkpoint* checkpoint,
                                                           scorematch_net** net);
SCOREMATCH_API scorematch_status scorematch_checkpoint_params(const scorematch_checkpoint* checkpoint, float* params,
                                                              int64_t count);
/// The parameters to sample with: the best ones if the file says so, else Adam's average if it has settled, else the
/// last ones.
SCOREMATCH_API scorematch_status scorematch_checkpoint_sampling_params(const scorematch_checkpoint* checkpoint,
                                                                       float* params, int64_t count);
/// @param snapshot or NULL: none
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_adam(scorematch_checkpoint* checkpoint,
                                                                const scorematch_adam_snapshot* snapshot);
/// A copy, which the caller destroys; NULL, with SCOREMATCH_OK, if there is none.
SCOREMATCH_API scorematch_status scorematch_checkpoint_adam(const scorematch_checkpoint* checkpoint,
                                                            scorematch_adam_snapshot** snapshot);
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_noise(scorematch_checkpoint* checkpoint,
                                                                 const scorematch_noise_position* position);
SCOREMATCH_API scorematch_status scorematch_checkpoint_noise(const scorematch_checkpoint* checkpoint,
                                                             scorematch_noise_position* position);
/// With z = mixing * model, for each column data = mean + scale * z, or where warp > 0
/// data = mean + scale * sinh(y sqrt(1 + y^2/4)) / warp with y = warp z. A scale of 0 marks a column that is constant
/// at its mean in the data and not a coordinate of the network. The number of scales > 0 must be the number of the
/// network's inputs (at least that with mixing); saving checks it. @param mean, scale [columns]; both NULL with columns
/// 0: none @param warp [columns], or NULL: all 0 @param mixing [scales > 0, inputs], row-major, or NULL: the identity
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_standardization(scorematch_checkpoint* checkpoint,
                                                                           const double* mean, const double* scale,
                                                                           const double* warp, const double* mixing,
                                                                           int32_t columns);
/// @param mean, scale [columns], or NULL with columns 0 if there is none @param warp, mixing as above, NULL if there is
/// none; a program must not ignore them, or its units are wrong. All are valid until the standardization is set again.
SCOREMATCH_API scorematch_status scorematch_checkpoint_standardization(const scorematch_checkpoint* checkpoint,
                                                                       const double** mean, const double** scale,
                                                                       const double** warp, const double** mixing,
                                                                       int32_t* columns);
/// The loss of the training, from which sampling takes its noise levels. @param loss a text as for a loss plan, or
/// NULL: unknown
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_loss(scorematch_checkpoint* checkpoint, const char* loss);
/// @param loss such a text, or NULL if unknown; valid until it is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_loss(const scorematch_checkpoint* checkpoint, const char** loss);
/// A string of the caller's own. @param value or NULL, to remove it
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_metadata(scorematch_checkpoint* checkpoint, const char* key,
                                                                    const char* value);
/// @param value NULL, with SCOREMATCH_OK, if there is none; valid until it is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_metadata(const scorematch_checkpoint* checkpoint,
                                                                const char* key, const char** value);
/// The keys in order. @param key NULL, with SCOREMATCH_OK, after the last
SCOREMATCH_API scorematch_status scorematch_checkpoint_metadata_key(const scorematch_checkpoint* checkpoint,
                                                                    int32_t index, const char** key);
/// Numbers of the caller's own, a history of losses for example. @param values [count], copied; or NULL with count 0,
/// to remove them
SCOREMATCH_API scorematch_status scorematch_checkpoint_set_array(scorematch_checkpoint* checkpoint, const char* key,
                                                                 const double* values, int64_t count);
/// @param values NULL, with SCOREMATCH_OK and count 0, if there are none; valid until the array is set again
SCOREMATCH_API scorematch_status scorematch_checkpoint_array(const scorematch_checkpoint* checkpoint, const char* key,
                                                             const double** values, int64_t* count);
/// As scorematch_checkpoint_metadata_key.
SCOREMATCH_API scorematch_status scorematch_checkpoint_array_key(const scorematch_checkpoint* checkpoint, int32_t index,
                                                                 const char** key);

#ifdef __cplusplus
}
#endif
