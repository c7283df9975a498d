#include "cli/scan/projections/allocation.h"

#include <algorithm>
#include <cmath>

namespace scorematch::cli {

StepCost fit_cost(const std::vector<double>& projections, const std::vector<double>& seconds) {
  double w = 0, wm = 0, wmm = 0, wt = 0, wmt = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double m = projections[i], t = seconds[i], weight = 1 / (t * t);
    w += weight, wm += weight * m, wmm += weight * m * m, wt += weight * t, wmt += weight * m * t;
  }
  const double slope = (w * wmt - wm * wt) / (w * wmm - wm * wm);
  if (slope <= 0) return {wt / w, 0};
  const double fixed = (wt - slope * wm) / w;
  if (fixed < 0) return {0, wmt / wmm};
  return {fixed, slope};
}

double optimal_projections(const GradientParts& parts, const StepCost& cost) {
  if (!(parts.directions > 0) || !(cost.fixed > 0)) return 1;
  const double least = std::sqrt(parts.slope() * cost.fixed / (std::max(parts.floor(), 0.0) * cost.per_projection));
  return std::max(1.0, parts.population > 0 ? std::min(least, parts.population) : least);
}

int best_projections(const GradientParts& parts, const StepCost& cost, int most) {
  const double optimum = std::min(optimal_projections(parts, cost), static_cast<double>(most));
  const int low = static_cast<int>(optimum), high = std::min(low + 1, most);
  return parts.at(low) * cost.at(low) <= parts.at(high) * cost.at(high) ? low : high;
}

double gain_over_one(const GradientParts& parts, const StepCost& cost, double projections) {
  return parts.at(1) * cost.at(1) / (parts.at(projections) * cost.at(projections));
}

}  // namespace scorematch::cli
