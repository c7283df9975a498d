// GradientVariance.
#include "scorematch/gradient_variance.h"

#include "c/handles.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_gradient_variance {
  GradientVariance variance;
};

scorematch_status scorematch_gradient_variance_create(const scorematch_engine* engine, const scorematch_net* net,
                                                      const char* loss, int64_t batch, int32_t probes,
                                                      const char* compute, scorematch_gradient_variance** variance) {
  return make_handle(variance, "variance", [&] {
    return GradientVariance(need(engine, "engine").engine, need(net, "net").net, loss_of(loss), batch, probes,
                            compute_of(compute));
  });
}
void scorematch_gradient_variance_destroy(scorematch_gradient_variance* variance) { delete variance; }
scorematch_status scorematch_gradient_variance_measure(const scorematch_gradient_variance* variance,
                                                       scorematch_queue* queue,
                                                       const scorematch_gradient_variance_in* in,
                                                       scorematch_gradient_moments* moments) {
  return guard([&] {
    const auto i = sized(in, "in", offsetof(scorematch_gradient_variance_in, context));
    sized(moments, "moments", sizeof(scorematch_gradient_moments));
    const GradientMoments got = need(variance, "variance")
                                    .variance.measure(need(queue, "queue").queue, input(i.params), input(i.x), i.seed,
                                                      {input(i.context), input(i.present), input(i.labels)});
    const auto measured = [](const Measured& each) { return scorematch_measured{each.value, each.standard_error}; };
    *moments = {moments->struct_size,     measured(got.trace),        measured(got.data),           measured(got.noise),
                measured(got.directions), measured(got.squared_mean), measured(got.signal_to_noise)};
  });
}
scorematch_status scorematch_gradient_variance_workspace_bytes(const scorematch_gradient_variance* variance,
                                                               size_t* bytes) {
  return give(bytes, "bytes", [&] { return need(variance, "variance").variance.workspace_bytes(); });
}
