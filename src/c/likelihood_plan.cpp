// LikelihoodPlan, with the library's network or the caller's function.
#include "scorematch/likelihood.h"

#include "c/handles.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_likelihood_plan {
  LikelihoodPlan plan;
};

namespace {

Likelihood likelihood_of(const char* text) {
  MetadataReader reader = MetadataReader::of_text("likelihood", optional_text(text));
  const Likelihood likelihood = read_likelihood(reader);
  reader.refuse_rest();
  return likelihood;
}

/// Wraps the caller's function.
LikelihoodPlan::ScoreFunction function_of(scorematch_score_divergence_function score, void* user) {
  return [score, user](Queue& queue, ConstView x, ConstView sigma, View out, View divergence) {
    scorematch_queue lent{nullptr, queue};
    const scorematch_view x_view = view_of(x), sigma_view = view_of(sigma), out_view = view_of(out),
                          divergence_view = view_of(divergence);
    call_back("score", [&] { return score(user, &lent, &x_view, &sigma_view, &out_view, &divergence_view); });
  };
}

}  // namespace

scorematch_status scorematch_likelihood_plan_create(const scorematch_engine* engine, const scorematch_net* net,
                                                    const char* likelihood, int64_t max_batch, const char* compute,
                                                    scorematch_likelihood_plan** plan) {
  return make_handle(plan, "plan", [&] {
    return LikelihoodPlan(need(engine, "engine").engine, need(net, "net").net, likelihood_of(likelihood), max_batch,
                          compute_of(compute));
  });
}
scorematch_status scorematch_likelihood_plan_create_with(const scorematch_engine* engine, int32_t dim,
                                                         scorematch_score_divergence_function score, void* user,
                                                         const char* likelihood, int64_t max_batch,
                                                         scorematch_likelihood_plan** plan) {
  return make_handle(plan, "plan", [&] {
    if (score == nullptr) refuse_null("score", "a function");
    return LikelihoodPlan(need(engine, "engine").engine, dim, function_of(score, user), likelihood_of(likelihood),
                          max_batch);
  });
}
scorematch_status scorematch_likelihood_plan_create_with_network(const scorematch_engine* engine,
                                                                 const scorematch_own_network* network,
                                                                 const char* likelihood, int64_t max_batch,
                                                                 scorematch_likelihood_plan** plan) {
  return make_handle(plan, "plan", [&] {
    return LikelihoodPlan(need(engine, "engine").engine, own_network_of(network), likelihood_of(likelihood), max_batch);
  });
}
void scorematch_likelihood_plan_destroy(scorematch_likelihood_plan* plan) { delete plan; }
scorematch_status scorematch_likelihood_plan_run(const scorematch_likelihood_plan* plan, scorematch_queue* queue,
                                                 const scorematch_likelihood_in* in,
                                                 const scorematch_likelihood_out* out) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_likelihood_in, batch.noise));
    const auto o = sized(out, "out", offsetof(scorematch_likelihood_out, latent));
    need(plan, "plan")
        .plan.run(need(queue, "queue").queue, {input(i.params), batch_of(i.batch)},
                  {output(o.log_likelihood), output(o.latent), estimate_of(o.mean)});
  });
}
scorematch_status scorematch_likelihood_plan_workspace_bytes(const scorematch_likelihood_plan* plan, size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(plan, "plan").plan.workspace_bytes(); });
}
