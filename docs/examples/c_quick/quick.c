/* Denoising score matching on points of a circle, from C. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "scorematch/scorematch_c.h"

static const char kLoss[] = "objective=dsm schedule=log_normal weighting=edm";
enum { kPoints = 4096, kBatch = 512, kSteps = 2000 };

/* Prints the library's error text and exits. */
static void check(scorematch_status status) {
  if (status == SCOREMATCH_OK) return;
  fprintf(stderr, "%s: %s\n", scorematch_status_name(status), scorematch_last_error());
  exit(1);
}

/* Returns engine memory: a copy of host memory, or zeroed. */
static void* upload(const scorematch_engine* engine, const void* host, size_t bytes, scorematch_buffer** buffer) {
  void* data = NULL;
  if (host != NULL)
    check(scorematch_buffer_upload(engine, host, bytes, buffer));
  else
    check(scorematch_buffer_create(engine, bytes, buffer));
  check(scorematch_buffer_data(*buffer, &data));
  return data;
}

int main(void) {
  static float circle[kPoints][2];
  float* initial = NULL;
  const scorematch_noise_position start = {.seed = 2};
  scorematch_engine* engine = NULL;
  scorematch_net* net = NULL;
  scorematch_loss_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  scorematch_adam* adam = NULL;
  scorematch_buffer *x = NULL, *params = NULL, *grad = NULL, *loss = NULL;
  scorematch_estimate last = {0, 0, 0};
  size_t workspace = 0;
  int64_t count = 0;
  int i;
  for (i = 0; i < kPoints; ++i) {
    circle[i][0] = 0.7f * cosf(0.01f * (float)i);
    circle[i][1] = 0.7f * sinf(0.01f * (float)i);
  }

  check(scorematch_engine_best(0, &engine));
  check(scorematch_net_create("dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma", &net));
  check(scorematch_loss_plan_create(engine, net, kLoss, kBatch, NULL, &plan));
  check(scorematch_loss_plan_workspace_bytes(plan, &workspace));
  check(scorematch_queue_create(engine, workspace, NULL, &queue));
  check(scorematch_noise_create(engine, &start, &noise));

  check(scorematch_net_param_count(net, &count));
  check(scorematch_adam_create(engine, count, "learning_rate=0.001", &adam));
  initial = malloc((size_t)count * sizeof *initial);
  check(scorematch_net_initial_params(net, NULL, 1, initial, count));

  scorematch_loss_in in = {.struct_size = sizeof in}; /* fields that are not set are omitted */
  scorematch_loss_out out = {.struct_size = sizeof out};
  in.batch.x = scorematch_array(upload(engine, circle, sizeof circle, &x), SCOREMATCH_F32, kPoints, 2);
  in.params = scorematch_array(upload(engine, initial, (size_t)count * 4, &params), SCOREMATCH_F32, count, 0);
  in.batch.noise = scorematch_noise_from(noise, 0);
  in.batch.draw_rows = kBatch;
  out.grad = scorematch_array(upload(engine, NULL, (size_t)count * 4, &grad), SCOREMATCH_F32, count, 0);
  out.loss = upload(engine, NULL, sizeof(scorematch_estimate), &loss);

  for (i = 0; i < kSteps; ++i) {
    check(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
    check(scorematch_adam_step(adam, queue, &in.params, &out.grad, 0));
    check(scorematch_noise_advance(noise, queue));
  }
  check(scorematch_queue_read_estimate(queue, out.loss, &last));
  printf("loss %.3f +- %.3f\n", last.mean, scorematch_estimate_standard_error(&last));

  scorematch_buffer_destroy(loss);
  scorematch_buffer_destroy(grad);
  scorematch_buffer_destroy(params);
  scorematch_buffer_destroy(x);
  free(initial);
  scorematch_adam_destroy(adam);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
  scorematch_loss_plan_destroy(plan);
  scorematch_net_destroy(net);
  scorematch_engine_destroy(engine);
  return last.mean < 0.9 ? 0 : 1; /* about 1 before training */
}
