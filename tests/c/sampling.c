// Metropolis-corrected chains and likelihoods against closed forms.
#include <math.h>
#include <string.h>

#include "affine.h"
#include "check.h"

enum { kChains = 500 };
static const scorematch_noise_ref kNothing = {NULL, 0};
static const double kData = 0.8, kTwoPi = 6.28318530717958647692;

/// N(0, (sigma^2 + sigma_data^2) I) at every level: an EDM network without hidden layers whose parameters are zero.
static scorematch_net* gaussian(const char* kind) {
  scorematch_net* net = NULL;
  char text[128] = "dim=2 hidden= parameterization=edm sigma_data=0.8 net=";
  OK(scorematch_net_create(strcat(text, kind), &net));
  return net;
}

void test_metropolis(const scorematch_engine* engine) {
  static float x[kChains * kDim], share[kChains], params[kParams];
  scorematch_net *energy = NULL, *score = gaussian("score");
  scorematch_sampler_plan *plan = NULL, *none = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  scorematch_estimate acceptance = {0, 0, 0};
  scorematch_sampler_out out = {.struct_size = sizeof out}, early;
  const scorematch_noise_position position = {6, 1, 0};
  scorematch_view given;
  int64_t count = 0;
  size_t bytes = 0;
  double square = 0, mean = 0;
  int i;
  OK(scorematch_net_create("dim=2 hidden= parameterization=edm sigma_data=0.8 net=energy", &energy));
  OK(scorematch_net_param_count(energy, &count));
  CHECK(count > 0 && count <= kParams);
  given = f32(params, count, 0);
  // sigma^2 + sigma_data^2 = 1; with h = 1 the uncorrected chain's variance is 4/3.
  OK(scorematch_sampler_plan_create(
      engine, energy, "sampler=langevin sigma=0.6 step_size=1 steps=60 sigma_start=2 metropolis=true", kChains, &plan));
  OK(scorematch_sampler_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  OK(scorematch_noise_create(engine, &position, &noise));
  out.x = f32(x, kChains, kDim);
  out.acceptance = &acceptance;
  out.acceptance_per_sample = f32(share, kChains, 0);
  OK(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &out));
  for (i = 0; i < kChains * kDim; ++i) square += (double)x[i] * x[i];
  for (i = 0; i < kChains; ++i) mean += (double)share[i] / kChains;
  CHECK_NEAR(square / (kChains * kDim), 1, 5 * sqrt(2.0 / (kChains * kDim)));
  CHECK(acceptance.count == kChains);
  CHECK_NEAR(acceptance.mean, mean, 1e-6);
  CHECK(mean > 0.5 && mean < 1);

  early = out;  // as an older caller would pass it, with x alone
  early.struct_size = offsetof(scorematch_sampler_out, acceptance);
  mean = acceptance.mean;
  acceptance.mean = 7;
  OK(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &early));
  CHECK(acceptance.mean == 7);
  early.struct_size = sizeof early + 8;
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &early), "out.struct_size",
          "expected");
  early.struct_size = offsetof(scorematch_sampler_out, x);
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &early), "out.struct_size",
          "got 8");
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), NULL), "out",
          "null pointer");
  REFUSED(scorematch_sampler_plan_run(plan, NULL, &given, scorematch_noise_from(noise, 0), &out), "queue",
          "null pointer");
  early = out;
  early.acceptance_per_sample = f32(share, kChains - 1, 0);
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &early),
          "acceptance_per_sample", "got [499] float32");
  early = out;
  early.x.shape.extent[1] = kDim - 1;
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, scorematch_noise_from(noise, 0), &early), "x",
          "got [500, 1]");
  REFUSED(scorematch_sampler_plan_run(plan, queue, &given, kNothing, &out), "noise", "a NoiseState");
  REFUSED(scorematch_sampler_plan_create(engine, score, "sampler=langevin sigma=0.6 metropolis=true", 1, &none),
          "sampler.metropolis", "a score net has no density");
  CHECK(none == NULL);
  OK(scorematch_sampler_plan_create(engine, energy, "sampler=langevin sigma=0.6 steps=1", kChains, &none));
  REFUSED(scorematch_sampler_plan_run(none, queue, &given, scorematch_noise_from(noise, 0), &out), "acceptance",
          "as this sampler accepts every step");
  scorematch_sampler_plan_destroy(none);
  CHECK(acceptance.mean == 7);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
  scorematch_sampler_plan_destroy(plan);
  scorematch_net_destroy(score);
  scorematch_net_destroy(energy);
}

static double element(const scorematch_view* view, int64_t i) {
  return view->dtype == SCOREMATCH_F64 ? ((const double*)view->data)[i] : (double)((const float*)view->data)[i];
}
static void put(const scorematch_view* view, int64_t i, double value) {
  if (view->dtype == SCOREMATCH_F64)
    ((double*)view->data)[i] = value;
  else
    ((float*)view->data)[i] = (float)value;
}

/// The score and divergence of N(0, (sigma^2 + sigma_data^2) I). Fails in the call in which `user` reaches 0.
static int32_t gaussian_score(void* user, scorematch_queue* queue, const scorematch_view* x,
                              const scorematch_view* sigma, const scorematch_view* score,
                              const scorematch_view* divergence) {
  const double s = element(sigma, 0), factor = -1 / (s * s + kData * kData);
  int* calls_left = user;
  int64_t i;
  (void)queue;
  if (--*calls_left == 0) return 9;
  for (i = 0; i < x->shape.extent[0] * kDim; ++i) put(score, i, factor * element(x, i));
  for (i = 0; i < x->shape.extent[0]; ++i) put(divergence, i, factor * kDim);
  return 0;
}

/// ln p at sigma_min and the latent at sigma_max have closed forms. The error of the integrator falls as steps^-4.
static void check_likelihood(scorematch_likelihood_plan* plan, const scorematch_engine* engine,
                             const scorematch_view* params) {
  const double low = 0.1 * 0.1 + kData * kData, high = 5 * 5 + kData * kData;
  float values[kBatch] = {0}, latent[kBatch * kDim] = {0}, first;
  scorematch_queue* queue = NULL;
  scorematch_estimate mean = {0, 0, 0};
  scorematch_likelihood_in in = {.struct_size = sizeof in};
  scorematch_likelihood_out out = {.struct_size = sizeof out};
  size_t bytes = 0;
  double sum = 0;
  int n, i;
  OK(scorematch_likelihood_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  if (params != NULL) in.params = *params;
  in.batch.x = f32(kX, kBatch, kDim);
  out.log_likelihood = f32(values, kBatch, 0);
  out.latent = f32(latent, kBatch, kDim);
  out.mean = &mean;
  OK(scorematch_likelihood_plan_run(plan, queue, &in, &out));
  for (n = 0; n < kBatch; ++n) {
    double square = 0;
    for (i = 0; i < kDim; ++i) {
      square += (double)kX[n * kDim + i] * kX[n * kDim + i];
      CHECK_NEAR(latent[n * kDim + i], kX[n * kDim + i] * sqrt(high / low), 1e-3);
    }
    CHECK_NEAR(values[n], -square / (2 * low) - kDim / 2.0 * log(kTwoPi * low), 1e-3);
    sum += values[n];
  }
  CHECK(mean.count == kBatch);
  CHECK_NEAR(mean.mean, sum / kBatch, 1e-6);

  out.log_likelihood.shape.extent[0] = kBatch - 1;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "log_likelihood", "got [3]");
  out.log_likelihood.shape.extent[0] = kBatch;
  out.struct_size = sizeof out + 8;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "out.struct_size", "expected");
  out.struct_size = offsetof(scorematch_likelihood_out, log_likelihood);
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "out.struct_size", "got 8");
  out.struct_size = offsetof(scorematch_likelihood_out, latent);  // as an older caller would pass it
  mean.mean = 7;
  first = values[0];
  values[0] = latent[0] = 7;
  OK(scorematch_likelihood_plan_run(plan, queue, &in, &out));
  CHECK(mean.mean == 7 && latent[0] == 7 && values[0] == first);
  out.struct_size = sizeof out;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, NULL), "out", "a struct, got a null pointer");
  REFUSED(scorematch_likelihood_plan_run(plan, NULL, &in, &out), "queue", "null pointer");
  in.struct_size = sizeof in + 8;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "in.struct_size", "expected");
  in.struct_size = sizeof in;
  in.batch.x.shape.extent[1] = 3;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "x", "got [4, 3]");
  in.struct_size = 4;
  REFUSED(scorematch_likelihood_plan_run(plan, queue, &in, &out), "in.struct_size", "got 4");
  REFUSED(scorematch_likelihood_plan_run(plan, queue, NULL, &out), "in", "null pointer");
  scorematch_queue_destroy(queue);
}

struct zero_network {
  int calls, fail_at, with_directions;
  double sigma_data;
};

/// F = 0, whose score with EDM's parameterization is that of N(0, (sigma^2 + sigma_data^2) I).
static int32_t zero_output(void* user, scorematch_queue* queue, const scorematch_network_call* call) {
  struct zero_network* network = user;
  const int64_t batch = call->net_input.shape.extent[0];
  int64_t i;
  (void)queue;
  if (++network->calls == network->fail_at) return 9;
  CHECK(call->struct_size == sizeof *call);
  CHECK(call->net_input.shape.extent[1] == kDim + 1);
  CHECK_NEAR(element(&call->net_input, kDim), log(element(&call->sigma, 0)), 1e-5);
  CHECK(call->output.dtype == SCOREMATCH_F32 && call->net_input.dtype == SCOREMATCH_F32);
  CHECK((call->directions.data != NULL) == network->with_directions);
  CHECK((call->jvp.data != NULL) == network->with_directions);
  for (i = 0; i < batch * kDim; ++i) put(&call->output, i, 0);
  if (call->jvp.data == NULL) return 0;
  for (i = 0; i < call->jvp.shape.extent[0] * batch * kDim; ++i) put(&call->jvp, i, 0);
  return 0;
}

void test_own_networks(const scorematch_engine* engine) {
  enum { kMany = 2000 };
  static const char text[] = "sigma_min=0.1 sigma_max=5 steps=24 prior_deviation=0.8";
  static float x[kMany * kDim];
  struct zero_network zero = {0, 0, 1, kData};
  scorematch_own_network network = {.struct_size = sizeof network};
  scorematch_likelihood_plan *plan = NULL, *no_likelihood = NULL;
  scorematch_sampler_plan *sampler = NULL, *none = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  const scorematch_noise_position position = {8, 0, 0};
  scorematch_sampler_out out = {.struct_size = sizeof out};
  double square = 0;
  size_t bytes = 0;
  int i;
  network.dim = kDim;
  network.text = "parameterization=edm sigma_data=0.8 conditioning=log_sigma";
  network.evaluate = zero_output;
  network.user = &zero;
  OK(scorematch_likelihood_plan_create_with_network(engine, &network, text, kBatch, &plan));
  check_likelihood(plan, engine, NULL);
  CHECK(zero.calls > 0);
  scorematch_likelihood_plan_destroy(plan);

  zero.with_directions = 0;
  OK(scorematch_sampler_plan_create_with_network(engine, &network, "sampler=flow sigma_min=0.01 sigma_max=20 steps=24",
                                                 kMany, &sampler));
  OK(scorematch_sampler_plan_workspace_bytes(sampler, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  OK(scorematch_noise_create(engine, &position, &noise));
  out.x = f32(x, kMany, kDim);
  OK(scorematch_sampler_plan_run(sampler, queue, NULL, scorematch_noise_from(noise, 0), &out));
  for (i = 0; i < kMany * kDim; ++i) square += (double)x[i] * x[i] / (kMany * kDim);
  CHECK_NEAR(square, kData * kData, kData * kData * 5 * sqrt(2.0 / (kMany * kDim)) + 0.01);

  zero.fail_at = 2;
  zero.calls = 0;
  FAILS(scorematch_sampler_plan_run(sampler, queue, NULL, scorematch_noise_from(noise, 0), &out),
        SCOREMATCH_CALLBACK_FAILED, "network.evaluate",
        "network.evaluate: expected 0 from the caller's function, got 9");
  REFUSED(scorematch_sampler_plan_create_with_network(engine, NULL, "sampler=flow", 1, &none), "network",
          "a struct, got a null pointer");
  network.struct_size = sizeof network + 8;
  REFUSED(scorematch_sampler_plan_create_with_network(engine, &network, "sampler=flow", 1, &none),
          "network.struct_size", "expected");
  network.struct_size = sizeof network;
  REFUSED(scorematch_sampler_plan_create_with_network(NULL, &network, "sampler=flow", 1, &none), "engine",
          "null pointer");
  REFUSED(scorematch_likelihood_plan_create_with_network(NULL, &network, NULL, 1, &no_likelihood), "engine",
          "null pointer");
  network.text = "parameterization=edm schedule=log_normal";
  REFUSED(scorematch_sampler_plan_create_with_network(engine, &network, "sampler=flow", 1, &none),
          "network.text.schedule", "expected one of the keys ");
  network.text = NULL;
  network.dtype = SCOREMATCH_I64;
  REFUSED(scorematch_sampler_plan_create_with_network(engine, &network, "sampler=flow", 1, &none), "net.dtype",
          "expected f32");
  network.dtype = SCOREMATCH_F32;
  network.evaluate = NULL;
  REFUSED(scorematch_likelihood_plan_create_with_network(engine, &network, NULL, 1, &no_likelihood), "network.evaluate",
          "a function");
  CHECK(none == NULL && no_likelihood == NULL);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
  scorematch_sampler_plan_destroy(sampler);
}

void test_likelihoods(const scorematch_engine* engine) {
  static const char text[] = "sigma_min=0.1 sigma_max=5 steps=24 prior_deviation=0.8";
  static const char* const kinds[] = {"score", "energy"};
  static float params[kParams];
  scorematch_net* net = NULL;
  scorematch_likelihood_plan *plan = NULL, *none = NULL;
  scorematch_queue* queue = NULL;
  float values[kBatch] = {7, 7, 7, 7};
  scorematch_likelihood_in in = {.struct_size = sizeof in};
  scorematch_likelihood_out out = {.struct_size = sizeof out};
  int64_t count = 0;
  size_t bytes = 0;
  int i, calls_left = -1;
  for (i = 0; i < 2; ++i) {
    scorematch_view given;
    net = gaussian(kinds[i]);
    OK(scorematch_net_param_count(net, &count));
    CHECK(count <= kParams);
    given = f32(params, count, 0);
    OK(scorematch_likelihood_plan_create(engine, net, text, kBatch, NULL, &plan));
    check_likelihood(plan, engine, &given);
    scorematch_likelihood_plan_destroy(plan);
    REFUSED(scorematch_likelihood_plan_create(engine, net, "stepz=3", 1, NULL, &none), "likelihood.stepz",
            "expected one of the keys ");
    REFUSED(scorematch_likelihood_plan_create(engine, net, "steps=0", 1, NULL, &none), "likelihood.steps", "got 0");
    scorematch_net_destroy(net);
  }
  OK(scorematch_likelihood_plan_create_with(engine, kDim, gaussian_score, &calls_left, text, kBatch, &plan));
  check_likelihood(plan, engine, NULL);

  calls_left = 3;
  OK(scorematch_likelihood_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  in.batch.x = f32(kX, kBatch, kDim);
  out.log_likelihood = f32(values, kBatch, 0);
  FAILS(scorematch_likelihood_plan_run(plan, queue, &in, &out), SCOREMATCH_CALLBACK_FAILED, "score",
        "score: expected 0 from the caller's function, got 9");
  CHECK(calls_left == 0);
  CHECK(values[0] == 7);
  REFUSED(scorematch_likelihood_plan_create_with(engine, kDim, gaussian_score, NULL, "projections=2", 1, &none),
          "likelihood.projections", "got 2");
  REFUSED(scorematch_likelihood_plan_create_with(engine, kDim, NULL, NULL, NULL, 1, &none), "score", "a function");
  net = gaussian("score");
  REFUSED(scorematch_likelihood_plan_create(NULL, net, NULL, 1, NULL, &none), "engine", "null pointer");
  scorematch_net_destroy(net);
  REFUSED(scorematch_likelihood_plan_create(engine, NULL, NULL, 1, NULL, &none), "net", "null pointer");
  REFUSED(scorematch_likelihood_plan_create(engine, NULL, NULL, 1, NULL, NULL), "plan", "null pointer");
  REFUSED(scorematch_likelihood_plan_run(NULL, queue, &in, &out), "plan", "null pointer");
  REFUSED(scorematch_likelihood_plan_workspace_bytes(NULL, &bytes), "plan", "null pointer");
  CHECK(none == NULL);
  scorematch_likelihood_plan_destroy(NULL);
  scorematch_likelihood_plan_destroy(plan);
  scorematch_queue_destroy(queue);
}
