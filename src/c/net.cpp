// Networks.
#include <algorithm>

#include "c/handles.h"
#include "checks/argument.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

scorematch_status scorematch_net_create(const char* net, scorematch_net** handle) {
  return make_handle(handle, "handle", [&] {
    MetadataReader reader = MetadataReader::of_text("net", need_text(net, "net"));
    const MlpShape shape = read_net(reader);
    reader.refuse_rest();
    return net_handle(shape);
  });
}
void scorematch_net_destroy(scorematch_net* net) { delete net; }
scorematch_status scorematch_net_text(const scorematch_net* net, const char** text) {
  return give(text, "text", [&] { return need(net, "net").text.c_str(); });
}
scorematch_status scorematch_net_dim(const scorematch_net* net, int32_t* dim) {
  return give(dim, "dim", [&] { return need(net, "net").net.dim; });
}
scorematch_status scorematch_net_param_count(const scorematch_net* net, int64_t* count) {
  return give(count, "count", [&] { return need(net, "net").net.param_count(); });
}
scorematch_status scorematch_net_layer_count(const scorematch_net* net, int32_t* count) {
  return give(count, "count", [&] { return static_cast<int32_t>(need(net, "net").layers.size()); });
}
scorematch_status scorematch_net_layer(const scorematch_net* net, int32_t index, scorematch_layer* layer) {
  return give(layer, "layer", [&] {
    const auto& layers = need(net, "net").layers;
    if (index < 0 || static_cast<std::size_t>(index) >= layers.size())
      throw_invalid("index", "below " + std::to_string(layers.size()), std::to_string(index));
    const MlpShape::Layer& at = layers[static_cast<std::size_t>(index)];
    return scorematch_layer{at.in, at.out, at.weight, at.bias};
  });
}
scorematch_status scorematch_net_initial_params(const scorematch_net* net, const char* initialization, uint64_t seed,
                                                float* params, int64_t count) {
  return guard([&] {
    check_count("count", count, need(net, "net").net.param_count());
    need(params, "params", "memory");
    const std::vector<float> values = net->net.initial_params(
        seed, read_initialization(initialization != nullptr ? initialization : "variance_preserving"));
    std::copy(values.begin(), values.end(), params);
  });
}
