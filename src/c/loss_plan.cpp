// LossPlan and HeadPlan, the plans that compute a loss.
#include "c/handles.h"
#include "formats/spec_plans.h"
#include "scorematch/head.h"
#include "scorematch/loss.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_loss_plan {
  LossPlan plan;
};
struct scorematch_head_plan {
  HeadPlan plan;
};

scorematch_status scorematch_loss_plan_create(const scorematch_engine* engine, const scorematch_net* net,
                                              const char* loss, int64_t max_batch, const char* compute,
                                              scorematch_loss_plan** plan) {
  return make_handle(plan, "plan", [&] {
    const Loss what = loss_of(loss);
    return LossPlan(need(engine, "engine").engine, need(net, "net").net, what, max_batch, compute_of(compute));
  });
}
void scorematch_loss_plan_destroy(scorematch_loss_plan* plan) { delete plan; }
scorematch_status scorematch_loss_plan_run(const scorematch_loss_plan* plan, scorematch_queue* queue,
                                           const scorematch_loss_in* in, const scorematch_loss_out* out,
                                           const scorematch_reduction* reduction) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_loss_in, batch.noise));
    const auto o = sized(out, "out", offsetof(scorematch_loss_out, grad));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, {input(i.params), batch_of(i.batch)},
                  {estimate_of(o.loss), output(o.grad), output(o.grad_x), output(o.loss_per_sample), output(o.rows),
                   output(o.loss_per_direction), output(o.grad_context)},
                  reduction_of(reduction));
  });
}
scorematch_status scorematch_loss_plan_workspace_bytes(const scorematch_loss_plan* plan, size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(plan, "plan").plan.workspace_bytes(); });
}
scorematch_status scorematch_loss_plan_report(const scorematch_loss_plan* plan, int64_t batch,
                                              scorematch_plan_report* report) {
  return guard([&] { write_report(need(plan, "plan").plan.report(batch), report); });
}

scorematch_status scorematch_head_plan_create(const scorematch_engine* engine, int32_t dim, const char* head,
                                              int64_t max_batch, scorematch_head_plan** plan) {
  return make_handle(plan, "plan", [&] {
    MetadataReader reader = MetadataReader::of_text("head", need_text(head, "head"));
    const double sigma_data = read_sigma_data(reader);
    const Loss loss = read_loss(reader, sigma_data);
    reader.set_if_absent("parameterization", "plain");
    const Parameterization parameterization = read_parameterization(reader, sigma_data);
    reader.refuse_rest();
    return HeadPlan(need(engine, "engine").engine, dim, loss, max_batch, parameterization);
  });
}
void scorematch_head_plan_destroy(scorematch_head_plan* plan) { delete plan; }
scorematch_status scorematch_head_plan_run(const scorematch_head_plan* plan, scorematch_queue* queue,
                                           const scorematch_head_in* in, const scorematch_head_out* out,
                                           const scorematch_reduction* reduction) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_head_in, jvp));
    const auto o = sized(out, "out", offsetof(scorematch_head_out, grad_output));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, {batch_of(i.batch), input(i.output), input(i.jvp), input(i.trace)},
                  {estimate_of(o.loss), output(o.grad_output), output(o.grad_jvp), output(o.grad_trace),
                   output(o.loss_per_sample), output(o.loss_per_direction)},
                  reduction_of(reduction));
  });
}
scorematch_status scorematch_head_plan_workspace_bytes(const scorematch_head_plan* plan, size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(plan, "plan").plan.workspace_bytes(); });
}
