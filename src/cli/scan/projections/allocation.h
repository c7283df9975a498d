/// @file
/// How to spend a step's time: on samples or on directions (docs/math.md, "The number of directions").
#pragma once
#include <vector>

namespace scorematch::cli {

/// Seconds of a step with M directions: fixed + per_projection M.
struct StepCost {
  double fixed = 0, per_projection = 0;

  double at(double projections) const { return fixed + per_projection * projections; }
};

/// Least squares with errors in proportion to the seconds. Neither part is negative.
/// @param projections, seconds at least two different numbers of directions
StepCost fit_cost(const std::vector<double>& projections, const std::vector<double>& seconds);

/// Variance of the gradient of one sample: fixed + directions / M, or with directions without replacement from D of
/// them, fixed + directions / M (D - M) / (D - 1). M is at most D.
struct GradientParts {
  double fixed = 0, directions = 0;
  double population = 0;  // D; 0: independent directions

  double at(double projections) const { return floor() + slope() / projections; }
  /// The limit for large M of this hyperbola; less than `fixed`, and perhaps negative, without replacement.
  double floor() const { return population > 1 ? fixed - directions / (population - 1) : fixed; }
  double slope() const { return population > 1 ? directions * population / (population - 1) : directions; }
};

/// sqrt(V_v a / (V_x b)), at least 1: where the variance that a time buys, (V_x + V_v/M)(a + b M), is least. Without
/// replacement V_v D/(D - 1) and V_x - V_v/(D - 1) are in their place, and it is at most D: D where the latter is <= 0.
double optimal_projections(const GradientParts& parts, const StepCost& cost);
/// The whole number where it is least, from 1 to `most`.
int best_projections(const GradientParts& parts, const StepCost& cost, int most);
/// Variance in the same time with one direction, divided by that with M.
double gain_over_one(const GradientParts& parts, const StepCost& cost, double projections);

}  // namespace scorematch::cli
