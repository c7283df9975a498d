// Invalid arguments to every function that takes a handle, a struct or a text.
#include <string.h>

#include "affine.h"
#include "check.h"

static const scorematch_noise_ref kNoNoise = {NULL, 0};

static int32_t no_score(void* user, scorematch_queue* queue, const scorematch_view* x, const scorematch_view* sigma,
                        const scorematch_view* score) {
  (void)user, (void)queue, (void)x, (void)sigma, (void)score;
  return 0;
}

static void test_null_places(const scorematch_engine* engine, const scorematch_net* net) {
  REFUSED(scorematch_engine_best(0, NULL), "engine", "the address of a handle, got a null pointer");
  REFUSED(scorematch_engine_reference(NULL), "engine", "null pointer");
  REFUSED(scorematch_engine_cpu(0, NULL), "engine", "null pointer");
  REFUSED(scorematch_engine_cpu_with(NULL, NULL), "engine", "null pointer");
  REFUSED(scorematch_engine_cuda(0, NULL), "engine", "null pointer");
  REFUSED(scorematch_engine_kind(engine, NULL), "kind", "the address of the result, got a null pointer");
  REFUSED(scorematch_engine_description(engine, NULL), "text", "null pointer");
  REFUSED(scorematch_buffer_create(engine, 8, NULL), "buffer", "null pointer");
  REFUSED(scorematch_queue_create(engine, 0, NULL, NULL), "queue", "null pointer");
  REFUSED(scorematch_queue_create_in(engine, NULL, 0, NULL, NULL), "queue", "null pointer");
  REFUSED(scorematch_noise_create(engine, NULL, NULL), "noise", "null pointer");
  REFUSED(scorematch_net_create("dim=2", NULL), "handle", "null pointer");
  REFUSED(scorematch_net_text(net, NULL), "text", "null pointer");
  REFUSED(scorematch_net_dim(net, NULL), "dim", "null pointer");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ism", 1, NULL, NULL), "plan", "null pointer");
  REFUSED(scorematch_adam_create(engine, 1, NULL, NULL), "adam", "null pointer");
  REFUSED(scorematch_checkpoint_create(net, kNet, kParams, NULL), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_load("file", NULL), "checkpoint", "null pointer");
}

static void test_null_handles(const scorematch_engine* engine, const scorematch_net* net) {
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  scorematch_loss_plan* loss = NULL;
  scorematch_head_plan* head = NULL;
  scorematch_perturb_plan* perturb = NULL;
  scorematch_direction_plan* direction = NULL;
  scorematch_score_plan* score = NULL;
  scorematch_sampler_plan* sampler = NULL;
  scorematch_adam* adam = NULL;
  scorematch_adam_snapshot* snapshot = NULL;
  scorematch_checkpoint* checkpoint = NULL;
  scorematch_net* same_net = NULL;
  scorematch_buffer* buffer = NULL;
  scorematch_noise_position position = {0, 0, 0};
  scorematch_adam_progress progress = {0, 0, 0, 0};
  scorematch_plan_report report = {.struct_size = sizeof report};
  const scorematch_sampler_out sampler_out = {.struct_size = sizeof sampler_out};
  const scorematch_loss_in loss_in = {.struct_size = sizeof loss_in};
  const scorematch_loss_out loss_out = {.struct_size = sizeof loss_out};
  const scorematch_head_in head_in = {.struct_size = sizeof head_in};
  const scorematch_head_out head_out = {.struct_size = sizeof head_out};
  const scorematch_perturb_in perturb_in = {.struct_size = sizeof perturb_in};
  const scorematch_perturb_out perturb_out = {.struct_size = sizeof perturb_out};
  const scorematch_score_in score_in = {.struct_size = sizeof score_in};
  const scorematch_score_out score_out = {.struct_size = sizeof score_out};
  const scorematch_view view = f32(kX, 1, kDim);
  scorematch_view place;
  const char* text = NULL;
  void* data = NULL;
  float values[kParams];
  size_t bytes = 0;
  int64_t count = 0;
  int32_t number = 0;
  const double* doubles = NULL;
  REFUSED(scorematch_engine_kind(NULL, &number), "engine", "a handle, got a null pointer");
  REFUSED(scorematch_engine_description(NULL, &text), "engine", "null pointer");
  REFUSED(scorematch_buffer_create(NULL, 8, &buffer), "engine", "null pointer");
  REFUSED(scorematch_buffer_upload(NULL, kX, 8, &buffer), "engine", "null pointer");
  REFUSED(scorematch_buffer_data(NULL, &data), "buffer", "null pointer");
  REFUSED(scorematch_queue_create(NULL, 0, NULL, &queue), "engine", "null pointer");
  REFUSED(scorematch_queue_create_in(NULL, NULL, 0, NULL, &queue), "engine", "null pointer");
  REFUSED(scorematch_queue_write(NULL, &view, kX, 8), "queue", "null pointer");
  REFUSED(scorematch_queue_read(NULL, &view, values, 8), "queue", "null pointer");
  REFUSED(scorematch_queue_read_estimate(NULL, NULL, NULL), "queue", "null pointer");
  REFUSED(scorematch_queue_synchronize(NULL), "queue", "null pointer");
  REFUSED(scorematch_noise_create(NULL, &position, &noise), "engine", "null pointer");
  REFUSED(scorematch_noise_create(engine, NULL, &noise), "position", "null pointer");
  REFUSED(scorematch_noise_advance(NULL, queue), "noise", "null pointer");
  REFUSED(scorematch_noise_set(NULL, queue, &position), "noise", "null pointer");
  REFUSED(scorematch_noise_read(NULL, queue, &position), "noise", "null pointer");
  REFUSED(scorematch_net_text(NULL, &text), "net", "null pointer");
  REFUSED(scorematch_net_dim(NULL, &number), "net", "null pointer");
  REFUSED(scorematch_net_param_count(NULL, &count), "net", "null pointer");
  REFUSED(scorematch_net_layer_count(NULL, &number), "net", "null pointer");
  REFUSED(scorematch_net_layer(NULL, 0, &(scorematch_layer){0, 0, 0, 0}), "net", "null pointer");
  REFUSED(scorematch_net_initial_params(NULL, NULL, 0, values, 6), "net", "null pointer");
  REFUSED(scorematch_loss_plan_create(NULL, net, "objective=ism", 1, NULL, &loss), "engine", "null pointer");
  REFUSED(scorematch_loss_plan_create(engine, NULL, "objective=ism", 1, NULL, &loss), "net", "null pointer");
  REFUSED(scorematch_loss_plan_create(engine, net, NULL, 1, NULL, &loss), "loss", "a string, got a null pointer");
  REFUSED(scorematch_loss_plan_run(NULL, queue, &loss_in, &loss_out, NULL), "plan", "null pointer");
  REFUSED(scorematch_loss_plan_run(NULL, queue, NULL, &loss_out, NULL), "in", "a struct, got a null pointer");
  REFUSED(scorematch_loss_plan_run(NULL, queue, &loss_in, NULL, NULL), "out", "a struct, got a null pointer");
  REFUSED(scorematch_loss_plan_workspace_bytes(NULL, &bytes), "plan", "null pointer");
  REFUSED(scorematch_loss_plan_report(NULL, 1, &report), "plan", "null pointer");
  REFUSED(scorematch_head_plan_create(NULL, 2, "objective=ism", 1, &head), "engine", "null pointer");
  REFUSED(scorematch_head_plan_create(engine, 2, NULL, 1, &head), "head", "null pointer");
  REFUSED(scorematch_head_plan_run(NULL, queue, &head_in, &head_out, NULL), "plan", "null pointer");
  REFUSED(scorematch_head_plan_workspace_bytes(NULL, &bytes), "plan", "null pointer");
  REFUSED(scorematch_perturb_plan_create(NULL, 2, NULL, 1, &perturb), "engine", "null pointer");
  REFUSED(scorematch_perturb_plan_run(NULL, queue, &perturb_in, &perturb_out), "plan", "null pointer");
  REFUSED(scorematch_direction_plan_create(NULL, 2, NULL, 1, &direction), "engine", "null pointer");
  REFUSED(scorematch_direction_plan_run(NULL, queue, kNoNoise, &view), "plan", "null pointer");
  REFUSED(scorematch_score_plan_create(NULL, net, 1, NULL, NULL, &score), "engine", "null pointer");
  REFUSED(scorematch_score_plan_create(engine, NULL, 1, NULL, NULL, &score), "net", "null pointer");
  REFUSED(scorematch_score_plan_run(NULL, queue, &score_in, &score_out), "plan", "null pointer");
  REFUSED(scorematch_score_plan_workspace_bytes(NULL, &bytes), "plan", "null pointer");
  REFUSED(scorematch_score_plan_report(NULL, 1, &report), "plan", "null pointer");
  REFUSED(scorematch_sampler_plan_create(NULL, net, "sampler=flow", 1, &sampler), "engine", "null pointer");
  REFUSED(scorematch_sampler_plan_create(engine, NULL, "sampler=flow", 1, &sampler), "net", "null pointer");
  REFUSED(scorematch_sampler_plan_create(engine, net, NULL, 1, &sampler), "sampler", "null pointer");
  REFUSED(scorematch_sampler_plan_create_with(NULL, 2, no_score, NULL, "sampler=flow", 1, &sampler), "engine",
          "null pointer");
  REFUSED(scorematch_sampler_plan_create_with(engine, 2, NULL, NULL, "sampler=flow", 1, &sampler), "score",
          "a function, got a null pointer");
  REFUSED(scorematch_sampler_plan_run(NULL, queue, NULL, kNoNoise, &sampler_out), "plan", "null pointer");
  REFUSED(scorematch_sampler_plan_workspace_bytes(NULL, &bytes), "plan", "null pointer");
  REFUSED(scorematch_adam_create(NULL, 6, NULL, &adam), "engine", "null pointer");
  REFUSED(scorematch_adam_step(NULL, queue, &view, &view, 0), "adam", "null pointer");
  REFUSED(scorematch_adam_set_learning_rate(NULL, queue, 1), "adam", "null pointer");
  REFUSED(scorematch_adam_ema(NULL, &place), "adam", "null pointer");
  REFUSED(scorematch_adam_get_progress(NULL, queue, &progress), "adam", "null pointer");
  REFUSED(scorematch_adam_take_snapshot(NULL, queue, &snapshot), "adam", "null pointer");
  REFUSED(scorematch_adam_restore(NULL, queue, snapshot), "adam", "null pointer");
  REFUSED(scorematch_adam_snapshot_options(NULL, &text), "snapshot", "null pointer");
  REFUSED(scorematch_adam_snapshot_progress(NULL, &progress), "snapshot", "null pointer");
  REFUSED(scorematch_adam_snapshot_moments(NULL, NULL, NULL, NULL, 6), "snapshot", "null pointer");
  REFUSED(scorematch_checkpoint_create(NULL, kNet, 6, &checkpoint), "net", "null pointer");
  REFUSED(scorematch_checkpoint_create(net, NULL, 6, &checkpoint), "params", "null pointer");
  REFUSED(scorematch_checkpoint_load(NULL, &checkpoint), "path", "null pointer");
  REFUSED(scorematch_checkpoint_save(NULL, "file"), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_net(NULL, &same_net), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_params(NULL, values, 6), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_sampling_params(NULL, values, 6), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_set_adam(NULL, NULL), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_adam(NULL, &snapshot), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_set_noise(NULL, &position), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_noise(NULL, &position), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_set_standardization(NULL, NULL, NULL, NULL, NULL, 0), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_standardization(NULL, &doubles, &doubles, &doubles, &doubles, &number), "checkpoint",
          "null pointer");
  REFUSED(scorematch_checkpoint_set_loss(NULL, NULL), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_loss(NULL, &text), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_set_metadata(NULL, "key", "value"), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_metadata(NULL, "key", &text), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_metadata_key(NULL, 0, &text), "checkpoint", "null pointer");
  scorematch_engine_destroy(NULL);
  scorematch_buffer_destroy(NULL);
  scorematch_queue_destroy(NULL);
  scorematch_noise_destroy(NULL);
  scorematch_net_destroy(NULL);
  scorematch_loss_plan_destroy(NULL);
  scorematch_head_plan_destroy(NULL);
  scorematch_perturb_plan_destroy(NULL);
  scorematch_direction_plan_destroy(NULL);
  scorematch_score_plan_destroy(NULL);
  scorematch_sampler_plan_destroy(NULL);
  scorematch_adam_destroy(NULL);
  scorematch_adam_snapshot_destroy(NULL);
  scorematch_checkpoint_destroy(NULL);
}

/// Invalid struct sizes, extents, types and texts. Nothing is written.
static void test_bad_calls(const scorematch_engine* engine, const scorematch_net* net) {
  scorematch_loss_plan *plan = NULL, *none = NULL;
  scorematch_sampler_plan* sampler = NULL;
  scorematch_score_plan* score = NULL;
  scorematch_queue *queue = NULL, *small = NULL;
  float grad[kParams] = {7, 7, 7, 7, 7, 7};
  scorematch_loss_in good = {.struct_size = sizeof good}, in;
  scorematch_loss_out good_out = {.struct_size = sizeof good_out}, out;
  scorematch_reduction part = {.struct_size = sizeof part};
  scorematch_plan_report report = {.struct_size = 8};
  size_t bytes = 0;
  OK(scorematch_loss_plan_create(engine, net, "objective=ism", kBatch, NULL, &plan));
  OK(scorematch_loss_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  good.params = f32(kNet, kParams, 0);
  good.batch.x = f32(kX, kBatch, kDim);
  good_out.grad = f32(grad, kParams, 0);

  in = good;
  in.struct_size = 0;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "in.struct_size", "from 152 to ");
  in.struct_size = sizeof in + 8;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "in.struct_size", "bytes, got ");
  in.struct_size = sizeof in - 1;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "in.struct_size", "a multiple of 8");
  in = good;
  in.batch.x.shape.extent[1] = 3;
  in.batch.x.stride[0] = 3;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "x", "x: expected [any, 2] float32");
  in = good;
  in.batch.x.shape.rank = 77;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "x", "a shape of 77 extents");
  in = good;
  in.params.dtype = 11;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "params", "an unknown type");
  in = good;
  in.params.data = NULL;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "params", "got nothing");
  in = good;
  in.batch.true_score = good.batch.x;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "true_score", "only Esm");
  in = good;
  in.batch.x.stride[1] = 2;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "x", "a last axis of stride 1, got 2");
  in = good;
  in.batch.x.shape.extent[0] = kBatch + 1;
  REFUSED(scorematch_loss_plan_run(plan, queue, &in, &good_out, NULL), "x", "a batch of 1 to 4, got 5");
  out = good_out;
  out.struct_size = 8;
  REFUSED(scorematch_loss_plan_run(plan, queue, &good, &out, NULL), "out.struct_size", "from 16 to ");
  out = good_out;
  out.grad = good.params;
  REFUSED(scorematch_loss_plan_run(plan, queue, &good, &out, NULL), "grad", "memory shared with params");
  part.struct_size = 3;
  REFUSED(scorematch_loss_plan_run(plan, queue, &good, &good_out, &part), "reduction.struct_size", "got 3");
  part.struct_size = sizeof part;
  part.accumulate = 1;
  REFUSED(scorematch_loss_plan_run(plan, queue, &good, &good_out, &part), "normaliser", "the whole batch");
  REFUSED(scorematch_loss_plan_run(plan, NULL, &good, &good_out, NULL), "queue", "null pointer");
  REFUSED(scorematch_loss_plan_report(plan, kBatch, &report), "report.struct_size", "got 8");
  REFUSED(scorematch_loss_plan_report(plan, kBatch, NULL), "report", "null pointer");
  OK(scorematch_queue_create(engine, 0, NULL, &small));
  if (bytes > 0)
    REFUSED(scorematch_loss_plan_run(plan, small, &good, &good_out, NULL), "queue.workspace_bytes", "at least");
  CHECK(grad[0] == 7 && grad[kParams - 1] == 7);

  REFUSED(scorematch_loss_plan_create(engine, net, "", 1, NULL, &none), "loss.objective", "a value, got nothing");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=dms", 1, NULL, &none), "loss.objective",
          "one of esm, ism, dsm, ssm, ssm_vr, got 'dms'");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ism distribution=sphere", 1, NULL, &none),
          "loss.distribution", "one of the keys context_dropout, objective, ");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=dsm schedule=log_normal sigma=1", 1, NULL, &none),
          "loss.sigma",
          "one of the keys context_dropout, log_deviation, log_mean, objective, schedule, sigma_data, variance, "
          "weighting (others depend on the values given), got '1'");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ssm projections=1e9", 1, NULL, &none), "loss.projections",
          "a whole number, got '1e9'");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ssm projections=0", 1, NULL, &none), "projections",
          "between 1 and 16384, got 0");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ism sigma_data=-1", 1, NULL, &none), "loss.sigma_data",
          "> 0, got -1");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ism", 1, "precision=fp16", &none), "compute.precision",
          "fp32, tf32, bf16");
  REFUSED(scorematch_loss_plan_create(engine, net, "objective=ism", 0, NULL, &none), "max_batch", "got 0");
  REFUSED(scorematch_score_plan_create(engine, net, 1, "projections=-1", NULL, &score), "projections", "got -1");
  REFUSED(scorematch_sampler_plan_create(engine, net, "sampler=heun", 1, &sampler), "sampler.sampler",
          "one of flow, sde, annealed, langevin");
  CHECK(none == NULL && score == NULL && sampler == NULL);
  scorematch_queue_destroy(small);
  scorematch_queue_destroy(queue);
  scorematch_loss_plan_destroy(plan);
}

void test_misuse(const scorematch_engine* engine) {
  scorematch_net* net = NULL;
  OK(scorematch_net_create(kNetText, &net));
  test_null_places(engine, net);
  test_null_handles(engine, net);
  test_bad_calls(engine, net);
  scorematch_net_destroy(net);
}
