// SamplerPlan, with the library's network or the caller's function.
#include "scorematch/sampler.h"

#include "c/handles.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_sampler_plan {
  SamplerPlan plan;
};

namespace {

struct Description {
  Sampler sampler;
  double guidance = 1;
};

/// @param guided whether `guidance` is a key
Description sampler_of(const char* text, bool guided) {
  MetadataReader reader = MetadataReader::of_text("sampler", need_text(text, "sampler"));
  Description description{read_sampler(reader)};
  if (guided) description.guidance = reader.take_number("guidance", 1);
  reader.refuse_rest();
  return description;
}

/// Wraps the caller's function.
SamplerPlan::ScoreFunction function_of(scorematch_score_function score, void* user) {
  return [score, user](Queue& queue, ConstView x, ConstView sigma, View out) {
    scorematch_queue lent{nullptr, queue};
    const scorematch_view x_view = view_of(x), sigma_view = view_of(sigma), out_view = view_of(out);
    call_back("score", [&] { return score(user, &lent, &x_view, &sigma_view, &out_view); });
  };
}

}  // namespace

scorematch_status scorematch_sampler_plan_create(const scorematch_engine* engine, const scorematch_net* net,
                                                 const char* sampler, int64_t max_batch,
                                                 scorematch_sampler_plan** plan) {
  return make_handle(plan, "plan", [&] {
    const auto [method, guidance] = sampler_of(sampler, true);
    return SamplerPlan(need(engine, "engine").engine, need(net, "net").net, method, max_batch, guidance);
  });
}
scorematch_status scorematch_sampler_plan_create_with(const scorematch_engine* engine, int32_t dim,
                                                      scorematch_score_function score, void* user, const char* sampler,
                                                      int64_t max_batch, scorematch_sampler_plan** plan) {
  return make_handle(plan, "plan", [&] {
    if (score == nullptr) refuse_null("score", "a function");
    return SamplerPlan(need(engine, "engine").engine, dim, function_of(score, user), sampler_of(sampler, false).sampler,
                       max_batch);
  });
}
scorematch_status scorematch_sampler_plan_create_with_network(const scorematch_engine* engine,
                                                              const scorematch_own_network* network,
                                                              const char* sampler, int64_t max_batch,
                                                              scorematch_sampler_plan** plan) {
  return make_handle(plan, "plan", [&] {
    const auto [method, guidance] = sampler_of(sampler, true);
    return SamplerPlan(need(engine, "engine").engine, own_network_of(network), method, max_batch, guidance);
  });
}
void scorematch_sampler_plan_destroy(scorematch_sampler_plan* plan) { delete plan; }
scorematch_status scorematch_sampler_plan_run(const scorematch_sampler_plan* plan, scorematch_queue* queue,
                                              const scorematch_view* params, scorematch_noise_ref noise,
                                              const scorematch_sampler_out* out) {
  return guard([&] {
    const auto o = sized(out, "out", offsetof(scorematch_sampler_out, acceptance));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, params == nullptr ? ConstView() : input(*params), noise_of(noise),
                  {output(o.x), estimate_of(o.acceptance), output(o.acceptance_per_sample)});
  });
}
scorematch_status scorematch_sampler_plan_run_with(const scorematch_sampler_plan* plan, scorematch_queue* queue,
                                                   const scorematch_sampler_in* in, const scorematch_sampler_out* out) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_sampler_in, context));
    const auto o = sized(out, "out", offsetof(scorematch_sampler_out, acceptance));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, {input(i.params), noise_of(i.noise), input(i.context), input(i.labels)},
                  {output(o.x), estimate_of(o.acceptance), output(o.acceptance_per_sample)});
  });
}
scorematch_status scorematch_sampler_plan_workspace_bytes(const scorematch_sampler_plan* plan, size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(plan, "plan").plan.workspace_bytes(); });
}
