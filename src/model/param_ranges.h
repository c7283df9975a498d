// Groups of parameters as engines read them: ranges that do not overlap and cover all parameters.
#pragma once
#include <cstdint>
#include <vector>

#include "scorematch/param_groups.h"

namespace scorematch {

/// The parameters before `end` that are in no earlier range, and their factors.
struct ParamRange {
  std::int64_t end;
  double learning_rate, weight_decay;
};

/// At least one range; the last one ends at `count`. Neighbors differ in their factors. @param groups valid ones
std::vector<ParamRange> param_ranges(const std::vector<ParamGroup>& groups, std::int64_t count);

}  // namespace scorematch
