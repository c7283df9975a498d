// Adam and its snapshots.
#include "scorematch/adam.h"

#include <algorithm>

#include "c/handles.h"
#include "checks/argument.h"
#include "checks/descriptions.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_adam {
  Adam adam;
};

namespace {

Adam::Options options_of(const char* text) {
  MetadataReader reader = MetadataReader::of_text("options", optional_text(text));
  const Adam::Options options = read_adam_options(reader);
  reader.refuse_rest();
  return options;
}

std::vector<float> array_of(const float* values, const char* name, std::int64_t count) {
  need(values, name, "memory");
  return {values, values + count};
}

void copy_if_wanted(const std::vector<float>& from, float* to) {
  if (to != nullptr) std::copy(from.begin(), from.end(), to);
}

}  // namespace

scorematch_status scorematch_adam_create(const scorematch_engine* engine, int64_t param_count, const char* options,
                                         scorematch_adam** adam) {
  return make_handle(adam, "adam",
                     [&] { return Adam(need(engine, "engine").engine, param_count, options_of(options)); });
}
void scorematch_adam_destroy(scorematch_adam* adam) { delete adam; }
scorematch_status scorematch_adam_step(scorematch_adam* adam, scorematch_queue* queue, const scorematch_view* params,
                                       const scorematch_view* grad, double loss_scale) {
  return guard([&] {
    need(adam, "adam")
        .adam.step(need(queue, "queue").queue, output(need(params, "params", "a view")),
                   input(need(grad, "grad", "a view")), loss_scale == 0 ? 1.0 : loss_scale);
  });
}
scorematch_status scorematch_adam_set_learning_rate(scorematch_adam* adam, scorematch_queue* queue,
                                                    double learning_rate) {
  return guard([&] { need(adam, "adam").adam.set_learning_rate(need(queue, "queue").queue, learning_rate); });
}
scorematch_status scorematch_adam_ema(const scorematch_adam* adam, scorematch_view* ema) {
  return give(ema, "ema", [&] { return view_of(need(adam, "adam").adam.ema()); });
}
scorematch_status scorematch_adam_get_progress(const scorematch_adam* adam, scorematch_queue* queue,
                                               scorematch_adam_progress* progress) {
  return give(progress, "progress",
              [&] { return progress_of(need(adam, "adam").adam.progress(need(queue, "queue").queue)); });
}
scorematch_status scorematch_adam_take_snapshot(const scorematch_adam* adam, scorematch_queue* queue,
                                                scorematch_adam_snapshot** snapshot) {
  return make_handle(snapshot, "snapshot",
                     [&] { return snapshot_handle(need(adam, "adam").adam.snapshot(need(queue, "queue").queue)); });
}
scorematch_status scorematch_adam_restore(scorematch_adam* adam, scorematch_queue* queue,
                                          const scorematch_adam_snapshot* snapshot) {
  return guard(
      [&] { need(adam, "adam").adam.restore(need(queue, "queue").queue, need(snapshot, "snapshot").snapshot); });
}

scorematch_status scorematch_adam_snapshot_create(const char* options, const scorematch_adam_progress* progress,
                                                  const float* first_moment, const float* second_moment,
                                                  const float* ema, int64_t param_count,
                                                  scorematch_adam_snapshot** snapshot) {
  return make_handle(snapshot, "snapshot", [&] {
    check_param_count("param_count", param_count);
    Adam::Snapshot made;
    made.options = options_of(options);
    if (progress != nullptr)
      made.progress = progress_of(*progress);
    else
      made.progress.learning_rate = made.options.learning_rate;
    made.first_moment = array_of(first_moment, "first_moment", param_count);
    made.second_moment = array_of(second_moment, "second_moment", param_count);
    if (ema != nullptr) made.ema = array_of(ema, "ema", param_count);
    check(made, param_count);
    return snapshot_handle(made);
  });
}
void scorematch_adam_snapshot_destroy(scorematch_adam_snapshot* snapshot) { delete snapshot; }
scorematch_status scorematch_adam_snapshot_options(const scorematch_adam_snapshot* snapshot, const char** options) {
  return give(options, "options", [&] { return need(snapshot, "snapshot").options.c_str(); });
}
scorematch_status scorematch_adam_snapshot_progress(const scorematch_adam_snapshot* snapshot,
                                                    scorematch_adam_progress* progress) {
  return give(progress, "progress", [&] { return progress_of(need(snapshot, "snapshot").snapshot.progress); });
}
scorematch_status scorematch_adam_snapshot_moments(const scorematch_adam_snapshot* snapshot, float* first_moment,
                                                   float* second_moment, float* ema, int64_t param_count) {
  return guard([&] {
    const Adam::Snapshot& from = need(snapshot, "snapshot").snapshot;
    check_count("param_count", param_count, static_cast<std::int64_t>(from.first_moment.size()));
    if (ema != nullptr && from.ema.empty()) throw_invalid("ema", "NULL, because there is no average", "memory");
    copy_if_wanted(from.first_moment, first_moment);
    copy_if_wanted(from.second_moment, second_moment);
    copy_if_wanted(from.ema, ema);
  });
}
