/// @file
/// What the training command records in a model, apart from the network.
#pragma once
#include <string>

#include "cli/report/report.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// Keys of the data's deviations about 0, in model units (data_scale.h).
constexpr const char *kDeviation = "data.deviation", *kLargestDeviation = "data.largest_deviation";

double metadata_number(const Checkpoint& model, const std::string& key, double otherwise);

/// --sigma-min and --sigma-max, 0 if they are not given.
struct NoiseRange {
  double low = 0, high = 0;
};
/// Refuses what is wrong by the arguments alone.
void check(const NoiseRange& asked);
/// The noise that a schedule draws; zeros if it draws none.
NoiseRange range_of(const NoiseSchedule& schedule);
/// Each as asked for, else as the model was trained: from its loss, whose log-normal schedule may have a range in the
/// metadata, or from the metadata of files without a loss. Either may still be 0.
NoiseRange known_range(const NoiseRange& asked, const Checkpoint& model);
/// Why nothing can pass from level to level with this network, "ignores sigma" for example; empty if it can, as far as
/// the model says.
std::string why_no_range(const Checkpoint& model);
/// As known_range(), for what passes from level to level.
/// @param sampler that does; empty: a likelihood
/// @throws Error naming the option, or the model if its network has no range of levels to pass through
NoiseRange needed_range(const NoiseRange& asked, const Checkpoint& model, const std::string& sampler);

/// The standard deviation of the data about 0, in model units, for the prior of samples and of likelihoods: as asked
/// for (>= 0), else as the model's training recorded it, else as an edm network or the units of the model state it; 0
/// if nothing does.
double prior_deviation(const Checkpoint& model, double asked);
/// The same along the direction where it is largest; the prior's if that is not recorded.
double largest_deviation(const Checkpoint& model, double asked);
/// Warns if N(0, (sigma_max^2 + prior^2) I) does not stand for the data with noise sigma_max, that is, if
/// sigma_max is below 4 largest deviations (docs/math.md derives this).
void warn_of_prior(Report& report, const Checkpoint& model, double sigma_max, double asked);

}  // namespace scorematch::cli
