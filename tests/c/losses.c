// LossPlan and HeadPlan.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "affine.h"
#include "check.h"

static const double kTolerance = 1e-6;  // only the square root is rounded

struct known known_loss(const char* objective) {
  const int esm = strcmp(objective, "esm") == 0, dsm = strcmp(objective, "dsm") == 0;
  const int ism = strcmp(objective, "ism") == 0, ssm = strcmp(objective, "ssm") == 0;
  const int sliced = ssm || strcmp(objective, "ssm_vr") == 0;
  struct known k;
  int n, i, j;
  memset(&k, 0, sizeof k);
  for (n = 0; n < kBatch; ++n) {
    const double sigma = kSigma[n], weight = dsm ? sigma * sigma : 1;
    double z[kDim], s[kDim], v[kDim], e[kDim][kDim], slice = 0, loss = 0;
    for (i = 0; i < kDim; ++i) {
      z[i] = kX[n * kDim + i] + (dsm ? sigma * kEps[n * kDim + i] : 0);
      v[i] = kDirections[n * kDim + i];
    }
    for (i = 0; i < kDim; ++i)
      for (s[i] = kNet[kDim * kDim + i], j = 0; j < kDim; ++j) s[i] += (double)kNet[i * kDim + j] * z[j];
    for (i = 0; i < kDim; ++i) slice += v[i] * s[i];
    for (i = 0; i < kDim; ++i)
      for (j = 0; j < kDim; ++j) {
        e[i][j] = sliced ? v[i] * v[j] : ism && i == j;
        loss += e[i][j] * kNet[i * kDim + j];
      }
    for (i = 0; i < kDim; ++i) {
      double r = s[i];
      if (esm) r -= kTrueScore[n * kDim + i];
      if (dsm) r += kEps[n * kDim + i] / sigma;
      if (!ssm) loss += 0.5 * r * r;
      k.r[n][i] = weight * (ssm ? v[i] * slice : r);
    }
    if (ssm) loss += 0.5 * slice * slice;
    k.loss[n] = weight * loss;
    k.mean += k.loss[n] / kBatch;
    for (i = 0; i < kDim; ++i) {
      for (j = 0; j < kDim; ++j) {
        k.grad[i * kDim + j] += (k.r[n][i] * z[j] + weight * e[i][j]) / kBatch;
        k.grad_x[n][j] += kNet[i * kDim + j] * k.r[n][i] / kBatch;
      }
      k.grad[kDim * kDim + i] += k.r[n][i] / kBatch;
    }
  }
  for (n = 0; n < kBatch; ++n) k.standard_error += (k.loss[n] - k.mean) * (k.loss[n] - k.mean);
  k.standard_error = sqrt(k.standard_error / (kBatch - 1) / kBatch);
  return k;
}

static scorematch_loss_in inputs(const char* objective) {
  scorematch_loss_in in;
  memset(&in, 0, sizeof in);
  in.struct_size = sizeof in;
  in.params = f32(kNet, kParams, 0);
  in.batch.x = f32(kX, kBatch, kDim);
  if (strcmp(objective, "dsm") == 0) in.batch.sigma = f32(kSigma, kBatch, 0), in.batch.eps = f32(kEps, kBatch, kDim);
  if (strncmp(objective, "ssm", 3) == 0)
    in.batch.directions = scorematch_stack(kDirections, SCOREMATCH_F32, 1, kBatch, kDim);
  if (strcmp(objective, "esm") == 0) in.batch.true_score = f32(kTrueScore, kBatch, kDim);
  return in;
}

static void check_loss(const struct known* k, const scorematch_estimate* loss, const float* grad, const float* grad_x,
                       const float* per_sample) {
  int i;
  CHECK(loss->count == kBatch);
  CHECK_NEAR(loss->mean, k->mean, kTolerance);
  CHECK_NEAR(scorematch_estimate_standard_error(loss), k->standard_error, kTolerance);
  for (i = 0; i < kParams; ++i) CHECK_NEAR(grad[i], k->grad[i], kTolerance);
  for (i = 0; i < kBatch * kDim; ++i) CHECK_NEAR(grad_x[i], k->grad_x[i / kDim][i % kDim], kTolerance);
  for (i = 0; i < kBatch; ++i) CHECK_NEAR(per_sample[i], k->loss[i], kTolerance);
}

/// Each weight multiplies its sample's loss and gradient. Every value is a power of two, so all products are exact.
static void test_weight(const scorematch_loss_plan* plan, scorematch_queue* queue, scorematch_loss_in in) {
  static const float kWeight[kBatch] = {1, 4, 0, 0.5F};
  float plain[kBatch], weighted[kBatch], plain_x[kBatch * kDim], weighted_x[kBatch * kDim];
  scorematch_loss_out out = {.struct_size = sizeof out};
  int i;
  out.loss_per_sample = f32(plain, kBatch, 0);
  out.grad_x = f32(plain_x, kBatch, kDim);
  OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
  in.batch.weight = f32(kWeight, kBatch, 0);
  out.loss_per_sample = f32(weighted, kBatch, 0);
  out.grad_x = f32(weighted_x, kBatch, kDim);
  OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
  for (i = 0; i < kBatch; ++i) CHECK(weighted[i] == kWeight[i] * plain[i]);
  for (i = 0; i < kBatch * kDim; ++i) CHECK(weighted_x[i] == kWeight[i / kDim] * plain_x[i]);
}

static void test_objective(const scorematch_engine* engine, const scorematch_net* net, const char* objective) {
  const struct known k = known_loss(objective);
  static const int64_t kSwapped[kBatch] = {3, 2, 1, 0};
  scorematch_loss_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  scorematch_plan_report report = {.struct_size = sizeof report};
  scorematch_estimate loss = {0, 0, 0}, read = {0, 0, 0};
  float grad[kParams], grad_x[kBatch * kDim], per_sample[kBatch], swapped[kBatch * kDim];
  scorematch_loss_in in = inputs(objective), half;
  scorematch_loss_out out = {.struct_size = sizeof out};
  scorematch_reduction part = {.struct_size = sizeof part, .normaliser = kBatch};
  char text[64];
  size_t bytes = 0;
  int64_t n;
  snprintf(text, sizeof text, "objective=%s%s", objective, strcmp(objective, "dsm") == 0 ? " weighting=sigma2" : "");
  OK(scorematch_loss_plan_create(engine, net, text, kBatch, NULL, &plan));
  OK(scorematch_loss_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  out.loss = &loss;
  out.grad = f32(grad, kParams, 0);
  out.grad_x = f32(grad_x, kBatch, kDim);
  out.loss_per_sample = f32(per_sample, kBatch, 0);
  OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
  OK(scorematch_queue_synchronize(queue));
  check_loss(&k, &loss, grad, grad_x, per_sample);
  OK(scorematch_queue_read_estimate(queue, &loss, &read));
  CHECK(read.mean == loss.mean && read.m2 == loss.m2 && read.count == loss.count);

  // Accumulates over the samples, one per call.
  for (n = 0; n < kBatch; ++n) {
    half = in;
    half.batch.x = f32(kX + n * kDim, 1, kDim);
    if (in.batch.sigma.data != NULL)
      half.batch.sigma = f32(kSigma + n, 1, 0), half.batch.eps = f32(kEps + n * kDim, 1, kDim);
    if (in.batch.directions.data != NULL)
      half.batch.directions = scorematch_stack(kDirections + n * kDim, SCOREMATCH_F32, 1, 1, kDim);
    if (in.batch.true_score.data != NULL) half.batch.true_score = f32(kTrueScore + n * kDim, 1, kDim);
    part.accumulate = n > 0;
    out.grad_x = f32(grad_x + n * kDim, 1, kDim);
    out.loss_per_sample = f32(per_sample + n, 1, 0);
    OK(scorematch_loss_plan_run(plan, queue, &half, &out, &part));
  }
  check_loss(&k, &loss, grad, grad_x, per_sample);

  test_weight(plan, queue, in);

  // The rows of x in reverse, which indices undo. The structs end early, as those of an older caller do.
  for (n = 0; n < kBatch; ++n) memcpy(swapped + n * kDim, kX + (kBatch - 1 - n) * kDim, kDim * sizeof(float));
  in.batch.x = f32(swapped, kBatch, kDim);
  in.batch.rows = scorematch_array(kSwapped, SCOREMATCH_I64, kBatch, 0);
  in.struct_size = offsetof(scorematch_loss_in, batch.draw_rows);
  in.batch.draw_rows = -7;
  out.struct_size = offsetof(scorematch_loss_out, grad_x);
  out.grad_x = f32(NULL, -5, 1);
  OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
  check_loss(&k, &loss, grad, grad_x, per_sample);

  OK(scorematch_loss_plan_report(plan, kBatch, &report));
  CHECK(report.route == SCOREMATCH_ROUTE_AUTOMATIC && report.launches == 0 && strcmp(report.text, "on the host") == 0);
  scorematch_queue_destroy(queue);
  scorematch_loss_plan_destroy(plan);
}

void test_losses(const scorematch_engine* engine) {
  static const char* const objectives[] = {"esm", "ism", "dsm", "ssm", "ssm_vr"};
  scorematch_net* net = NULL;
  size_t i;
  OK(scorematch_net_create(kNetText, &net));
  for (i = 0; i < sizeof objectives / sizeof *objectives; ++i) test_objective(engine, net, objectives[i]);
  scorematch_net_destroy(net);
}

static void test_head(const scorematch_engine* engine, const char* objective) {
  const struct known k = known_loss(objective);
  const scorematch_loss_in given = inputs(objective);
  scorematch_head_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  scorematch_estimate loss = {0, 0, 0};
  float output[kBatch * kDim], jvp[kBatch * kDim], trace[kBatch];
  float grad_output[kBatch * kDim], grad_jvp[kBatch * kDim], grad_trace[kBatch], per_sample[kBatch];
  float per_direction[kBatch];
  scorematch_head_in in = {.struct_size = sizeof in};
  scorematch_head_out out = {.struct_size = sizeof out};
  const int dsm = strcmp(objective, "dsm") == 0, sliced = strncmp(objective, "ssm", 3) == 0;
  const int ism = strcmp(objective, "ism") == 0;
  char text[64];
  size_t bytes = 0;
  int n, i, j;
  snprintf(text, sizeof text, "objective=%s%s", objective, dsm ? " weighting=sigma2" : "");
  OK(scorematch_head_plan_create(engine, kDim, text, kBatch, &plan));
  OK(scorematch_head_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  for (n = 0; n < kBatch; ++n) {
    trace[n] = kNet[0] + kNet[3];
    for (i = 0; i < kDim; ++i) {
      float s = kNet[kDim * kDim + i], product = 0;
      for (j = 0; j < kDim; ++j) {
        s += kNet[i * kDim + j] * (kX[n * kDim + j] + (dsm ? kSigma[n] * kEps[n * kDim + j] : 0));
        product += kNet[i * kDim + j] * kDirections[n * kDim + j];
      }
      output[n * kDim + i] = s;
      jvp[n * kDim + i] = product;
    }
  }
  in.output = f32(output, kBatch, kDim);
  in.batch.sigma = given.batch.sigma;
  in.batch.eps = given.batch.eps;
  in.batch.directions = given.batch.directions;
  in.batch.true_score = given.batch.true_score;
  if (sliced) in.jvp = scorematch_stack(jvp, SCOREMATCH_F32, 1, kBatch, kDim);
  if (ism) in.trace = f32(trace, kBatch, 0);
  out.loss = &loss;
  out.grad_output = f32(grad_output, kBatch, kDim);
  if (sliced) out.grad_jvp = scorematch_stack(grad_jvp, SCOREMATCH_F32, 1, kBatch, kDim);
  if (ism) out.grad_trace = f32(grad_trace, kBatch, 0);
  out.loss_per_sample = f32(per_sample, kBatch, 0);
  if (sliced) out.loss_per_direction = f32(per_direction, 1, kBatch);
  OK(scorematch_head_plan_run(plan, queue, &in, &out, NULL));
  CHECK_NEAR(loss.mean, k.mean, kTolerance);
  for (n = 0; n < kBatch; ++n) {
    CHECK_NEAR(per_sample[n], k.loss[n], kTolerance);
    if (sliced) CHECK_NEAR(per_direction[n], k.loss[n], kTolerance); /* there is one */
    if (ism) CHECK_NEAR(grad_trace[n], 1.0 / kBatch, kTolerance);
    for (i = 0; i < kDim; ++i) {
      CHECK_NEAR(grad_output[n * kDim + i], k.r[n][i] / kBatch, kTolerance);
      if (sliced) CHECK_NEAR(grad_jvp[n * kDim + i], kDirections[n * kDim + i] / kBatch, kTolerance);
    }
  }
  scorematch_queue_destroy(queue);
  scorematch_head_plan_destroy(plan);
}

void test_heads(const scorematch_engine* engine) {
  scorematch_head_plan* plan = NULL;
  test_head(engine, "esm");
  test_head(engine, "ism");
  test_head(engine, "dsm");
  test_head(engine, "ssm");
  test_head(engine, "ssm_vr");
  FAILS(
      scorematch_head_plan_create(engine, kDim, "objective=dsm variance=antithetic schedule=log_normal", kBatch, &plan),
      SCOREMATCH_UNSUPPORTED, "loss.objective", "use LossPlan");
  CHECK(plan == NULL);
}

/// A nonlinear net with each objective, everything drawn, in double.
void test_gradient_by_differences(void) {
  static const char* const losses[] = {
      "objective=dsm schedule=log_normal weighting=edm", "objective=dsm variance=antithetic schedule=single sigma=0.5",
      "objective=ism schedule=geometric sigma_min=0.5 sigma_max=2 levels=3 weighting=sigma2",
      "objective=ssm projections=2 distribution=sphere schedule=log_normal log_mean=0 log_deviation=0.25",
      "objective=ssm_vr distribution=rademacher schedule=single"};
  static const double h = 1e-5;  // truncation, h^2/6 times the third derivative, and rounding, 1e-16/h, are below 1e-9
  enum { kRows = 5, kColumns = 3 };
  scorematch_engine* engine = NULL;
  scorematch_net* net = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  const scorematch_noise_position position = {3, 2, 1};
  double x[kRows * kColumns], *params, *grad;
  float* initial;
  int64_t count = 0, i;
  size_t l;
  OK(scorematch_engine_reference(&engine));
  OK(scorematch_net_create("dim=3 hidden=7,5 activation=tanh parameterization=edm conditioning=log_sigma", &net));
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_noise_create(engine, &position, &noise));
  OK(scorematch_net_param_count(net, &count));
  initial = malloc((size_t)count * sizeof *initial);
  params = malloc((size_t)count * sizeof *params);
  grad = malloc((size_t)count * sizeof *grad);
  OK(scorematch_net_initial_params(net, "torch", 4, initial, count));
  for (i = 0; i < count; ++i) params[i] = initial[i];
  for (i = 0; i < kRows * kColumns; ++i) x[i] = sin((double)i);
  for (l = 0; l < sizeof losses / sizeof *losses; ++l) {
    scorematch_loss_plan* plan = NULL;
    scorematch_estimate loss = {0, 0, 0}, above = {0, 0, 0}, below = {0, 0, 0};
    scorematch_loss_in in = {.struct_size = sizeof in};
    scorematch_loss_out out = {.struct_size = sizeof out};
    OK(scorematch_loss_plan_create(engine, net, losses[l], kRows, NULL, &plan));
    in.params = f64(params, count, 0);
    in.batch.x = f64(x, kRows, kColumns);
    in.batch.noise = scorematch_noise_from(noise, 0);
    out.loss = &loss;
    out.grad = f64(grad, count, 0);
    OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
    out.grad.data = NULL;
    for (i = 0; i < count; i += 7) {
      const double here = params[i];
      params[i] = here + h;
      out.loss = &above;
      OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
      params[i] = here - h;
      out.loss = &below;
      OK(scorematch_loss_plan_run(plan, queue, &in, &out, NULL));
      params[i] = here;
      CHECK_NEAR((above.mean - below.mean) / (2 * h), grad[i], 1e-7 * (1 + fabs(grad[i])));
    }
    scorematch_loss_plan_destroy(plan);
  }
  free(initial);
  free(params);
  free(grad);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
  scorematch_net_destroy(net);
  scorematch_engine_destroy(engine);
}
