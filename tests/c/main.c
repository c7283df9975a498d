// The C interface from C: every plan against closed forms and finite differences, and every kind of misuse. Runs on the
// reference and cpu engines, which use host memory.
#include "check.h"

#include <math.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
// Makes an allocation past the address space fail as it does without the sanitizer.
const char* __asan_default_options(void);
const char* __asan_default_options(void) { return "allocator_may_return_null=1"; }
#endif

int failed_checks = 0;

void check_that(int holds, const char* text, const char* file, int line) {
  if (holds) return;
  ++failed_checks;
  fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
}

void check_near(double got, double expected, double tolerance, const char* text, const char* file, int line) {
  if (fabs(got - expected) <= tolerance) return;
  ++failed_checks;
  fprintf(stderr, "%s:%d: %s: expected %.17g within %.3g, got %.17g\n", file, line, text, expected, tolerance, got);
}

void check_ok(scorematch_status status, const char* text, const char* file, int line) {
  if (status == SCOREMATCH_OK) return;
  ++failed_checks;
  fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, text, scorematch_status_name(status), scorematch_last_error());
}

void check_refused(scorematch_status status, scorematch_status expected, const char* argument, const char* part,
                   const char* text, const char* file, int line) {
  if (status == expected && strcmp(scorematch_last_error_argument(), argument) == 0 &&
      strstr(scorematch_last_error(), part) != NULL)
    return;
  ++failed_checks;
  fprintf(stderr, "%s:%d: %s: expected %s of '%s' with '%s', got %s of '%s': %s\n", file, line, text,
          scorematch_status_name(expected), argument, part, scorematch_status_name(status),
          scorematch_last_error_argument(), scorematch_last_error());
}

static void test_engine(scorematch_engine* engine) {
  const char* text = NULL;
  OK(scorematch_engine_description(engine, &text));
  printf("%s\n", text);
  test_losses(engine);
  test_heads(engine);
  test_perturbation(engine);
  test_scores(engine);
  test_gradient_variance(engine);
  test_samplers(engine);
  test_metropolis(engine);
  test_likelihoods(engine);
  test_own_networks(engine);
  test_adam(engine);
  test_ema(engine);
  test_noise(engine);
  test_memory(engine);
  test_checkpoints(engine);
  test_misuse(engine);
}

int main(void) {
  scorematch_engine *reference = NULL, *cpu = NULL;
  scorematch_status status;
  CHECK(strcmp(scorematch_last_error(), "") == 0);
  printf("scorematch %s\n", scorematch_version());
  OK(scorematch_engine_reference(&reference));
  test_engine(reference);
  status = scorematch_engine_cpu(2, &cpu);
  if (status == SCOREMATCH_OK) {
    test_engine(cpu);
    test_executor();
  }
  if (status != SCOREMATCH_OK) CHECK(status == SCOREMATCH_UNSUPPORTED && cpu == NULL);
  scorematch_engine_destroy(reference);
  scorematch_engine_destroy(cpu);
  test_gradient_by_differences();
  test_nets();
  test_checkpoint_arrays();
  test_statuses();
  test_threads();
  printf("%d checks failed\n", failed_checks);
  return failed_checks == 0 ? 0 : 1;
}
