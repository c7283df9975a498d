/// @file
/// Mixtures of isotropic Gaussians. Their smoothed densities and scores are known: noise sigma adds sigma^2 to the
/// variance of each component.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "support/arrays.h"

namespace scorematch::testing_support {

class Mixture {
 public:
  struct Component {
    double weight;
    std::vector<double> mean;
    double deviation;
  };

  explicit Mixture(std::vector<Component> components) : components_(std::move(components)) {}

  const std::vector<Component>& components() const { return components_; }
  std::size_t dim() const { return components_[0].mean.size(); }

  /// ln p_sigma(x) @param x [dim]
  double log_density(const double* x, double sigma = 0) const {
    const std::vector<double> terms = log_terms(x, sigma);
    const double most = *std::max_element(terms.begin(), terms.end());
    double sum = 0;
    for (const double each : terms) sum += std::exp(each - most);
    return most + std::log(sum);
  }

  /// grad ln p_sigma(x) [dim]
  std::vector<double> score(const double* x, double sigma = 0) const {
    const std::vector<double> terms = log_terms(x, sigma);
    const double most = *std::max_element(terms.begin(), terms.end());
    std::vector<double> sum(dim(), 0.0);
    double total = 0;
    for (std::size_t k = 0; k < components_.size(); ++k) {
      const double share = std::exp(terms[k] - most);
      total += share;
      for (std::size_t i = 0; i < dim(); ++i)
        sum[i] += share * (components_[k].mean[i] - x[i]) / variance(components_[k], sigma);
    }
    for (double& each : sum) each /= total;
    return sum;
  }

  /// div grad ln p_sigma(x) = sum r_k (|g_k|^2 - d/v_k) - |s|^2, where r_k is the responsibility, g_k the score and v_k
  /// the variance of component k.
  double divergence(const double* x, double sigma = 0) const {
    const std::vector<double> terms = log_terms(x, sigma), s = score(x, sigma);
    const double all = log_density(x, sigma);
    double sum = 0;
    for (std::size_t k = 0; k < components_.size(); ++k) {
      const double v = variance(components_[k], sigma);
      double square = 0;
      for (std::size_t i = 0; i < dim(); ++i)
        square += (components_[k].mean[i] - x[i]) * (components_[k].mean[i] - x[i]) / (v * v);
      sum += std::exp(terms[k] - all) * (square - static_cast<double>(dim()) / v);
    }
    for (const double each : s) sum -= each * each;
    return sum;
  }

  /// The component with the nearest mean.
  std::size_t nearest(const double* x) const {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t k = 0; k < components_.size(); ++k) {
      double square = 0;
      for (std::size_t i = 0; i < dim(); ++i)
        square += (x[i] - components_[k].mean[i]) * (x[i] - components_[k].mean[i]);
      if (k == 0 || square < least) best = k, least = square;
    }
    return best;
  }

  /// [n, dim], each a float
  std::vector<double> samples(std::int64_t n, unsigned seed) const {
    const auto d = static_cast<std::int64_t>(dim());
    const std::vector<double> u = uniform_values(n, seed, 0, 1), z = normal_values(n * d, seed + 1);
    std::vector<double> x;
    for (std::size_t i = 0; i < u.size(); ++i) {
      std::size_t k = 0;
      for (double left = u[i] - components_[0].weight; left >= 0 && k + 1 < components_.size();)
        left -= components_[++k].weight;
      for (std::size_t j = 0; j < dim(); ++j)
        x.push_back(as_float(components_[k].mean[j] + components_[k].deviation * z[i * dim() + j]));
    }
    return x;
  }

 private:
  static double variance(const Component& c, double sigma) { return c.deviation * c.deviation + sigma * sigma; }

  /// ln (w_k N(x; mean_k, variance_k))
  std::vector<double> log_terms(const double* x, double sigma) const {
    constexpr double kTwoPi = 6.283185307179586476925286766559;
    std::vector<double> terms;
    for (const Component& c : components_) {
      double square = 0;
      for (std::size_t i = 0; i < dim(); ++i) square += (x[i] - c.mean[i]) * (x[i] - c.mean[i]);
      terms.push_back(std::log(c.weight) - square / (2 * variance(c, sigma)) -
                      0.5 * static_cast<double>(dim()) * std::log(kTwoPi * variance(c, sigma)));
    }
    return terms;
  }

  std::vector<Component> components_;
};

}  // namespace scorematch::testing_support
