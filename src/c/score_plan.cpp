// ScorePlan.
#include "scorematch/score.h"

#include "c/handles.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_score_plan {
  ScorePlan plan;
};

scorematch_status scorematch_score_plan_create(const scorematch_engine* engine, const scorematch_net* net,
                                               int64_t max_batch, const char* directions, const char* compute,
                                               scorematch_score_plan** plan) {
  return make_handle(plan, "plan", [&] {
    MetadataReader reader = MetadataReader::of_text("directions", optional_text(directions));
    const int projections = reader.take_int32("projections", 0);
    const Projection law = read_law(reader, Projection::rademacher);
    reader.refuse_rest();
    return ScorePlan(need(engine, "engine").engine, need(net, "net").net, max_batch, projections, law,
                     compute_of(compute));
  });
}
void scorematch_score_plan_destroy(scorematch_score_plan* plan) { delete plan; }
scorematch_status scorematch_score_plan_run(const scorematch_score_plan* plan, scorematch_queue* queue,
                                            const scorematch_score_in* in, const scorematch_score_out* out) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_score_in, batch.noise));
    const auto o = sized(out, "out", offsetof(scorematch_score_out, jvp));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, {input(i.params), batch_of(i.batch)},
                  {output(o.score), output(o.jvp), output(o.divergence), output(o.divergence_estimate),
                   output(o.log_density)});
  });
}
scorematch_status scorematch_score_plan_workspace_bytes(const scorematch_score_plan* plan, size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(plan, "plan").plan.workspace_bytes(); });
}
scorematch_status scorematch_score_plan_report(const scorematch_score_plan* plan, int64_t batch,
                                               scorematch_plan_report* report) {
  return guard([&] { write_report(need(plan, "plan").plan.report(batch), report); });
}
