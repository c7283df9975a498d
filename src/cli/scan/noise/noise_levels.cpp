#include "cli/scan/noise/noise_levels.h"

#include <algorithm>
#include <cmath>

namespace scorematch::cli {
namespace {

constexpr double kWanted = 0.5;   // overlap
constexpr double kMostRatio = 2;  // the ratio at 18 dimensions
constexpr int kBisections = 200, kSteps = 20'000;

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

/// (1 - u)^(2T) (ratio^2 - q) + q with u = step / sigma_min^2, where q = 2u / (1 - (1 - u)^2) = 2 / (2 - u).
double relative_variance(double u, double ratio, int steps) {
  const double q = 2 / (2 - u);
  return std::pow(1 - u, 2 * steps) * (ratio * ratio - q) + q;
}

}  // namespace

double optimal_sigma(double variance, double bias, double samples) {
  return std::pow(variance / (2 * bias * samples), 1.0 / 6);
}

double level_overlap(double ratio, double dim) {
  const double shift = std::sqrt(2 * dim) * (ratio - 1);
  return normal_cdf(shift + 3 * ratio) - normal_cdf(shift - 3 * ratio);
}

LevelRatio level_ratio(double dim) {
  if (level_overlap(kMostRatio, dim) > kWanted) return {kMostRatio, true};
  double low = 1, high = kMostRatio;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2;
    (level_overlap(middle, dim) > kWanted ? low : high) = middle;
  }
  return {(low + high) / 2, false};
}

int level_count(double sigma_min, double sigma_max, double ratio) {
  return 1 + static_cast<int>(std::ceil(std::log(sigma_max / sigma_min) / std::log(ratio) - 1e-9));
}

LangevinStep langevin_step(double sigma_min, double ratio, int steps) {
  LangevinStep best{0, ratio * ratio};
  for (int i = 1; i < kSteps; ++i) {  // even in ln u, from 1e-6 to 1
    const double u = std::pow(10, -6.0 * (1 - i / double{kSteps})), variance = relative_variance(u, ratio, steps);
    if (std::abs(variance - 1) < std::abs(best.variance - 1)) best = {u * sigma_min * sigma_min, variance};
  }
  return best;
}

}  // namespace scorematch::cli
