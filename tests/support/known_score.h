/// @file
/// Distributions whose score is known, and the distance of a network's score from it.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scorematch/score.h"
#include "support/arrays.h"
#include "support/mixture.h"

namespace scorematch::testing_support {

/// A Gaussian or a mixture of two. `sigma` is the standard deviation of added Gaussian noise.
class KnownScore {
 public:
  /// N(0, C), C_ij = 0.7^|i - j| w_i w_j with the deviations w from 1 down to 0.5.
  static KnownScore gaussian(int dim) {
    KnownScore known(dim);
    for (int i = 0; i < dim; ++i)
      for (int j = 0; j < dim; ++j)
        known.covariance_.push_back(std::pow(0.7, std::abs(i - j)) * deviation(i, dim) * deviation(j, dim));
    return known;
  }

  /// 0.4 N(mu, 0.3 I) + 0.6 N(-mu, 0.3 I) with |mu| = 1.2. The best linear score differs from the score only along mu.
  static KnownScore mixture(int dim) {
    constexpr double kVariance = 0.3, kLength = 1.2, kWeight = 0.4;
    KnownScore known(dim);
    std::vector<double> mu, opposite;
    for (int i = 0; i < dim; ++i) mu.push_back((i % 2 == 0 ? 1 : -1) * kLength / std::sqrt(dim));
    for (const double each : mu) opposite.push_back(-each);
    known.mixture_.emplace(std::vector<Mixture::Component>{{kWeight, mu, std::sqrt(kVariance)},
                                                           {1 - kWeight, opposite, std::sqrt(kVariance)}});
    for (std::size_t i = 0; i < mu.size(); ++i) known.mean_[i] = (2 * kWeight - 1) * mu[i];
    for (std::size_t i = 0; i < mu.size(); ++i)
      for (std::size_t j = 0; j < mu.size(); ++j)
        known.covariance_.push_back(4 * kWeight * (1 - kWeight) * mu[i] * mu[j] + (i == j ? kVariance : 0));
    return known;
  }

  int dim() const { return static_cast<int>(mean_.size()); }

  /// [n, dim], each a float
  std::vector<double> samples(std::int64_t n, unsigned seed) const {
    if (mixture_) return mixture_->samples(n, seed);
    const std::size_t d = mean_.size();
    const std::vector<double> z = normal_values(n * dim(), seed), factor = cholesky(covariance_, d);
    std::vector<double> x(z.size(), 0.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t row = i / d * d, k = i % d;
      for (std::size_t j = 0; j <= k; ++j) x[i] += factor[k * d + j] * z[row + j];
      x[i] = as_float(x[i]);
    }
    return x;
  }

  /// The scores [n, dim] at x [n, dim].
  std::vector<double> scores(const std::vector<double>& x, double sigma = 0) const {
    if (!mixture_) return linear_scores(x, sigma);
    std::vector<double> all;
    for (std::size_t i = 0; i < x.size(); i += mean_.size()) {
      const std::vector<double> one = mixture_->score(&x[i], sigma);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  /// The best linear score: that of the Gaussian with the same mean and covariance.
  std::vector<double> linear_scores(const std::vector<double>& x, double sigma = 0) const {
    const std::size_t d = mean_.size();
    std::vector<double> covariance = covariance_;
    for (std::size_t i = 0; i < d; ++i) covariance[i * d + i] += sigma * sigma;
    const std::vector<double> factor = cholesky(covariance, d);
    std::vector<double> all(x.size());
    for (std::size_t row = 0; row < x.size(); row += d) {
      double* y = &all[row];
      for (std::size_t i = 0; i < d; ++i) {  // L y = x - m
        y[i] = x[row + i] - mean_[i];
        for (std::size_t j = 0; j < i; ++j) y[i] -= factor[i * d + j] * y[j];
        y[i] /= factor[i * d + i];
      }
      for (std::size_t i = d; i-- > 0;) {  // L^T s = y
        for (std::size_t j = i + 1; j < d; ++j) y[i] -= factor[j * d + i] * y[j];
        y[i] /= factor[i * d + i];
      }
    }
    for (double& each : all) each = -each;
    return all;
  }

  /// The unit of divergences: E |s|^2 for a Gaussian, else the divergence of the best linear score.
  double unit(const std::vector<double>& x, double sigma) const {
    const std::vector<double> scores_of_x = scores(x, sigma);
    return mean_square_distance(scores_of_x, mixture_ ? linear_scores(x, sigma) : std::vector<double>(x.size(), 0.0));
  }

  /// The mean of |a - b|^2 over the rows, both [n, dim].
  double mean_square_distance(const std::vector<double>& a, const std::vector<double>& b) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum * dim() / static_cast<double>(a.size());
  }

 private:
  explicit KnownScore(int dim) : mean_(static_cast<std::size_t>(dim), 0.0) {}

  static double deviation(int i, int dim) { return 1 - 0.5 * i / (dim - 1); }

  /// Lower triangle L of C = L L^T.
  static std::vector<double> cholesky(std::vector<double> c, std::size_t d) {
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t i = j; i < d; ++i) {
        for (std::size_t k = 0; k < j; ++k) c[i * d + j] -= c[i * d + k] * c[j * d + k];
        c[i * d + j] = i == j ? std::sqrt(c[i * d + j]) : c[i * d + j] / c[j * d + j];
      }
    return c;
  }

  std::vector<double> mean_, covariance_;
  std::optional<Mixture> mixture_;
};

/// E |s(x) - grad log p(x)|^2 over the distribution with noise `sigma`, in units of KnownScore::unit().
/// @param params of `net`, which does not depend on sigma
inline double relative_fisher_divergence(const Engine& engine, const MlpShape& net, const std::vector<float>& params,
                                         const KnownScore& known, double sigma = 0) {
  constexpr std::int64_t kRows = 8192;
  std::vector<double> x = known.samples(kRows, 1001);
  const std::vector<double> z = normal_values(kRows * known.dim(), 1003);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = as_float(x[i] + sigma * z[i]);
  const ScorePlan plan(engine, net, kRows);
  Queue queue(engine, plan.workspace_bytes());
  const auto points = engine.upload(std::vector<float>(x.begin(), x.end()), {kRows, known.dim()}),
             parameters = engine.upload(params);
  auto score = engine.allocate<float>({kRows, known.dim()});
  plan.run(queue, {parameters, {points}}, {score});
  const std::vector<float> got = queue.read(score);
  return known.mean_square_distance({got.begin(), got.end()}, known.scores(x, sigma)) / known.unit(x, sigma);
}

}  // namespace scorematch::testing_support
