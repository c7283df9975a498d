/// @file
/// What the training command left in a model beside the network.
#pragma once
#include <string>

#include "scorematch/checkpoint.h"

namespace scorematch::cli {

double metadata_number(const Checkpoint& model, const std::string& key, double otherwise);

/// --sigma-min and --sigma-max, 0 where they are not given.
struct NoiseRange {
  double low = 0, high = 0;
};
/// What the arguments alone show to be wrong.
void check(const NoiseRange& asked);
/// The noise that a schedule draws; zeros where it draws none.
NoiseRange range_of(const NoiseSchedule& schedule);
/// Each as asked for, else as the model was trained: from its loss, or from the metadata of files without one. Either
/// may be 0 still.
NoiseRange known_range(const NoiseRange& asked, const Checkpoint& model);
/// The same where both are needed. @param why, for the message @throws Error naming the option
NoiseRange needed_range(const NoiseRange& asked, const Checkpoint& model, const std::string& why);

}  // namespace scorematch::cli
