#include "model/param_ranges.h"

#include <algorithm>
#include <set>

#include "checks/argument.h"
#include "checks/descriptions.h"

namespace scorematch {

ParamGroup layer_group(const MlpShape& net, int layer, double learning_rate, double weight_decay) {
  check(net);
  const std::vector<MlpShape::Layer> layers = net.layers();
  if (layer < 0 || layer >= static_cast<int>(layers.size()))
    throw_invalid("layer", "between 0 and " + std::to_string(layers.size() - 1), std::to_string(layer));
  const MlpShape::Layer& at = layers[static_cast<std::size_t>(layer)];
  return {at.weight, std::int64_t{at.in} * at.out + at.out, learning_rate, weight_decay};
}

std::vector<ParamGroup> bias_groups(const MlpShape& net, double learning_rate, double weight_decay) {
  check(net);
  std::vector<ParamGroup> groups;
  for (const MlpShape::Layer& layer : net.layers())
    groups.push_back({layer.bias, layer.out, learning_rate, weight_decay});
  return groups;
}

std::vector<ParamRange> param_ranges(const std::vector<ParamGroup>& groups, std::int64_t count) {
  std::set<std::int64_t> ends = {count};  // where a range may end
  for (const ParamGroup& group : groups) ends.insert({group.begin, group.begin + group.count});
  ends.erase(0);
  std::vector<ParamRange> ranges;
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    ParamRange range{end, 1, 1};
    for (const ParamGroup& group : groups)
      if (group.begin <= begin && end <= group.begin + group.count)
        range.learning_rate *= group.learning_rate, range.weight_decay *= group.weight_decay;
    const bool goes_on = !ranges.empty() && ranges.back().learning_rate == range.learning_rate &&
                         ranges.back().weight_decay == range.weight_decay;
    if (goes_on) ranges.pop_back();
    ranges.push_back(range);
    begin = end;
  }
  return ranges;
}

}  // namespace scorematch
