// Processes x_t = alpha x + beta eps as distributions of sigma = beta / alpha: closed forms in t, and the table from
// which the engines draw (include/scorematch/noise_table.h). docs/math.md, "Processes", has the formulas.
#pragma once
#include <vector>

#include "scorematch/choices.h"

namespace scorematch {

/// Whether sigma is drawn from a table.
bool has_table(NoiseSchedule::Kind schedule);
inline bool has_table(const NoiseSchedule& schedule) { return has_table(schedule.kind); }
/// sigma at time t of a schedule that has one. ddpm: t is a step, 1 ... levels, as a whole number.
double sigma_at(const NoiseSchedule& schedule, double t);
/// The smallest and the largest sigma of a schedule with a table.
struct SigmaRange {
  double low, high;
};
SigmaRange sigma_range(const NoiseSchedule& schedule);
/// ln sigma: at the knots of a continuous schedule, or at each step. Empty if the schedule has no table.
std::vector<double> noise_table_of(const NoiseSchedule& schedule);

}  // namespace scorematch
