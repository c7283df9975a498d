/// @file
/// The C interface: errors, values, engines with their memory, queues, noise, networks. Part of scorematch_c.h.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "scorematch/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors */

typedef int32_t scorematch_status;
enum {
  SCOREMATCH_OK = 0,
  SCOREMATCH_INVALID_ARGUMENT = 1,   /**< 1 to 6: as in error.h */
  SCOREMATCH_UNSUPPORTED = 2,        /**< valid, but not with this engine */
  SCOREMATCH_OUT_OF_MEMORY = 3,      /**< of the host or a device */
  SCOREMATCH_DEVICE_UNAVAILABLE = 4, /**< the message gives the remedy */
  SCOREMATCH_DEVICE_FAULT = 5,       /**< earlier enqueued work failed; from calls that wait */
  SCOREMATCH_IO = 6,                 /**< a file is missing, truncated or malformed */
  SCOREMATCH_CALLBACK_FAILED = 7,    /**< the caller's function did not return 0 */
  SCOREMATCH_INTERNAL_ERROR = 8      /**< a bug in the library */
};

/// For example "0.2.0".
SCOREMATCH_API const char* scorematch_version(void);
/// For example "invalid_argument".
SCOREMATCH_API const char* scorematch_status_name(scorematch_status status);
/// The message of this thread's last failed call: the argument, what was expected and what was got; "" if none failed.
/// It is valid until the next call of this thread fails.
SCOREMATCH_API const char* scorematch_last_error(void);
/// The name in the header of the argument at fault ("eps"), or "".
SCOREMATCH_API const char* scorematch_last_error_argument(void);

/* ---- values, with the memory layout of their C++ namesakes */

enum { SCOREMATCH_F32 = 0, SCOREMATCH_F64 = 1, SCOREMATCH_I64 = 2 };

typedef struct scorematch_shape {
  int32_t rank; /**< 1 to 3: [N], [N, d] or [M, N, d] */
  int64_t extent[3];
} scorematch_shape;

/// An array, row-major; the view does not own it. Inputs are never written. Null data: not given.
typedef struct scorematch_view {
  void* data;
  int32_t dtype; /**< SCOREMATCH_F32, F64 or I64 */
  scorematch_shape shape;
  int64_t stride[3]; /**< in elements; 1 for the last axis */
} scorematch_view;

/// Count, mean and sum of squared deviations. Plans write it to engine memory.
typedef struct scorematch_estimate {
  double count, mean, m2;
} scorematch_estimate;

/// The place of a layer in the network's parameters: offsets, in elements, of weight [out, in] and bias [out].
typedef struct scorematch_layer {
  int32_t in, out;
  int64_t weight, bias;
} scorematch_layer;

typedef struct scorematch_noise_position {
  uint64_t seed;
  int64_t step;         /**< [0, 2^40) */
  int64_t first_sample; /**< [0, 2^48): where this rank's samples begin in the whole batch */
} scorematch_noise_position;

typedef struct scorematch_adam_progress {
  double learning_rate;
  double grad_norm; /**< of the last step, before clipping, divided by loss_scale */
  int64_t step, skipped;
} scorematch_adam_progress;

/// A dense view [rows, columns]. @param columns 0: a view [rows]
static inline scorematch_view scorematch_array(const void* data, int32_t dtype, int64_t rows, int64_t columns) {
  scorematch_view view;
  view.data = (void*)data;
  view.dtype = dtype;
  view.shape.rank = columns == 0 ? 1 : 2;
  view.shape.extent[0] = rows;
  view.shape.extent[1] = columns;
  view.shape.extent[2] = 0;
  view.stride[0] = columns == 0 ? 1 : columns;
  view.stride[1] = columns == 0 ? 0 : 1;
  view.stride[2] = 0;
  return view;
}
/// A dense view [planes, rows, columns], for directions and products along them.
static inline scorematch_view scorematch_stack(const void* data, int32_t dtype, int64_t planes, int64_t rows,
                                               int64_t columns) {
  scorematch_view view;
  view.data = (void*)data;
  view.dtype = dtype;
  view.shape.rank = 3;
  view.shape.extent[0] = planes;
  view.shape.extent[1] = rows;
  view.shape.extent[2] = columns;
  view.stride[0] = rows * columns;
  view.stride[1] = columns;
  view.stride[2] = 1;
  return view;
}

/// Sample standard deviation over sqrt(N); NaN for fewer than two samples, or NULL.
SCOREMATCH_API double scorematch_estimate_standard_error(const scorematch_estimate* estimate);
/// Both combined. `merged` may be one of them.
SCOREMATCH_API scorematch_status scorematch_estimate_merge(const scorematch_estimate* a, const scorematch_estimate* b,
                                                           scorematch_estimate* merged);

/* ---- engines, their memory, queues (engine.h, queue.h) */

typedef struct scorematch_engine scorematch_engine;
typedef struct scorematch_buffer scorematch_buffer;
typedef struct scorematch_queue scorematch_queue;
enum { SCOREMATCH_ENGINE_REFERENCE = 0, SCOREMATCH_ENGINE_CPU = 1, SCOREMATCH_ENGINE_CUDA = 2 };

/// cuda if it works, else cpu(threads), else reference. @param threads 0: one per available processor
SCOREMATCH_API scorematch_status scorematch_engine_best(int32_t threads, scorematch_engine** engine);
SCOREMATCH_API scorematch_status scorematch_engine_reference(scorematch_engine** engine);
SCOREMATCH_API scorematch_status scorematch_engine_cpu(int32_t threads, scorematch_engine** engine);

/// One part of a loop. Any thread may call it.
typedef void (*scorematch_part)(void* work, int32_t part);
/// Threads of the caller for the cpu engine, so that a program has one thread pool.
typedef struct scorematch_cpu_executor {
  size_t struct_size;
  int32_t threads; /**< how many parts may run at once, 1 to 4096 */
  /// Calls part(work, 0) ... part(work, count - 1) once each, at once or not, on any threads; returns when all that
  /// began have returned. 1 <= count <= threads. It is called by the thread that calls the library, by several at once
  /// if they do. A part returns when no work is left to begin, so parts that have not begun by then may be left out.
  /// Returns 0; anything else makes the call fail with SCOREMATCH_CALLBACK_FAILED. An Adam step is then made completely
  /// or not at all, as its progress says, and other outputs are undefined.
  int32_t (*run)(void* user, int32_t count, scorematch_part part, void* work);
  void* user;
  /// Called with `user` once, when nothing needs it any more: when the engine and all plans, queues and buffers that
  /// keep it alive are gone, or when the engine cannot be made (but not if this struct's size or the place of the
  /// handle is refused). NULL: not called.
  void (*release)(void* user);
} scorematch_cpu_executor;
/// The cpu engine on the caller's threads, with the same results.
SCOREMATCH_API scorematch_status scorematch_engine_cpu_with(const scorematch_cpu_executor* executor,
                                                            scorematch_engine** engine);
SCOREMATCH_API scorematch_status scorematch_engine_cuda(int32_t device, scorematch_engine** engine);
SCOREMATCH_API scorematch_status scorematch_engine_kind(const scorematch_engine* engine, int32_t* kind);
/// One line for people, valid as long as the handle.
SCOREMATCH_API scorematch_status scorematch_engine_description(const scorematch_engine* engine, const char** text);
SCOREMATCH_API void scorematch_engine_destroy(scorematch_engine* engine);

/// Zeroed engine memory, aligned to 256 bytes. Use it for setup: on CUDA it synchronizes.
SCOREMATCH_API scorematch_status scorematch_buffer_create(const scorematch_engine* engine, size_t bytes,
                                                          scorematch_buffer** buffer);
/// The same, filled from the host.
SCOREMATCH_API scorematch_status scorematch_buffer_upload(const scorematch_engine* engine, const void* host,
                                                          size_t bytes, scorematch_buffer** buffer);
/// Its address, for views. The host may access it only with the reference and cpu engines.
SCOREMATCH_API scorematch_status scorematch_buffer_data(const scorematch_buffer* buffer, void** data);
SCOREMATCH_API void scorematch_buffer_destroy(scorematch_buffer* buffer);

/// An ordered sequence of work. @param workspace_bytes the largest workspace_bytes of the plans that run on it
/// @param stream the caller's cudaStream_t, which must outlive the queue; NULL is CUDA's default stream
SCOREMATCH_API scorematch_status scorematch_queue_create(const scorematch_engine* engine, size_t workspace_bytes,
                                                         void* stream, scorematch_queue** queue);
/// The same with the caller's scratch memory: engine memory, aligned to 256 bytes.
SCOREMATCH_API scorematch_status scorematch_queue_create_in(const scorematch_engine* engine, void* workspace,
                                                            size_t workspace_bytes, void* stream,
                                                            scorematch_queue** queue);
SCOREMATCH_API void scorematch_queue_destroy(scorematch_queue* queue);
/// Enqueues a copy from the host to the engine. `to` is dense, has `bytes` bytes and the element type of `host`.
SCOREMATCH_API scorematch_status scorematch_queue_write(scorematch_queue* queue, const scorematch_view* to,
                                                        const void* host, size_t bytes);
/// Copies from the engine to a dense array on the host; waits. `from` has `bytes` bytes.
SCOREMATCH_API scorematch_status scorematch_queue_read(scorematch_queue* queue, const scorematch_view* from, void* host,
                                                       size_t bytes);
/// Copies a loss that a plan wrote to the host; waits.
SCOREMATCH_API scorematch_status scorematch_queue_read_estimate(scorematch_queue* queue,
                                                                const scorematch_estimate* from,
                                                                scorematch_estimate* to);
SCOREMATCH_API scorematch_status scorematch_queue_synchronize(scorematch_queue* queue);

/* ---- noise (noise.h) */

/// A position in the noise, stored in engine memory, where enqueued work advances it.
typedef struct scorematch_noise scorematch_noise;
/// The noise with row 0 as its sample `sample_offset`. Null noise: not given.
typedef struct scorematch_noise_ref {
  const scorematch_noise* noise;
  int64_t sample_offset;
} scorematch_noise_ref;

static inline scorematch_noise_ref scorematch_noise_from(const scorematch_noise* noise, int64_t sample_offset) {
  scorematch_noise_ref ref;
  ref.noise = noise;
  ref.sample_offset = sample_offset;
  return ref;
}
SCOREMATCH_API scorematch_status scorematch_noise_create(const scorematch_engine* engine,
                                                         const scorematch_noise_position* position,
                                                         scorematch_noise** noise);
SCOREMATCH_API void scorematch_noise_destroy(scorematch_noise* noise);
/// Enqueues step += 1. Call it once per optimizer step.
SCOREMATCH_API scorematch_status scorematch_noise_advance(scorematch_noise* noise, scorematch_queue* queue);
SCOREMATCH_API scorematch_status scorematch_noise_set(scorematch_noise* noise, scorematch_queue* queue,
                                                      const scorematch_noise_position* position);
SCOREMATCH_API scorematch_status scorematch_noise_read(const scorematch_noise* noise, scorematch_queue* queue,
                                                       scorematch_noise_position* position);

/* ---- networks (mlp.h) */

typedef struct scorematch_net scorematch_net;

/// @param net "dim=2 hidden=64,64 activation=silu parameterization=edm sigma_data=0.5 conditioning=log_sigma", for
/// example. Keys: dim (required), hidden, net (score, energy), activation, parameterization, sigma_data, residual,
/// conditioning. conditioning=fourier needs fourier.frequencies=1.5,... or fourier=8 fourier_scale=1 fourier_seed=0.
SCOREMATCH_API scorematch_status scorematch_net_create(const char* net, scorematch_net** handle);
SCOREMATCH_API void scorematch_net_destroy(scorematch_net* net);
/// A text that makes the same network, with every key; valid as long as the handle.
SCOREMATCH_API scorematch_status scorematch_net_text(const scorematch_net* net, const char** text);
SCOREMATCH_API scorematch_status scorematch_net_dim(const scorematch_net* net, int32_t* dim);
SCOREMATCH_API scorematch_status scorematch_net_param_count(const scorematch_net* net, int64_t* count);
SCOREMATCH_API scorematch_status scorematch_net_layer_count(const scorematch_net* net, int32_t* count);
SCOREMATCH_API scorematch_status scorematch_net_layer(const scorematch_net* net, int32_t index,
                                                      scorematch_layer* layer);
/// To host memory. @param initialization "torch", "variance_preserving" or NULL, which means the latter @param params
/// [count] @param count must be the param_count
SCOREMATCH_API scorematch_status scorematch_net_initial_params(const scorematch_net* net, const char* initialization,
                                                               uint64_t seed, float* params, int64_t count);

#ifdef __cplusplus
}
#endif
