/// @file
/// What the training command left in a model beside the network.
#pragma once
#include <cmath>
#include <cstdlib>
#include <string>

#include "scorematch/checkpoint.h"

namespace scorematch::cli {

inline double metadata_number(const Checkpoint& model, const std::string& key, double otherwise) {
  const auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  return end != found->second.c_str() && *end == '\0' && std::isfinite(value) ? value : otherwise;
}

}  // namespace scorematch::cli
