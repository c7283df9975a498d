// PerturbPlan, DirectionPlan, ScorePlan and SamplerPlan; networks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "affine.h"
#include "check.h"

static const scorematch_noise_ref kNoNoise = {NULL, 0};

void test_perturbation(const scorematch_engine* engine) {
  enum { kSliced = 3 };
  scorematch_perturb_plan* perturb = NULL;
  scorematch_direction_plan* directions = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  const scorematch_noise_position position = {1, 0, 0};
  float net_input[kBatch * (kDim + 1)], x_tilde[kBatch * kDim], sigma[kBatch], eps[kBatch * kDim];
  float drawn[kSliced * kBatch * kDim];
  scorematch_perturb_in in = {.struct_size = sizeof in};
  scorematch_perturb_out out = {.struct_size = sizeof out};
  scorematch_view view;
  int n, i;
  OK(scorematch_queue_create(engine, 0, NULL, &queue));
  OK(scorematch_noise_create(engine, &position, &noise));
  OK(scorematch_perturb_plan_create(engine, kDim, "parameterization=edm sigma_data=0.5 conditioning=log_sigma", kBatch,
                                    &perturb));
  in.batch.x = f32(kX, kBatch, kDim);
  in.batch.sigma = f32(kSigma, kBatch, 0);
  in.batch.eps = f32(kEps, kBatch, kDim);
  out.net_input = f32(net_input, kBatch, kDim + 1);
  out.x_tilde = f32(x_tilde, kBatch, kDim);
  out.sigma = f32(sigma, kBatch, 0);
  out.eps = f32(eps, kBatch, kDim);
  OK(scorematch_perturb_plan_run(perturb, queue, &in, &out));
  for (n = 0; n < kBatch; ++n) {
    const double c = 1 / sqrt(kSigma[n] * kSigma[n] + 0.25);
    CHECK(sigma[n] == kSigma[n]);
    CHECK_NEAR(net_input[n * (kDim + 1) + kDim], log(kSigma[n]), 1e-6);
    for (i = 0; i < kDim; ++i) {
      const double moved = kX[n * kDim + i] + kSigma[n] * kEps[n * kDim + i];
      CHECK(eps[n * kDim + i] == kEps[n * kDim + i]);
      CHECK_NEAR(x_tilde[n * kDim + i], moved, 1e-6);
      CHECK_NEAR(net_input[n * (kDim + 1) + i], c * moved, 2e-6);
    }
  }
  scorematch_perturb_plan_destroy(perturb);

  // The draws: sigma of the schedule, x_tilde = x + sigma eps.
  OK(scorematch_perturb_plan_create(engine, kDim, "schedule=geometric sigma_min=0.5 sigma_max=2 levels=2", kBatch,
                                    &perturb));
  memset(&in.batch.sigma, 0, sizeof in.batch.sigma);
  memset(&in.batch.eps, 0, sizeof in.batch.eps);
  memset(&out.net_input, 0, sizeof out.net_input);
  in.batch.noise = scorematch_noise_from(noise, 0);
  OK(scorematch_perturb_plan_run(perturb, queue, &in, &out));
  for (n = 0; n < kBatch; ++n) CHECK(fabs(sigma[n] - 0.5) < 1e-6 || fabs(sigma[n] - 2) < 1e-6);
  for (i = 0; i < kBatch * kDim; ++i) CHECK_NEAR(x_tilde[i], kX[i] + sigma[i / kDim] * eps[i], 2e-6);
  scorematch_perturb_plan_destroy(perturb);

  view = scorematch_stack(drawn, SCOREMATCH_F32, kSliced, kBatch, kDim);
  OK(scorematch_direction_plan_create(engine, kDim, "projections=3 distribution=rademacher", kBatch, &directions));
  OK(scorematch_direction_plan_run(directions, queue, scorematch_noise_from(noise, 0), &view));
  for (i = 0; i < kSliced * kBatch * kDim; ++i) CHECK(fabsf(drawn[i]) == 1);
  scorematch_direction_plan_destroy(directions);
  OK(scorematch_direction_plan_create(engine, kDim, "distribution=sphere projections=3", kBatch, &directions));
  OK(scorematch_direction_plan_run(directions, queue, scorematch_noise_from(noise, 0), &view));
  for (i = 0; i < kSliced * kBatch; ++i)
    CHECK_NEAR(drawn[i * kDim] * drawn[i * kDim] + drawn[i * kDim + 1] * drawn[i * kDim + 1], kDim, 4e-6);
  scorematch_direction_plan_destroy(directions);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
}

// With s = W x + b and Rademacher directions the part of the directions is that of v v^T: d (d - 1).
void test_gradient_variance(const scorematch_engine* engine) {
  enum { kRows = 64, kProbes = 400 };
  scorematch_net* net = NULL;
  scorematch_gradient_variance *variance = NULL, *none = NULL;
  scorematch_queue* queue = NULL;
  float x[kRows * kDim];
  size_t bytes = 0;
  int i;
  scorematch_gradient_variance_in in = {.struct_size = sizeof in};
  scorematch_gradient_moments got = {.struct_size = sizeof got}, again = {.struct_size = sizeof again};
  for (i = 0; i < kRows * kDim; ++i) x[i] = (float)sin(1.7 * i);
  OK(scorematch_net_create(kNetText, &net));
  OK(scorematch_gradient_variance_create(engine, net, "objective=ssm_vr distribution=rademacher", 32, kProbes, NULL,
                                         &variance));
  OK(scorematch_gradient_variance_workspace_bytes(variance, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  in.params = f32(kNet, kParams, 0);
  in.x = f32(x, kRows, kDim);
  in.seed = 3;
  OK(scorematch_gradient_variance_measure(variance, queue, &in, &got));
  in.struct_size = offsetof(scorematch_gradient_variance_in, context);  // as an older caller's
  OK(scorematch_gradient_variance_measure(variance, queue, &in, &again));
  CHECK(memcmp(&got, &again, sizeof got) == 0);
  CHECK_NEAR(got.directions.value, kDim * (kDim - 1), 4 * got.directions.standard_error);
  CHECK(got.directions.standard_error < 0.5 && got.noise.value == 0 && got.data.value > 0);
  CHECK_NEAR(got.trace.value, got.data.value + got.directions.value, 1e-9);
  CHECK_NEAR(got.signal_to_noise.value * got.trace.value, got.squared_mean.value, 0.1 * got.squared_mean.value);

  REFUSED(scorematch_gradient_variance_create(engine, net, "objective=ism", 32, 2, NULL, &none), "probes",
          "between 3 and 65536, got 2");
  REFUSED(scorematch_gradient_variance_create(engine, net, NULL, 32, 8, NULL, &none), "loss", "null pointer");
  REFUSED(scorematch_gradient_variance_create(NULL, net, "objective=ism", 32, 8, NULL, &none), "engine",
          "null pointer");
  REFUSED(scorematch_gradient_variance_measure(NULL, queue, &in, &got), "variance", "null pointer");
  REFUSED(scorematch_gradient_variance_measure(variance, queue, NULL, &got), "in", "null pointer");
  got.struct_size = 8;
  REFUSED(scorematch_gradient_variance_measure(variance, queue, &in, &got), "moments.struct_size", "got 8");
  CHECK(none == NULL);
  scorematch_gradient_variance_destroy(NULL);
  scorematch_gradient_variance_destroy(variance);
  scorematch_queue_destroy(queue);
  scorematch_net_destroy(net);
}

void test_scores(const scorematch_engine* engine) {
  static const float energy_params[kDim + 1] = {0.5f, -0.25f, 2};
  scorematch_net *net = NULL, *energy = NULL;
  scorematch_score_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  float score[kBatch * kDim], jvp[kBatch * kDim], divergence[kBatch], estimate[kBatch], density[kBatch];
  scorematch_score_in in = {.struct_size = sizeof in};
  scorematch_score_out out = {.struct_size = sizeof out};
  scorematch_plan_report report = {.struct_size = sizeof report};
  size_t bytes = 0;
  int n, i, j;
  OK(scorematch_net_create(kNetText, &net));
  OK(scorematch_score_plan_create(engine, net, kBatch, "projections=1", NULL, &plan));
  OK(scorematch_score_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  in.params = f32(kNet, kParams, 0);
  in.batch.x = f32(kX, kBatch, kDim);
  in.batch.directions = scorematch_stack(kDirections, SCOREMATCH_F32, 1, kBatch, kDim);
  out.score = f32(score, kBatch, kDim);
  out.jvp = scorematch_stack(jvp, SCOREMATCH_F32, 1, kBatch, kDim);
  out.divergence = f32(divergence, kBatch, 0);
  out.divergence_estimate = f32(estimate, kBatch, 0);
  OK(scorematch_score_plan_run(plan, queue, &in, &out));
  for (n = 0; n < kBatch; ++n) {
    double along = 0;
    CHECK_NEAR(divergence[n], kNet[0] + kNet[3], 1e-6);
    for (i = 0; i < kDim; ++i) {
      double s = kNet[kDim * kDim + i], product = 0;
      for (j = 0; j < kDim; ++j) {
        s += (double)kNet[i * kDim + j] * kX[n * kDim + j];
        product += (double)kNet[i * kDim + j] * kDirections[n * kDim + j];
      }
      CHECK_NEAR(score[n * kDim + i], s, 1e-6);
      CHECK_NEAR(jvp[n * kDim + i], product, 1e-6);
      along += product * kDirections[n * kDim + i];
    }
    CHECK_NEAR(estimate[n], along, 1e-6);
  }
  OK(scorematch_score_plan_report(plan, kBatch, &report));
  CHECK(report.launches == 0);
  scorematch_score_plan_destroy(plan);
  scorematch_queue_destroy(queue);

  // f = w x + b
  OK(scorematch_net_create("net=energy dim=2", &energy));
  OK(scorematch_score_plan_create(engine, energy, kBatch, NULL, "precision=fp32 route=automatic", &plan));
  OK(scorematch_score_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  memset(&in, 0, sizeof in);
  memset(&out, 0, sizeof out);
  in.struct_size = sizeof in;
  out.struct_size = sizeof out;
  in.params = f32(energy_params, kDim + 1, 0);
  in.batch.x = f32(kX, kBatch, kDim);
  out.score = f32(score, kBatch, kDim);
  out.log_density = f32(density, kBatch, 0);
  OK(scorematch_score_plan_run(plan, queue, &in, &out));
  for (n = 0; n < kBatch; ++n) {
    CHECK_NEAR(density[n], 0.5 * kX[n * kDim] - 0.25 * kX[n * kDim + 1] + 2, 1e-6);
    for (i = 0; i < kDim; ++i) CHECK_NEAR(score[n * kDim + i], energy_params[i], 1e-6);
  }
  scorematch_score_plan_destroy(plan);
  scorematch_queue_destroy(queue);
  scorematch_net_destroy(energy);
  scorematch_net_destroy(net);
}

/// The user data of the caller's function: how often it was called, and where it fails.
struct caller {
  const scorematch_score_plan* plan;  // of the same net
  int calls, fail_at, fail_in_library;
};

static int32_t score_by_plan(void* user, scorematch_queue* queue, const scorematch_view* x,
                             const scorematch_view* sigma, const scorematch_view* score) {
  struct caller* caller = user;
  scorematch_score_in in = {.struct_size = sizeof in};
  scorematch_score_out out = {.struct_size = sizeof out};
  if (++caller->calls == caller->fail_at) return 42;
  in.params = f32(kNet, kParams, 0);
  in.batch.x = *x;
  in.batch.sigma = *sigma;
  if (caller->fail_in_library) in.params.shape.extent[0] = 5;
  out.score = *score;
  scorematch_queue_destroy(queue);  // has no effect: the queue is borrowed
  return scorematch_score_plan_run(caller->plan, queue, &in, &out);
}

static double first_of(const scorematch_view* view) {
  return view->dtype == SCOREMATCH_F64 ? *(const double*)view->data : *(const float*)view->data;
}

/// The score of N(0, 1) with added noise sigma.
static int32_t normal_score(void* user, scorematch_queue* queue, const scorematch_view* x, const scorematch_view* sigma,
                            const scorematch_view* score) {
  const double s = first_of(sigma), factor = -1 / (1 + s * s);
  int64_t i;
  (void)user;
  (void)queue;
  for (i = 0; i < x->shape.extent[0] * x->shape.extent[1]; ++i) {
    if (x->dtype == SCOREMATCH_F64)
      ((double*)score->data)[i] = factor * ((const double*)x->data)[i];
    else
      ((float*)score->data)[i] = (float)(factor * ((const float*)x->data)[i]);
  }
  return 0;
}

static void test_sampler(const scorematch_engine* engine, const scorematch_net* net, const char* sampler,
                         const scorematch_noise* noise) {
  enum { kWanted = 3 };
  scorematch_sampler_plan *plan = NULL, *own = NULL;
  scorematch_score_plan* score = NULL;
  scorematch_queue* queue = NULL;
  struct caller caller = {NULL, 0, 0, 0};
  float samples[kWanted * kDim], same[kWanted * kDim];
  const scorematch_view params = f32(kNet, kParams, 0);
  scorematch_sampler_out x = {.struct_size = sizeof x}, y = {.struct_size = sizeof y};
  size_t bytes = 0, own_bytes = 0, score_bytes = 0;
  x.x = f32(samples, kWanted, kDim);
  y.x = f32(same, kWanted, kDim);
  OK(scorematch_sampler_plan_create(engine, net, sampler, kWanted, &plan));
  OK(scorematch_score_plan_create(engine, net, kWanted, NULL, NULL, &score));
  caller.plan = score;
  OK(scorematch_sampler_plan_create_with(engine, kDim, score_by_plan, &caller, sampler, kWanted, &own));
  OK(scorematch_sampler_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_sampler_plan_workspace_bytes(own, &own_bytes));
  OK(scorematch_score_plan_workspace_bytes(score, &score_bytes));
  CHECK(bytes == own_bytes + score_bytes);
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  OK(scorematch_sampler_plan_run(plan, queue, &params, scorematch_noise_from(noise, 0), &x));
  OK(scorematch_sampler_plan_run(own, queue, NULL, scorematch_noise_from(noise, 0), &y));
  CHECK(caller.calls > 0);
  CHECK(memcmp(samples, same, sizeof samples) == 0);

  caller.fail_at = 2;
  caller.calls = 0;
  FAILS(scorematch_sampler_plan_run(own, queue, NULL, scorematch_noise_from(noise, 0), &y), SCOREMATCH_CALLBACK_FAILED,
        "score", "score: expected 0 from the caller's function, got 42");
  CHECK(caller.calls == 2);
  caller.fail_in_library = 1;
  caller.fail_at = 0;
  FAILS(scorematch_sampler_plan_run(own, queue, NULL, scorematch_noise_from(noise, 0), &y), SCOREMATCH_CALLBACK_FAILED,
        "score", "got 1 after this error: params: expected [6]");
  scorematch_sampler_plan_destroy(plan);
  scorematch_sampler_plan_destroy(own);
  scorematch_score_plan_destroy(score);
  scorematch_queue_destroy(queue);
}

void test_samplers(const scorematch_engine* engine) {
  enum { kMany = 2000 };
  static float many[kMany * kDim];
  scorematch_net *net = NULL, *ignores_sigma = NULL;
  scorematch_noise* noise = NULL;
  scorematch_sampler_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  const scorematch_noise_position position = {5, 0, 0};
  scorematch_sampler_out x = {.struct_size = sizeof x};
  double mean = 0, square = 0;
  size_t bytes = 0;
  int i;
  x.x = f32(many, kMany, kDim);
  OK(scorematch_net_create("dim=2 hidden= parameterization=ncsn", &net));  // s(x, sigma) = (A x + b) / sigma
  OK(scorematch_noise_create(engine, &position, &noise));
  test_sampler(engine, net, "sampler=flow sigma_min=0.1 sigma_max=1 steps=3 rho=5", noise);
  test_sampler(engine, net, "sampler=sde sigma_min=0.1 sigma_max=1 steps=4", noise);
  test_sampler(engine, net, "sampler=annealed sigma_min=0.1 sigma_max=1 levels=2 steps_per_level=2 step_size=0.001",
               noise);
  test_sampler(engine, net, "sampler=annealed sigma_min=0.1 sigma_max=1 prior_deviation=2", noise);
  REFUSED(scorematch_sampler_plan_create(engine, net, "sampler=flow levels=3", 1, &plan), "sampler.levels",
          "expected one of the keys ");
  REFUSED(scorematch_sampler_plan_create(engine, net, "sampler=flow sigma_min=0.1 sigma_max=0.1", 1, &plan),
          "sampler.sigma_max", "Langevin samples at a single level");
  OK(scorematch_net_create(kNetText, &ignores_sigma));
  REFUSED(scorematch_sampler_plan_create(engine, ignores_sigma, "sampler=flow", 1, &plan), "net",
          "a network that uses sigma");
  scorematch_net_destroy(ignores_sigma);

  // From N(0, 80^2) to N(0, 1): mean and variance within five standard errors and the error of Heun's method.
  OK(scorematch_sampler_plan_create_with(engine, kDim, normal_score, NULL, "sampler=flow steps=40", kMany, &plan));
  OK(scorematch_sampler_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  OK(scorematch_sampler_plan_run(plan, queue, NULL, scorematch_noise_from(noise, 0), &x));
  for (i = 0; i < kMany * kDim; ++i) mean += many[i], square += (double)many[i] * many[i];
  CHECK_NEAR(mean / (kMany * kDim), 0, 5 / sqrt(kMany * kDim));
  CHECK_NEAR(square / (kMany * kDim), 1, 5 * sqrt(2.0 / (kMany * kDim)) + 0.01);
  REFUSED(scorematch_sampler_plan_run(plan, queue, NULL, kNoNoise, &x), "noise", "a NoiseState");
  scorematch_queue_destroy(queue);
  scorematch_sampler_plan_destroy(plan);
  scorematch_noise_destroy(noise);
  scorematch_net_destroy(net);
}

void test_nets(void) {
  static const char text[] =
      "dim=3 hidden=8,4 activation=gelu conditioning=fourier net=score parameterization=edm residual=true "
      "sigma_data=0.25 fourier.frequencies=0.5,-1.25";
  scorematch_net *net = NULL, *again = NULL;
  scorematch_layer layer = {0, 0, 0, 0};
  const char *first = NULL, *second = NULL;
  float params[115], same[115];
  int64_t count = 0;
  int32_t number = 0;
  int i;
  OK(
      scorematch_net_create("\tdim=3\nhidden=8,4 activation=gelu residual=true parameterization=edm sigma_data=0.25 "
                            "conditioning=fourier fourier.frequencies=0.5,-1.25 ",
                            &net));
  OK(scorematch_net_text(net, &first));
  CHECK(strcmp(first, text) == 0);
  OK(scorematch_net_create(first, &again));
  OK(scorematch_net_text(again, &second));
  CHECK(strcmp(first, second) == 0);
  OK(scorematch_net_dim(net, &number));
  CHECK(number == 3);
  OK(scorematch_net_layer_count(net, &number));
  CHECK(number == 3);
  OK(scorematch_net_layer(net, 0, &layer));
  CHECK(layer.in == 7 && layer.out == 8 && layer.weight == 0 && layer.bias == 56);
  OK(scorematch_net_layer(net, 2, &layer));
  CHECK(layer.in == 4 && layer.out == 3 && layer.weight == 64 + 36 && layer.bias == 64 + 36 + 12);
  OK(scorematch_net_param_count(net, &count));
  CHECK(count == 115);
  OK(scorematch_net_initial_params(net, NULL, 7, params, count));
  OK(scorematch_net_initial_params(again, "variance_preserving", 7, same, count));
  CHECK(memcmp(params, same, (size_t)count * sizeof *params) == 0);
  for (i = 100; i < 115; ++i) CHECK(params[i] == 0);  // the last layer
  REFUSED(scorematch_net_initial_params(net, "best", 7, params, count), "initialization", "got 'best'");
  OK(scorematch_net_initial_params(net, "torch", 7, params, count));
  for (i = 0; i < 64; ++i) CHECK(fabsf(params[i]) <= 0.378f);  // 1/sqrt(7)
  REFUSED(scorematch_net_layer(net, 3, &layer), "index", "below 3, got 3");
  REFUSED(scorematch_net_layer(net, -1, &layer), "index", "got -1");
  REFUSED(scorematch_net_initial_params(net, NULL, 7, params, 114), "count", "115 elements, got 114");
  REFUSED(scorematch_net_initial_params(net, NULL, 7, NULL, 115), "params", "null pointer");
  scorematch_net_destroy(again);
  scorematch_net_destroy(net);
  // Frequencies are drawn, and the text gives the same ones again.
  OK(scorematch_net_create("dim=2 conditioning=fourier fourier=5 fourier_scale=0.5 fourier_seed=3", &net));
  OK(scorematch_net_text(net, &first));
  OK(scorematch_net_create(first, &again));
  OK(scorematch_net_text(again, &second));
  CHECK(strcmp(first, second) == 0);
  scorematch_net_destroy(again);
  scorematch_net_destroy(net);
  REFUSED(scorematch_net_create("hidden=4", &net), "net.dim", "expected the number of dimensions, got nothing");
  REFUSED(scorematch_net_create("dim=0", &net), "dim", "between 1 and");
  REFUSED(scorematch_net_create("dim=2 hidden=4,x", &net), "net.hidden", "got 'x'");
  REFUSED(scorematch_net_create("dim=2 hidden=4,,5", &net), "net.hidden", "got ''");
  REFUSED(scorematch_net_create("dim=2 hidden=2.5", &net), "net.hidden", "whole widths");
  REFUSED(scorematch_net_create("dim=2 activation=relu", &net), "net.activation", "one of silu, softplus, tanh, gelu");
  REFUSED(scorematch_net_create("dim=2 conditioning=fourier", &net), "net.fourier", "the number of frequencies");
  REFUSED(scorematch_net_create("dim=2 fourier=4", &net), "net.fourier", "expected one of the keys ");
  REFUSED(scorematch_net_create("dim=2 dim=2", &net), "net.dim", "one value, got a second one");
  REFUSED(scorematch_net_create("dim 2", &net), "net", "expected key=value, got 'dim'");
  REFUSED(scorematch_net_create("dim=4294967298", &net), "net.dim", "32 bits");
  REFUSED(scorematch_net_create(NULL, &net), "net", "null pointer");
  CHECK(net == NULL);
}
