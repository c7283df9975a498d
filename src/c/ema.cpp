// Ema.
#include "scorematch/ema.h"

#include "c/handles.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_ema {
  Ema ema;
};

scorematch_status scorematch_ema_create(const scorematch_engine* engine, int64_t param_count, double decay,
                                        scorematch_ema** ema) {
  return make_handle(ema, "ema", [&] { return Ema(need(engine, "engine").engine, param_count, decay); });
}
void scorematch_ema_destroy(scorematch_ema* ema) { delete ema; }
scorematch_status scorematch_ema_start(scorematch_ema* ema, scorematch_queue* queue, const scorematch_view* params) {
  return guard(
      [&] { need(ema, "ema").ema.start(need(queue, "queue").queue, input(need(params, "params", "a view"))); });
}
scorematch_status scorematch_ema_update(scorematch_ema* ema, scorematch_queue* queue, const scorematch_view* params) {
  return guard(
      [&] { need(ema, "ema").ema.update(need(queue, "queue").queue, input(need(params, "params", "a view"))); });
}
scorematch_status scorematch_ema_average(const scorematch_ema* ema, scorematch_view* average) {
  return give(average, "average", [&] { return view_of(need(ema, "ema").ema.average()); });
}
