/// @file
/// Statistics of samples, and their tolerances. With a fixed seed, a deviation of five standard errors is a bug, not
/// chance.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace scorematch::testing_support {

constexpr double kSigmas = 5;

struct Moments {
  double count = 0, mean = 0, variance = 0;  // the sum is divided by N
  double fourth = 0;                         // central
  double mean_error() const { return std::sqrt(variance / count); }
  /// Standard error of the variance: sqrt((mu_4 - mu_2^2) / N).
  double variance_error() const { return std::sqrt(std::max(fourth - variance * variance, 0.0) / count); }
};

inline Moments moments(const std::vector<double>& values) {
  Moments m;
  m.count = static_cast<double>(values.size());
  for (const double each : values) m.mean += each / m.count;
  for (const double each : values) {
    const double square = (each - m.mean) * (each - m.mean);
    m.variance += square / m.count;
    m.fourth += square * square / m.count;
  }
  return m;
}

/// For N independent pairs, |correlation| is below kSigmas / sqrt(N).
inline double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const Moments of_a = moments(a), of_b = moments(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - of_a.mean) * (b[i] - of_b.mean);
  return sum / (of_a.count * std::sqrt(of_a.variance * of_b.variance));
}

/// sqrt(N) sup |F_N - F| (Kolmogorov 1933). It exceeds kKolmogorov with probability 2 exp(-2 kKolmogorov^2) < 6e-7.
constexpr double kKolmogorov = 2.75;
template <class Distribution>
double kolmogorov_distance(std::vector<double> values, const Distribution& distribution) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = distribution(values[i]);
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst * std::sqrt(n);
}

inline double normal_distribution(double z) { return 0.5 * std::erfc(-z * std::sqrt(0.5)); }

/// (chi^2 - k) / sqrt(2 k) with k = bins - 1. For counts with equal expectations it is below kSigmas.
inline double chi_square_excess(const std::vector<std::int64_t>& counts) {
  double total = 0, chi2 = 0;
  for (const std::int64_t each : counts) total += static_cast<double>(each);
  const double expected = total / static_cast<double>(counts.size()), freedom = static_cast<double>(counts.size()) - 1;
  for (const std::int64_t each : counts) {
    const double difference = static_cast<double>(each) - expected;
    chi2 += difference * difference / expected;
  }
  return (chi2 - freedom) / std::sqrt(2 * freedom);
}

}  // namespace scorematch::testing_support
