/// @file
/// ParamGroup: parts of the parameters that an optimizer treats differently.
#pragma once
#include <cstdint>
#include <vector>

#include "scorematch/export.h"
#include "scorematch/mlp.h"

namespace scorematch {

/// Elements [begin, begin + count) of the flat parameter vector, with factors of the optimizer's options. Groups may
/// overlap, and their factors then multiply. Parameters in no group have factors 1.
struct ParamGroup {
  std::int64_t begin = 0, count = 0;
  double learning_rate = 1;  ///< >= 0; 0: its parameters stay as they are
  double weight_decay = 1;   ///< >= 0
};

/// Layer `layer` of the network, counted from 0: its weight and its bias.
/// @throws Error invalid_argument for a layer that the network does not have
SCOREMATCH_API ParamGroup layer_group(const MlpShape& net, int layer, double learning_rate, double weight_decay = 1);
/// The biases of all layers, which are usually left out of the weight decay.
SCOREMATCH_API std::vector<ParamGroup> bias_groups(const MlpShape& net, double learning_rate = 1,
                                                   double weight_decay = 0);

}  // namespace scorematch
