// Adam, noise, memory, checkpoints, threads, and statuses.
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "affine.h"
#include "check.h"

static const scorematch_noise_position kStart = {9, 0, 0};

void test_adam(const scorematch_engine* engine) {
  static const float grad_values[3] = {2, -0.5f, 1}, zero[3] = {0, 0, 0};
  scorematch_view grad = f32(grad_values, 3, 0);
  float params[3] = {1, 1, 1}, same[3], average[3], moment[3], square[3];
  const scorematch_view view = f32(params, 3, 0), same_view = f32(same, 3, 0);
  scorematch_adam *adam = NULL, *other = NULL;
  scorematch_adam_snapshot *snapshot = NULL, *made = NULL;
  scorematch_adam_progress progress = {0, 0, 0, 0};
  scorematch_queue* queue = NULL;
  scorematch_view ema;
  const char* options = NULL;
  int i;
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_adam_create(engine, 3, "learning_rate=0.125 ema_decay=0.5 max_grad_norm=100", &adam));
  OK(scorematch_adam_step(adam, queue, &view, &grad, 0));
  // The first step is learning_rate * g/(|g| + epsilon), for any size of g. The average starts at the initial params.
  for (i = 0; i < 3; ++i) CHECK_NEAR(params[i], 1 - 0.125 * (grad_values[i] > 0 ? 1 : -1), 1e-6);
  OK(scorematch_adam_get_progress(adam, queue, &progress));
  CHECK(progress.step == 1 && progress.skipped == 0 && progress.learning_rate == 0.125);
  CHECK_NEAR(progress.grad_norm, sqrt(5.25), 1e-6);
  OK(scorematch_adam_ema(adam, &ema));
  CHECK(ema.dtype == SCOREMATCH_F32 && ema.shape.rank == 1 && ema.shape.extent[0] == 3);
  OK(scorematch_queue_read(queue, &ema, average, sizeof average));
  for (i = 0; i < 3; ++i) CHECK_NEAR(average[i], 0.5 * (1 + params[i]), 1e-6);

  OK(scorematch_adam_take_snapshot(adam, queue, &snapshot));
  OK(scorematch_adam_snapshot_moments(snapshot, moment, square, average, 3));
  for (i = 0; i < 3; ++i) {
    CHECK_NEAR(moment[i], 0.1 * grad_values[i], 1e-7);
    CHECK_NEAR(square[i], 0.001 * grad_values[i] * grad_values[i], 1e-9);
  }
  OK(scorematch_adam_snapshot_options(snapshot, &options));
  CHECK(strcmp(options,
               "learning_rate=0.125 beta1=0.9 beta2=0.999 epsilon=1e-08 weight_decay=0 max_grad_norm=100 "
               "ema_decay=0.5") == 0);
  OK(scorematch_adam_snapshot_progress(snapshot, &progress));
  // An Adam that is restored from the parts of the snapshot continues bit-identically.
  OK(scorematch_adam_snapshot_create(options, &progress, moment, square, average, 3, &made));
  memcpy(same, params, sizeof params);
  OK(scorematch_adam_create(engine, 3, options, &other));
  OK(scorematch_adam_restore(other, queue, made));
  OK(scorematch_adam_set_learning_rate(adam, queue, 0.25));
  OK(scorematch_adam_set_learning_rate(other, queue, 0.25));
  OK(scorematch_adam_step(adam, queue, &view, &grad, 2));
  OK(scorematch_adam_step(other, queue, &same_view, &grad, 2));
  CHECK(memcmp(params, same, sizeof params) == 0);
  OK(scorematch_adam_restore(adam, queue, snapshot));
  OK(scorematch_adam_get_progress(adam, queue, &progress));
  CHECK(progress.step == 1 && progress.learning_rate == 0.125);

  scorematch_adam_snapshot_destroy(made);
  REFUSED(scorematch_adam_snapshot_create("ema_decay=0.5", NULL, zero, zero, NULL, 3, &made), "ema", "3 values, got 0");
  CHECK(made == NULL);
  REFUSED(scorematch_adam_snapshot_create(NULL, NULL, zero, NULL, NULL, 3, &made), "second_moment", "null pointer");
  REFUSED(scorematch_adam_snapshot_create(NULL, NULL, zero, zero, NULL, -3, &made), "param_count", "got -3");
  REFUSED(scorematch_adam_snapshot_moments(snapshot, moment, NULL, NULL, 4), "param_count", "3 elements, got 4");
  REFUSED(scorematch_adam_step(adam, queue, &view, &grad, -1), "loss_scale", "got -1");
  scorematch_adam_snapshot_destroy(snapshot);
  scorematch_adam_destroy(other);
  REFUSED(scorematch_adam_create(engine, 3, "beta1=1", &other), "beta1", "in [0, 1), got 1");
  REFUSED(scorematch_adam_create(engine, 3, "beta3=1", &other), "options.beta3",
          "one of the keys beta1, beta2, ema_decay, epsilon, groups, learning_rate, max_grad_norm, weight_decay");
  OK(scorematch_adam_create(engine, 3, NULL, &other));
  REFUSED(scorematch_adam_ema(other, &ema), "ema_decay", "> 0");
  OK(scorematch_adam_take_snapshot(other, queue, &snapshot));
  REFUSED(scorematch_adam_snapshot_moments(snapshot, moment, square, average, 3), "ema", "no average");
  scorematch_adam_snapshot_destroy(snapshot);
  scorematch_adam_destroy(other);
  scorematch_adam_destroy(adam);

  // The second parameter decays alone; the third stays.
  OK(scorematch_adam_create(engine, 3, "learning_rate=0.5 weight_decay=0.5 groups=0,1,1,0,2,1,0,1", &adam));
  for (i = 0; i < 3; ++i) params[i] = 1;
  grad = f32(zero, 3, 0);
  OK(scorematch_adam_step(adam, queue, &view, &grad, 0));
  CHECK(params[0] == 1 && params[2] == 1);
  CHECK_NEAR(params[1], 0.75, 1e-7);
  OK(scorematch_adam_take_snapshot(adam, queue, &snapshot));
  OK(scorematch_adam_snapshot_options(snapshot, &options));
  CHECK(strstr(options, " groups=0,1,1,0,2,1,0,1") != NULL);
  scorematch_adam_snapshot_destroy(snapshot);
  scorematch_adam_destroy(adam);
  REFUSED(scorematch_adam_create(engine, 3, "groups=0,1,1", &adam), "options.groups", "got 3 numbers");
  REFUSED(scorematch_adam_create(engine, 3, "groups=0.5,1,1,1", &adam), "options.groups", "a whole number");
  REFUSED(scorematch_adam_create(engine, 3, "groups=2,2,1,1", &adam), "groups[0]", "elements of the 3 parameters");
  scorematch_queue_destroy(queue);
}

void test_ema(const scorematch_engine* engine) {
  static const float first[2] = {1, -3}, second[2] = {2, 5};
  const scorematch_view start = f32(first, 2, 0), next = f32(second, 2, 0), other = f32(first, 1, 0);
  scorematch_ema *ema = NULL, *none = NULL;
  scorematch_queue* queue = NULL;
  scorematch_view average;
  float values[2];
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_ema_create(engine, 2, 0.75, &ema));
  REFUSED(scorematch_ema_update(ema, queue, &next), "ema", "an update before start()");
  OK(scorematch_ema_start(ema, queue, &start));
  OK(scorematch_ema_update(ema, queue, &next));
  OK(scorematch_ema_average(ema, &average));
  CHECK(average.dtype == SCOREMATCH_F32 && average.shape.rank == 1 && average.shape.extent[0] == 2);
  OK(scorematch_queue_read(queue, &average, values, sizeof values));
  CHECK(values[0] == 1.25f && values[1] == -1);
  REFUSED(scorematch_ema_update(ema, queue, &other), "params", "expected [2] float32, got [1]");
  REFUSED(scorematch_ema_update(ema, queue, NULL), "params", "null pointer");
  REFUSED(scorematch_ema_start(NULL, queue, &start), "ema", "null pointer");
  REFUSED(scorematch_ema_average(ema, NULL), "average", "null pointer");
  REFUSED(scorematch_ema_create(engine, 2, 1, &none), "decay", "in (0, 1), got 1");
  REFUSED(scorematch_ema_create(NULL, 2, 0.5, &none), "engine", "null pointer");
  CHECK(none == NULL);
  scorematch_ema_destroy(NULL);
  scorematch_ema_destroy(ema);
  scorematch_queue_destroy(queue);
}

void test_noise(const scorematch_engine* engine) {
  enum { kRows = 6 };
  scorematch_noise* noise = NULL;
  scorematch_queue* queue = NULL;
  scorematch_perturb_plan* plan = NULL;
  scorematch_noise_position at = {0, 0, 0};
  float x[kRows * kDim] = {0}, whole[kRows * kDim], part[2 * kDim];
  scorematch_perturb_in in = {.struct_size = sizeof in};
  scorematch_perturb_out out = {.struct_size = sizeof out};
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_noise_create(engine, &kStart, &noise));
  OK(scorematch_noise_advance(noise, queue));
  OK(scorematch_noise_advance(noise, queue));
  OK(scorematch_noise_read(noise, queue, &at));
  CHECK(at.seed == 9 && at.step == 2 && at.first_sample == 0);
  OK(scorematch_perturb_plan_create(engine, kDim, "schedule=single", kRows, &plan));
  in.batch.x = f32(x, kRows, kDim);
  in.batch.noise = scorematch_noise_from(noise, 0);
  out.eps = f32(whole, kRows, kDim);
  OK(scorematch_perturb_plan_run(plan, queue, &in, &out));
  // Samples 3 and 4 of the same draws, by the offset alone and with the position's first_sample.
  in.batch.x = f32(x, 2, kDim);
  out.eps = f32(part, 2, kDim);
  in.batch.noise = scorematch_noise_from(noise, 3);
  OK(scorematch_perturb_plan_run(plan, queue, &in, &out));
  CHECK(memcmp(part, whole + 3 * kDim, sizeof part) == 0);
  at.first_sample = 2;
  OK(scorematch_noise_set(noise, queue, &at));
  in.batch.noise = scorematch_noise_from(noise, 1);
  OK(scorematch_perturb_plan_run(plan, queue, &in, &out));
  CHECK(memcmp(part, whole + 3 * kDim, sizeof part) == 0);
  in.batch.noise = scorematch_noise_from(noise, -1);
  REFUSED(scorematch_perturb_plan_run(plan, queue, &in, &out), "noise.sample_offset", "at least 0, got -1");
  at.step = -1;
  REFUSED(scorematch_noise_set(noise, queue, &at), "step", "got -1");
  scorematch_perturb_plan_destroy(plan);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
}

void test_memory(const scorematch_engine* engine) {
  static const double values[6] = {1, 2, 3, 4, 5, 6};
  static const int64_t indices[2] = {7, -8};
  double host[6] = {9, 9, 9, 9, 9, 9};
  int64_t back[2] = {0, 0};
  scorematch_buffer* buffer = NULL;
  scorematch_queue* queue = NULL;
  scorematch_view view;
  scorematch_estimate estimate = {1, 2, 3}, merged = {0, 0, 0};
  const scorematch_estimate other = {3, 6, 1};
  void* data = NULL;
  OK(scorematch_buffer_create(engine, sizeof values, &buffer));
  OK(scorematch_buffer_data(buffer, &data));
  CHECK((uintptr_t)data % 256 == 0);
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  view = f64(data, 2, 3);
  OK(scorematch_queue_read(queue, &view, host, sizeof host));
  CHECK(host[0] == 0 && host[5] == 0);
  OK(scorematch_queue_write(queue, &view, values, sizeof values));
  view.shape.extent[1] = 2;  // two of the three columns
  OK(scorematch_queue_read(queue, &view, host, 4 * sizeof *host));
  CHECK(host[0] == 1 && host[1] == 2 && host[2] == 4 && host[3] == 5 && host[4] == 0);
  REFUSED(scorematch_queue_write(queue, &view, values, 4 * sizeof *values), "to", "a dense view");
  view = scorematch_array(data, SCOREMATCH_I64, 2, 0);
  OK(scorematch_queue_write(queue, &view, indices, sizeof indices));
  OK(scorematch_queue_read(queue, &view, back, sizeof back));
  CHECK(memcmp(back, indices, sizeof back) == 0);
  REFUSED(scorematch_queue_read(queue, &view, back, 12), "bytes", "8 per element of [2] int64, got 12");
  REFUSED(scorematch_queue_read(queue, &view, NULL, 16), "host", "null pointer");
  view.dtype = 5;
  REFUSED(scorematch_queue_read(queue, &view, back, 16), "dtype", "got 5");
  view = f32(NULL, 2, 0);
  REFUSED(scorematch_queue_read(queue, &view, back, 8), "from", "got nothing");
  view.shape.rank = 9;
  REFUSED(scorematch_queue_read(queue, &view, back, 8), "shape", "got 9");
  scorematch_queue_destroy(queue);
  OK(scorematch_queue_create_in(engine, data, 48, NULL, &queue));
  scorematch_queue_destroy(queue);
  REFUSED(scorematch_queue_create_in(engine, (char*)data + 8, 40, NULL, &queue), "workspace",
          "got 8 bytes past a multiple");
  REFUSED(scorematch_queue_create(engine, 0, data, &queue), "stream", "got");
  CHECK(queue == NULL);
  scorematch_buffer_destroy(buffer);
  OK(scorematch_buffer_upload(engine, values, sizeof values, &buffer));
  OK(scorematch_buffer_data(buffer, &data));
  CHECK(memcmp(data, values, sizeof values) == 0);
  scorematch_buffer_destroy(buffer);
  REFUSED(scorematch_buffer_upload(engine, NULL, 8, &buffer), "host", "null pointer");
  REFUSED(scorematch_buffer_create(engine, (size_t)-1, &buffer), "bytes", "fewer than 2^63");
  FAILS(scorematch_buffer_create(engine, (size_t)1 << 62, &buffer), SCOREMATCH_OUT_OF_MEMORY, "", "memory for");
  CHECK(buffer == NULL);

  // {1, 2, 3} and {3, 6, 1} merge to mean 5, m2 = 3 + 1 + 16 * 3/4.
  OK(scorematch_estimate_merge(&estimate, &other, &merged));
  CHECK(merged.count == 4 && merged.mean == 5 && merged.m2 == 16);
  CHECK_NEAR(scorematch_estimate_standard_error(&merged), sqrt(16.0 / 3 / 4), 1e-15);
  OK(scorematch_estimate_merge(&estimate, &other, &estimate));
  CHECK(estimate.mean == 5);
  CHECK(isnan(scorematch_estimate_standard_error(NULL)));
  REFUSED(scorematch_estimate_merge(NULL, &other, &merged), "a", "null pointer");
}

void test_checkpoints(const scorematch_engine* engine) {
  static const char path[] = "c_interface_checkpoint.safetensors";
  static const double mean[3] = {1, 0.1, -2}, scale[3] = {0.5, 0, 2}, bad_scale[3] = {1, 0, 0};
  const double warps[3] = {0, 0, 1.5};
  const scorematch_noise_position position = {18446744073709551615u, 12, 34};
  const scorematch_view grad = f32(kX, kParams, 0);
  scorematch_checkpoint *saved = NULL, *loaded = NULL;
  scorematch_net *net = NULL, *same_net = NULL;
  scorematch_adam* adam = NULL;
  scorematch_adam_snapshot *snapshot = NULL, *same = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise_position at = {0, 0, 0};
  float params[kParams], got[kParams], average[kParams];
  const double *other = NULL, *widths = NULL, *warp = NULL, *mixing = NULL;
  scorematch_view view = f32(params, kParams, 0);
  const char *text = NULL, *first = NULL, *second = NULL;
  int32_t given = -1;
  memcpy(params, kNet, sizeof params);
  OK(scorematch_net_create("dim=2 parameterization=ncsn", &net));
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_adam_create(engine, kParams, "ema_decay=0.005", &adam));  // settled after one step
  OK(scorematch_adam_step(adam, queue, &view, &grad, 0));
  OK(scorematch_adam_take_snapshot(adam, queue, &snapshot));
  OK(scorematch_checkpoint_create(net, kNet, kParams, &saved));
  OK(scorematch_checkpoint_adam(saved, &same));
  CHECK(same == NULL);
  OK(scorematch_checkpoint_standardization(saved, &other, &widths, &warp, &mixing, &given));
  CHECK(given == 0 && other == NULL && widths == NULL);
  OK(scorematch_checkpoint_loss(saved, &text));
  CHECK(text == NULL);
  OK(scorematch_checkpoint_set_adam(saved, snapshot));
  OK(scorematch_checkpoint_set_noise(saved, &position));
  OK(scorematch_checkpoint_set_standardization(saved, mean, scale, warps, NULL, 3));
  OK(scorematch_checkpoint_set_loss(saved, "objective=dsm schedule=single sigma=0.3"));
  OK(scorematch_checkpoint_set_metadata(saved, "color", "blue"));
  OK(scorematch_checkpoint_set_metadata(saved, "shape", "round"));
  OK(scorematch_checkpoint_set_metadata(saved, "size", "large"));
  OK(scorematch_checkpoint_set_metadata(saved, "size", NULL));
  OK(scorematch_checkpoint_save(saved, path));
  OK(scorematch_checkpoint_load(path, &loaded));

  OK(scorematch_checkpoint_net(loaded, &same_net));
  OK(scorematch_net_text(net, &first));
  OK(scorematch_net_text(same_net, &second));
  CHECK(strcmp(first, second) == 0);
  OK(scorematch_checkpoint_params(loaded, got, kParams));
  CHECK(memcmp(got, kNet, sizeof got) == 0);
  OK(scorematch_checkpoint_adam(loaded, &same));
  OK(scorematch_adam_snapshot_moments(same, NULL, NULL, average, kParams));
  OK(scorematch_checkpoint_sampling_params(loaded, got, kParams));
  CHECK(memcmp(got, average, sizeof got) == 0 && memcmp(got, kNet, sizeof got) != 0);
  OK(scorematch_checkpoint_noise(loaded, &at));
  CHECK(at.seed == position.seed && at.step == 12 && at.first_sample == 34);
  OK(scorematch_checkpoint_standardization(loaded, &other, &widths, &warp, &mixing, &given));
  CHECK(given == 3 && memcmp(other, mean, sizeof mean) == 0 && memcmp(widths, scale, sizeof scale) == 0);
  CHECK(warp != NULL && memcmp(warp, warps, sizeof warps) == 0 && mixing == NULL);
  OK(scorematch_checkpoint_loss(loaded, &text));
  CHECK(text != NULL && strcmp(text, "objective=dsm schedule=single sigma=0.3 variance=plain weighting=none") == 0);
  OK(scorematch_checkpoint_set_loss(loaded, NULL));
  OK(scorematch_checkpoint_loss(loaded, &text));
  CHECK(text == NULL);
  REFUSED(scorematch_checkpoint_set_loss(loaded, "objective=dsm sigma=1"), "loss.sigma", "'1'");
  REFUSED(scorematch_checkpoint_set_loss(loaded, "objective=ssm projections=0"), "projections", "0");
  OK(scorematch_checkpoint_metadata(loaded, "shape", &text));
  CHECK(text != NULL && strcmp(text, "round") == 0);
  OK(scorematch_checkpoint_metadata(loaded, "size", &text));
  CHECK(text == NULL);
  OK(scorematch_checkpoint_metadata_key(loaded, 0, &text));
  CHECK(strcmp(text, "color") == 0);
  OK(scorematch_checkpoint_metadata_key(loaded, 2, &text));
  CHECK(text == NULL);
  OK(scorematch_checkpoint_set_adam(loaded, NULL));
  OK(scorematch_checkpoint_sampling_params(loaded, got, kParams));
  CHECK(memcmp(got, kNet, sizeof got) == 0);

  OK(scorematch_checkpoint_set_standardization(loaded, mean, bad_scale, NULL, NULL, 3));
  REFUSED(scorematch_checkpoint_save(loaded, path), "data.scale", "2 values > 0, as the network has 2 inputs, got 1");
  REFUSED(scorematch_checkpoint_set_standardization(loaded, mean, scale, NULL, NULL, 1), "columns", "at least 2");
  OK(scorematch_checkpoint_set_standardization(loaded, NULL, NULL, NULL, NULL, 0));
  REFUSED(scorematch_checkpoint_params(loaded, got, 5), "count", "6 elements, got 5");
  scorematch_checkpoint_destroy(loaded);
  FAILS(scorematch_checkpoint_load("no_such_folder/file", &loaded), SCOREMATCH_IO, "no_such_folder/file", "no_such");
  CHECK(loaded == NULL);
  remove(path);
  scorematch_adam_snapshot_destroy(same);
  scorematch_adam_snapshot_destroy(snapshot);
  scorematch_adam_destroy(adam);
  scorematch_queue_destroy(queue);
  scorematch_net_destroy(same_net);
  scorematch_net_destroy(net);
  scorematch_checkpoint_destroy(saved);
}

/// Named arrays: set, read, saved and loaded, removed.
void test_checkpoint_arrays(void) {
  static const char path[] = "c_interface_arrays.safetensors";
  static const double losses[3] = {0.1, -HUGE_VAL, 1e-310}, later[2] = {3, 4};
  scorematch_checkpoint *saved = NULL, *loaded = NULL;
  scorematch_net* net = NULL;
  const double *got = NULL, *untouched = later;
  const char* key = NULL;
  int64_t count = -1;
  OK(scorematch_net_create(kNetText, &net));
  OK(scorematch_checkpoint_create(net, kNet, kParams, &saved));
  OK(scorematch_checkpoint_array(saved, "losses", &got, &count));
  CHECK(got == NULL && count == 0);
  OK(scorematch_checkpoint_set_array(saved, "losses", later, 2));
  OK(scorematch_checkpoint_set_array(saved, "losses", losses, 3));
  OK(scorematch_checkpoint_set_array(saved, "empty", losses, 0));
  OK(scorematch_checkpoint_set_array(saved, "rates", later, 2));
  // A file that is loaded and saved again still has all of them.
  OK(scorematch_checkpoint_save(saved, path));
  OK(scorematch_checkpoint_load(path, &loaded));
  OK(scorematch_checkpoint_save(loaded, path));
  scorematch_checkpoint_destroy(loaded);
  OK(scorematch_checkpoint_load(path, &loaded));
  OK(scorematch_checkpoint_array(loaded, "losses", &got, &count));
  CHECK(count == 3 && got != NULL && memcmp(got, losses, sizeof losses) == 0);
  OK(scorematch_checkpoint_array(loaded, "empty", &got, &count));
  CHECK(count == 0 && got != NULL);
  OK(scorematch_checkpoint_array_key(loaded, 0, &key));
  CHECK(key != NULL && strcmp(key, "empty") == 0);
  OK(scorematch_checkpoint_array_key(loaded, 2, &key));
  CHECK(key != NULL && strcmp(key, "rates") == 0);
  OK(scorematch_checkpoint_array_key(loaded, 3, &key));
  CHECK(key == NULL);
  // A borrowed array, or a part of it, may be set again.
  OK(scorematch_checkpoint_array(loaded, "losses", &got, &count));
  if (count == 3) OK(scorematch_checkpoint_set_array(loaded, "losses", got + 1, 2));
  OK(scorematch_checkpoint_array(loaded, "losses", &got, &count));
  CHECK(count == 2 && memcmp(got, losses + 1, 2 * sizeof *got) == 0);
  OK(scorematch_checkpoint_set_array(loaded, "losses", NULL, 0));
  OK(scorematch_checkpoint_array(loaded, "losses", &got, &count));
  CHECK(got == NULL && count == 0);

  count = 7;
  REFUSED(scorematch_checkpoint_set_array(loaded, "rates", NULL, 2), "values", "memory, got a null pointer");
  REFUSED(scorematch_checkpoint_set_array(loaded, "rates", later, -1), "count", "at least 0, got -1");
  REFUSED(scorematch_checkpoint_set_array(loaded, NULL, later, 2), "key", "a string, got a null pointer");
  REFUSED(scorematch_checkpoint_set_array(NULL, "rates", later, 2), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_array(NULL, "rates", &untouched, &count), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_array(loaded, NULL, &untouched, &count), "key", "null pointer");
  REFUSED(scorematch_checkpoint_array(loaded, "rates", NULL, &count), "values", "the address of the result");
  REFUSED(scorematch_checkpoint_array(loaded, "rates", &untouched, NULL), "count", "the address of the result");
  REFUSED(scorematch_checkpoint_array_key(loaded, -1, &key), "index", "at least 0, got -1");
  REFUSED(scorematch_checkpoint_array_key(NULL, 0, &key), "checkpoint", "null pointer");
  REFUSED(scorematch_checkpoint_array_key(loaded, 0, NULL), "key", "the address of the result");
  CHECK(untouched == later && count == 7);
  OK(scorematch_checkpoint_array(loaded, "rates", &got, &count));
  CHECK(count == 2 && memcmp(got, later, sizeof later) == 0);
  remove(path);
  scorematch_checkpoint_destroy(loaded);
  scorematch_checkpoint_destroy(saved);
  scorematch_net_destroy(net);
}

/// The statuses that any machine can produce; c_guard_test.cpp tests the others.
void test_statuses(void) {
  scorematch_engine* engine = NULL;
  const scorematch_status status = scorematch_engine_cuda(0, &engine);
  CHECK(status == SCOREMATCH_OK || status == SCOREMATCH_UNSUPPORTED || status == SCOREMATCH_DEVICE_UNAVAILABLE);
  CHECK((status == SCOREMATCH_OK) == (engine != NULL));
  scorematch_engine_destroy(engine);
  REFUSED(scorematch_engine_cuda(-1, &engine), "device", "at least 0, got -1");
  REFUSED(scorematch_engine_cpu(-1, &engine), "threads", "between 0 and 4096, got -1");
  OK(scorematch_engine_best(1, &engine));
  scorematch_engine_destroy(engine);
  CHECK(strcmp(scorematch_status_name(SCOREMATCH_OK), "ok") == 0);
  CHECK(strcmp(scorematch_status_name(SCOREMATCH_IO), "io") == 0);
  CHECK(strcmp(scorematch_status_name(99), "unknown") == 0);
}

static void* fail_elsewhere(void* unused) {
  scorematch_net* net = NULL;
  (void)unused;
  CHECK(strcmp(scorematch_last_error(), "") == 0 && strcmp(scorematch_last_error_argument(), "") == 0);
  REFUSED(scorematch_net_create("dim=2 activation=relu", &net), "net.activation", "relu");
  return NULL;
}

void test_threads(void) {
  scorematch_net* net = NULL;
  pthread_t thread;
  REFUSED(scorematch_net_create("dim=-1", &net), "dim", "got -1");
  CHECK(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(strcmp(scorematch_last_error_argument(), "dim") == 0);
  OK(scorematch_net_create("dim=1", &net));  // a call that succeeds leaves the error in place
  CHECK(strcmp(scorematch_last_error_argument(), "dim") == 0);
  scorematch_net_destroy(net);
}
