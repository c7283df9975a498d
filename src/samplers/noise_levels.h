// Lists of noise levels, and their copies in engine memory.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"

namespace scorematch {

constexpr double kSmallestRange = 2;  // of sigma_max / sigma_min; below, it is a single level, not a range

/// @throws Error naming owner.sigma_min or owner.sigma_max unless both are valid levels and span a range
void check_level_range(double sigma_max, double sigma_min, const std::string& owner = "sampler");

/// For methods that need the score at several levels. @throws Error naming net if it ignores sigma
void check_follows_levels(const MlpShape& net);

/// sigma_max^2 + prior_deviation^2: the variance of the data with noise sigma_max. @throws Error naming
/// owner.prior_deviation
double prior_variance(double sigma_max, double prior_deviation, const std::string& owner = "sampler");

/// sigma_max ... sigma_min in geometric progression. @throws Error naming owner.sigma_min and so on
std::vector<double> geometric_levels(double sigma_max, double sigma_min, int levels,
                                     const std::string& owner = "sampler");

/// (sigma_max^(1/rho) + i/(count-1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho, i = 0 ... count - 1 (Karras et al.
/// 2022, eq. 5). @throws Error as above, naming owner.steps if the count is out of range
std::vector<double> karras_levels(double sigma_max, double sigma_min, int count, double rho,
                                  const std::string& owner = "sampler");

/// Noise levels in engine memory, of its working type.
class LevelTable {
 public:
  LevelTable() = default;
  LevelTable(const Engine& engine, const std::vector<double>& sigmas);
  /// Level `index`, [1]; empty if the table is.
  ConstView operator[](std::int64_t index) const;

 private:
  Buffer<double> doubles_;
  Buffer<float> floats_;
};

}  // namespace scorematch
