// PerturbPlan and DirectionPlan.
#include "c/handles.h"
#include "formats/spec_plans.h"
#include "scorematch/perturbation.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_perturb_plan {
  PerturbPlan plan;
};
struct scorematch_direction_plan {
  DirectionPlan plan;
};

scorematch_status scorematch_perturb_plan_create(const scorematch_engine* engine, int32_t dim, const char* perturb,
                                                 int64_t max_batch, scorematch_perturb_plan** plan) {
  return make_handle(plan, "plan", [&] {
    MetadataReader reader = MetadataReader::of_text("perturb", optional_text(perturb));
    const NoiseSchedule schedule = read_schedule(reader);
    reader.set_if_absent("parameterization", "plain");
    const Parameterization parameterization = read_parameterization(reader, read_sigma_data(reader));
    const Conditioning conditioning = read_conditioning(reader);
    const Context context = read_context(reader);
    const double dropout = reader.take_number("context_dropout", 0);
    reader.refuse_rest();
    return PerturbPlan(need(engine, "engine").engine, dim, schedule, max_batch, parameterization, conditioning, context,
                       dropout);
  });
}
void scorematch_perturb_plan_destroy(scorematch_perturb_plan* plan) { delete plan; }
scorematch_status scorematch_perturb_plan_run(const scorematch_perturb_plan* plan, scorematch_queue* queue,
                                              const scorematch_perturb_in* in, const scorematch_perturb_out* out) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_perturb_in, batch.noise));
    const auto o = sized(out, "out", offsetof(scorematch_perturb_out, sigma));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, batch_of(i.batch),
                  {output(o.net_input), output(o.sigma), output(o.x_tilde), output(o.eps), output(o.rows)});
  });
}

scorematch_status scorematch_direction_plan_create(const scorematch_engine* engine, int32_t dim, const char* directions,
                                                   int64_t max_batch, scorematch_direction_plan** plan) {
  return make_handle(plan, "plan", [&] {
    MetadataReader reader = MetadataReader::of_text("directions", optional_text(directions));
    const int projections = reader.take_int32("projections", 1);
    const Projection distribution = reader.take_choice(Projection::gaussian);
    reader.refuse_rest();
    return DirectionPlan(need(engine, "engine").engine, dim, projections, distribution, max_batch);
  });
}
void scorematch_direction_plan_destroy(scorematch_direction_plan* plan) { delete plan; }
scorematch_status scorematch_direction_plan_run(const scorematch_direction_plan* plan, scorematch_queue* queue,
                                                scorematch_noise_ref noise, const scorematch_view* directions) {
  return guard([&] {
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, noise_of(noise), output(need(directions, "directions", "a view")));
  });
}
