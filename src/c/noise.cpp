// The position in the noise, and estimates.
#include <limits>

#include "c/handles.h"

using namespace scorematch;
using namespace scorematch::c;

namespace {

Estimate value_of(const scorematch_estimate& estimate) { return {estimate.count, estimate.mean, estimate.m2}; }

}  // namespace

scorematch_status scorematch_noise_create(const scorematch_engine* engine, const scorematch_noise_position* position,
                                          scorematch_noise** noise) {
  return make_handle(noise, "noise", [&] {
    return NoiseState(need(engine, "engine").engine, position_of(need(position, "position", "a struct")));
  });
}
void scorematch_noise_destroy(scorematch_noise* noise) { delete noise; }
scorematch_status scorematch_noise_advance(scorematch_noise* noise, scorematch_queue* queue) {
  return guard([&] { need(noise, "noise").state.advance(need(queue, "queue").queue); });
}
scorematch_status scorematch_noise_set(scorematch_noise* noise, scorematch_queue* queue,
                                       const scorematch_noise_position* position) {
  return guard([&] {
    need(noise, "noise").state.set(need(queue, "queue").queue, position_of(need(position, "position", "a struct")));
  });
}
scorematch_status scorematch_noise_read(const scorematch_noise* noise, scorematch_queue* queue,
                                        scorematch_noise_position* position) {
  return give(position, "position",
              [&] { return position_of(need(noise, "noise").state.read(need(queue, "queue").queue)); });
}

double scorematch_estimate_standard_error(const scorematch_estimate* estimate) {
  return estimate == nullptr ? std::numeric_limits<double>::quiet_NaN() : value_of(*estimate).standard_error();
}
scorematch_status scorematch_estimate_merge(const scorematch_estimate* a, const scorematch_estimate* b,
                                            scorematch_estimate* merged) {
  return give(merged, "merged", [&] {
    const Estimate both = value_of(need(a, "a", "an estimate")).merged(value_of(need(b, "b", "an estimate")));
    return scorematch_estimate{both.count, both.mean, both.m2};
  });
}
