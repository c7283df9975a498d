/// @file
/// Distances between two sets of samples.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "cli/data/matrix.h"
#include "support/arrays.h"

namespace scorematch::testing_support {

/// The squared W2 distance between the empirical distributions of `a` and `b`: the integral over u of the squared
/// difference of their quantiles. It is exact for any two sizes.
inline double squared_wasserstein(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  double sum = 0, reached = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double end_a = static_cast<double>(i + 1) / n, end_b = static_cast<double>(j + 1) / m;
    const double end = std::min(end_a, end_b);
    sum += (end - reached) * (a[i] - b[j]) * (a[i] - b[j]);
    reached = end;
    if (end_a <= end) ++i;
    if (end_b <= end) ++j;
  }
  return sum;
}

/// [projections, dim], unit vectors distributed uniformly on the sphere.
inline std::vector<double> unit_directions(std::int64_t projections, std::int64_t dim, unsigned seed) {
  std::vector<double> v = normal_values(projections * dim, seed);
  for (auto row = v.begin(); row != v.end(); row += dim) {
    double square = 0;
    for (auto each = row; each != row + dim; ++each) square += *each * *each;
    for (auto each = row; each != row + dim; ++each) *each /= std::sqrt(square);
  }
  return v;
}

/// The square root of the mean squared W2 of the projections onto the directions (Bonneel et al. 2015).
/// @param directions [projections, dim]
inline double sliced_wasserstein(const cli::Matrix& a, const cli::Matrix& b, const std::vector<double>& directions) {
  const auto dim = static_cast<std::size_t>(a.cols), count = directions.size() / dim;
  const auto project = [&](const cli::Matrix& x, const double* v) {
    std::vector<double> out(static_cast<std::size_t>(x.rows), 0.0);
    for (std::size_t i = 0; i < out.size(); ++i)
      for (std::size_t j = 0; j < dim; ++j) out[i] += static_cast<double>(x.values[i * dim + j]) * v[j];
    return out;
  };
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const double* v = directions.data() + k * dim;
    sum += squared_wasserstein(project(a, v), project(b, v));
  }
  return std::sqrt(sum / static_cast<double>(count));
}

/// The mean Euclidean distance from a row of `from` to the nearest row of `to`.
inline double mean_nearest_distance(const cli::Matrix& from, const cli::Matrix& to) {
  const auto dim = static_cast<std::size_t>(from.cols);
  double sum = 0;
  for (std::int64_t i = 0; i < from.rows; ++i) {
    const float* x = from.values.data() + static_cast<std::size_t>(i) * dim;
    float least = std::numeric_limits<float>::infinity();
    for (std::int64_t k = 0; k < to.rows; ++k) {
      const float* y = to.values.data() + static_cast<std::size_t>(k) * dim;
      float square = 0;
      for (std::size_t j = 0; j < dim; ++j) square += (x[j] - y[j]) * (x[j] - y[j]);
      least = std::min(least, square);
    }
    sum += std::sqrt(static_cast<double>(least));
  }
  return sum / static_cast<double>(from.rows);
}

}  // namespace scorematch::testing_support
