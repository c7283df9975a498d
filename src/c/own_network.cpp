// The caller's own network, for samplers and likelihoods.
#include "scorematch/own_network.h"

#include "c/handles.h"
#include "formats/spec_plans.h"

namespace scorematch::c {
namespace {

OwnNetwork::Function function_of(scorematch_network_function evaluate, void* user) {
  return [evaluate, user](Queue& queue, const NetworkCall& call) {
    scorematch_queue lent{nullptr, queue};
    const scorematch_network_call views{sizeof views,         view_of(call.net_input),
                                        view_of(call.sigma),  view_of(call.directions),
                                        view_of(call.output), view_of(call.jvp)};
    call_back("network.evaluate", [&] { return evaluate(user, &lent, &views); });
  };
}

}  // namespace

OwnNetwork own_network_of(const scorematch_own_network* network) {
  const auto given = sized(network, "network", offsetof(scorematch_own_network, user));
  if (given.evaluate == nullptr) refuse_null("network.evaluate", "a function");
  MetadataReader reader = MetadataReader::of_text("network.text", optional_text(given.text));
  reader.set_if_absent("parameterization", "plain");
  OwnNetwork own;
  own.dim = given.dim;
  own.evaluate = function_of(given.evaluate, given.user);
  own.parameterization = read_parameterization(reader, read_sigma_data(reader));
  own.conditioning = read_conditioning(reader);
  own.context = read_context(reader);
  own.dtype = static_cast<DType>(given.dtype);
  reader.refuse_rest();
  return own;
}

}  // namespace scorematch::c
