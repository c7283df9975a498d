// The cpu engine on threads of the caller.
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { kMost = 8, kRows = 700, kColumns = 6, kCount = 40000 };

/// How the executor of a test runs the parts, and what it saw.
struct host {
  int order;     // 1: every part on the calling thread, -1: the last first, 2: threads, 0: only the last part
  int fails_at;  // the call that fails, counted from 1; 0: none
  int calls, most, released;
};

struct job {
  scorematch_part part;
  void* work;
  int32_t index;
};

static void* run_job(void* given) {
  const struct job* job = given;
  job->part(job->work, job->index);
  return NULL;
}

static int32_t run_parts(void* user, int32_t count, scorematch_part part, void* work) {
  struct host* host = user;
  pthread_t threads[kMost];
  struct job jobs[kMost];
  int32_t i;
  if (++host->calls == host->fails_at) return 5;
  CHECK(count >= 1 && count <= kMost);
  if (count > host->most) host->most = count;
  if (host->order == 0) part(work, count - 1);
  for (i = 0; host->order == 1 && i < count; ++i) part(work, i);
  for (i = count; host->order == -1 && i-- > 0;) part(work, i);
  if (host->order != 2) return 0;
  for (i = 0; i < count; ++i) {
    jobs[i] = (struct job){part, work, i};
    CHECK(pthread_create(&threads[i], NULL, run_job, &jobs[i]) == 0);
  }
  for (i = 0; i < count; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  return 0;
}

static void release_host(void* user) { ++((struct host*)user)->released; }

static scorematch_cpu_executor executor_of(struct host* host, int32_t threads) {
  const scorematch_cpu_executor executor = {sizeof executor, threads, run_parts, host, release_host};
  return executor;
}

/// The status of a loss with its gradient [2000], on an engine that this destroys before the plan runs.
static scorematch_status run_loss(scorematch_engine* engine, float* grad) {
  static float x[kRows * kColumns], params[2000];
  scorematch_net* net = NULL;
  scorematch_loss_plan* plan = NULL;
  scorematch_queue* queue = NULL;
  scorematch_noise* noise = NULL;
  scorematch_loss_in in = {.struct_size = sizeof in};
  scorematch_loss_out out = {.struct_size = sizeof out};
  const scorematch_noise_position position = {3, 0, 0};
  scorematch_status status;
  int64_t count = 0;
  size_t bytes = 0;
  int i;
  OK(scorematch_net_create("dim=6 hidden=24,24", &net));
  OK(scorematch_net_param_count(net, &count));
  CHECK(count <= 2000);
  OK(scorematch_net_initial_params(net, "torch", 1, params, count));
  for (i = 0; i < kRows * kColumns; ++i) x[i] = (float)(i % 13) / 13;
  OK(scorematch_loss_plan_create(engine, net, "objective=dsm schedule=single sigma=0.5", kRows, NULL, &plan));
  OK(scorematch_loss_plan_workspace_bytes(plan, &bytes));
  OK(scorematch_queue_create(engine, bytes, NULL, &queue));
  OK(scorematch_noise_create(engine, &position, &noise));
  scorematch_engine_destroy(engine);
  in.params = f32(params, count, 0);
  in.batch.x = f32(x, kRows, kColumns);
  in.batch.noise = scorematch_noise_from(noise, 0);
  out.grad = f32(grad, count, 0);
  status = scorematch_loss_plan_run(plan, queue, &in, &out, NULL);
  scorematch_noise_destroy(noise);
  scorematch_queue_destroy(queue);
  scorematch_loss_plan_destroy(plan);
  scorematch_net_destroy(net);
  return status;
}

static void test_bits(void) {
  static const int orders[] = {1, -1, 2, 0}, threads[] = {1, 2, 3, kMost};
  static float expected[2000], grad[2000];
  scorematch_engine* engine = NULL;
  int i, j;
  OK(scorematch_engine_cpu(1, &engine));
  OK(run_loss(engine, expected));
  for (i = 0; i < 4; ++i) {
    for (j = 0; j < 4; ++j) {
      struct host host = {.order = orders[i]};
      const scorematch_cpu_executor executor = executor_of(&host, threads[j]);
      OK(scorematch_engine_cpu_with(&executor, &engine));
      memset(grad, 0, sizeof grad);
      OK(run_loss(engine, grad));
      CHECK(memcmp(grad, expected, sizeof grad) == 0);
      CHECK(host.most == (threads[j] == 1 ? 0 : threads[j]));
      CHECK(host.released == 1);
    }
  }
}

/// Adam's step is made completely or not at all, whichever of its two loops fails.
static void test_failure(void) {
  static float grad[kCount], params[kCount], whole[kCount], before[kCount];
  struct host host = {.order = 1, .fails_at = 1};
  scorematch_cpu_executor executor = executor_of(&host, 4);
  scorematch_view params_view = f32(params, kCount, 0), grad_view = f32(grad, kCount, 0);
  scorematch_engine* engine = NULL;
  scorematch_adam* adam = NULL;
  scorematch_queue* queue = NULL;
  scorematch_adam_progress progress;
  int i, fails_at;
  OK(scorematch_engine_cpu_with(&executor, &engine));
  FAILS(run_loss(engine, grad), SCOREMATCH_CALLBACK_FAILED, "executor.run",
        "executor.run: expected 0 from the caller's function, got 5");
  CHECK(host.released == 1);
  for (i = 0; i < kCount; ++i) {
    before[i] = (float)(i % 7);
    grad[i] = (float)(i % 5) - 2;
  }
  for (fails_at = 0; fails_at <= 2; ++fails_at) {
    host = (struct host){.order = 1, .fails_at = fails_at};
    memcpy(params, before, sizeof params);
    OK(scorematch_engine_cpu_with(&executor, &engine));
    OK(scorematch_adam_create(engine, kCount, "", &adam));
    OK(scorematch_queue_create(engine, 0, NULL, &queue));
    if (fails_at == 0) {
      OK(scorematch_adam_step(adam, queue, &params_view, &grad_view, 0));
      memcpy(whole, params, sizeof whole);
    } else {
      FAILS(scorematch_adam_step(adam, queue, &params_view, &grad_view, 0), SCOREMATCH_CALLBACK_FAILED, "executor.run",
            "got 5");
    }
    OK(scorematch_adam_get_progress(adam, queue, &progress));
    CHECK(progress.step == (fails_at == 1 ? 0 : 1));
    CHECK(memcmp(params, fails_at == 1 ? before : whole, sizeof params) == 0);
    scorematch_queue_destroy(queue);
    scorematch_engine_destroy(engine);
    CHECK(host.released == 0);
    scorematch_adam_destroy(adam);  // the last that holds on to the engine
    CHECK(host.released == 1);
  }
}

static void test_refusals(void) {
  struct host host = {.order = 1};
  scorematch_cpu_executor executor = executor_of(&host, 0);
  scorematch_engine* engine = (scorematch_engine*)&host;
  REFUSED(scorematch_engine_cpu_with(&executor, &engine), "executor.threads", "between 1 and 4096, got 0");
  CHECK(engine == NULL && host.released == 1);
  executor.threads = 4097;
  REFUSED(scorematch_engine_cpu_with(&executor, &engine), "executor.threads", "got 4097");
  CHECK(host.released == 2);
  executor.threads = 2;
  executor.run = NULL;
  REFUSED(scorematch_engine_cpu_with(&executor, &engine), "executor.run", "a function, got a null pointer");
  CHECK(host.released == 3);
  executor.run = run_parts;
  executor.struct_size = 8;
  REFUSED(scorematch_engine_cpu_with(&executor, &engine), "executor.struct_size", "got 8");
  REFUSED(scorematch_engine_cpu_with(NULL, &engine), "executor", "a struct, got a null pointer");
  executor.struct_size = sizeof executor;
  REFUSED(scorematch_engine_cpu_with(&executor, NULL), "engine", "null pointer");
  CHECK(host.released == 3);
  executor.user = NULL;
  executor.release = NULL;
  OK(scorematch_engine_cpu_with(&executor, &engine));
  scorematch_engine_destroy(engine);
}

void test_executor(void) {
  test_bits();
  test_failure();
  test_refusals();
}
