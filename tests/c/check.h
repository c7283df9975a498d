// The checks of the C tests. A failed check prints its place, and the program continues.
#ifndef SCOREMATCH_TESTS_C_CHECK_H
#define SCOREMATCH_TESTS_C_CHECK_H
#include <stddef.h>
#include <stdio.h>

#include "scorematch/scorematch_c.h"

extern int failed_checks;
void check_that(int holds, const char* text, const char* file, int line);
void check_near(double got, double expected, double tolerance, const char* text, const char* file, int line);
void check_ok(scorematch_status status, const char* text, const char* file, int line);
/// Checks the status, the name of the argument, and a part of the text.
void check_refused(scorematch_status status, scorematch_status expected, const char* argument, const char* part,
                   const char* text, const char* file, int line);

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_NEAR(got, expected, tolerance) check_near(got, expected, tolerance, #got, __FILE__, __LINE__)
#define OK(call) check_ok(call, #call, __FILE__, __LINE__)
#define REFUSED(call, argument, part) \
  check_refused(call, SCOREMATCH_INVALID_ARGUMENT, argument, part, #call, __FILE__, __LINE__)
#define FAILS(call, status, argument, part) check_refused(call, status, argument, part, #call, __FILE__, __LINE__)

static inline scorematch_view f32(const float* data, int64_t rows, int64_t columns) {
  return scorematch_array(data, SCOREMATCH_F32, rows, columns);
}
static inline scorematch_view f64(const double* data, int64_t rows, int64_t columns) {
  return scorematch_array(data, SCOREMATCH_F64, rows, columns);
}

void test_losses(const scorematch_engine* engine);
void test_heads(const scorematch_engine* engine);
void test_perturbation(const scorematch_engine* engine);
void test_scores(const scorematch_engine* engine);
void test_gradient_variance(const scorematch_engine* engine);
void test_samplers(const scorematch_engine* engine);
void test_metropolis(const scorematch_engine* engine);
void test_likelihoods(const scorematch_engine* engine);
void test_own_networks(const scorematch_engine* engine);
void test_gradient_by_differences(void);
void test_nets(void);
void test_adam(const scorematch_engine* engine);
void test_ema(const scorematch_engine* engine);
void test_noise(const scorematch_engine* engine);
void test_memory(const scorematch_engine* engine);
void test_checkpoints(const scorematch_engine* engine);
void test_checkpoint_arrays(void);
void test_misuse(const scorematch_engine* engine);
void test_statuses(void);
void test_threads(void);
void test_executor(void);
#endif
