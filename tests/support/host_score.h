// Samplers with scores that are computed on the host, and their closed forms for a Gaussian.
#pragma once
#include <cmath>
#include <functional>
#include <vector>

#include "scorematch/sampler.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {

using Vector = std::vector<double>;

const NoiseState::Position kPosition{77, 3, 1000};

/// The score at x [dim] and sigma, computed on the host. Other engines copy x and the score.
using PointScore = std::function<Vector(const double* x, double sigma)>;

inline Vector read(Queue& queue, ConstView view) {
  if (view.dtype == DType::f64) return queue.read_f64(view);
  const std::vector<float> values = queue.read_f32(view);
  return {values.begin(), values.end()};
}

inline SamplerPlan::ScoreFunction on_engine(const PointScore& score, Vector* sigmas = nullptr) {
  return [=](Queue& queue, ConstView x, ConstView sigma, View out) {
    const Vector points = read(queue, x), level = read(queue, sigma);
    if (sigmas != nullptr) sigmas->push_back(level[0]);
    const auto dim = static_cast<std::size_t>(x.shape.extent[1]);
    Vector values;
    for (std::size_t at = 0; at < points.size(); at += dim) {
      const Vector s = score(&points[at], level[0]);
      values.insert(values.end(), s.begin(), s.end());
    }
    if (out.dtype == DType::f64) return queue.write(out, values.data());
    queue.write(out, std::vector<float>(values.begin(), values.end()).data());
  };
}

inline Vector sample(const Engine& engine, const PointScore& score, int dim, const Sampler& sampler, std::int64_t n,
                     Vector* sigmas = nullptr) {
  const SamplerPlan plan(engine, dim, on_engine(score, sigmas), sampler, n);
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, kPosition);
  Array x(engine, {n, dim});
  plan.run(queue, {}, noise, x);
  return x.read(queue);
}

/// The score of N(mean, deviation^2 I) + N(0, sigma^2 I).
struct Gaussian {
  double mean, deviation;

  double slope(double sigma) const { return -1 / (deviation * deviation + sigma * sigma); }
  PointScore score(int dim) const {
    return [g = *this, dim](const double* x, double sigma) {
      Vector s;
      for (int i = 0; i < dim; ++i) s.push_back(g.slope(sigma) * (x[i] - g.mean));
      return s;
    };
  }
};

inline Vector karras(const ProbabilityFlow& o) {
  Vector sigmas;
  for (int i = 0; i < o.steps; ++i) {
    const double t = static_cast<double>(i) / (o.steps - 1);
    sigmas.push_back(
        std::pow((1 - t) * std::pow(o.sigma_max, 1 / o.rho) + t * std::pow(o.sigma_min, 1 / o.rho), o.rho));
  }
  sigmas.push_back(0);
  return sigmas;
}

/// The variance of annealed Langevin with the score of a Gaussian: v <- (1 - alpha / (2 (s^2 + sigma^2)))^2 v + alpha
/// in each step, then the denoising step.
inline double langevin_variance(const AnnealedLangevin& o, const Gaussian& g) {
  const auto squared = [](double value) { return value * value; };
  double variance = squared(o.sigma_max) + squared(o.prior_deviation);
  for (int level = 0; level < o.levels; ++level) {
    const double sigma = o.sigma_max * std::pow(o.sigma_min / o.sigma_max, static_cast<double>(level) / (o.levels - 1));
    const double alpha = o.step_size * squared(sigma / o.sigma_min);
    for (int step = 0; step < o.steps_per_level; ++step)
      variance = squared(1 + alpha / 2 * g.slope(sigma)) * variance + alpha;
  }
  return squared(1 + squared(o.sigma_min) * g.slope(o.sigma_min)) * variance;
}

/// The same for the reverse SDE.
inline double reverse_variance(const ReverseSde& o, const Gaussian& g) {
  const Vector sigmas = karras({o.sigma_min, o.sigma_max, o.steps, o.rho});
  double variance = o.sigma_max * o.sigma_max + o.prior_deviation * o.prior_deviation;
  for (std::size_t k = 0; k + 1 < sigmas.size(); ++k) {
    const double v = sigmas[k] * sigmas[k] - sigmas[k + 1] * sigmas[k + 1], factor = 1 + v * g.slope(sigmas[k]);
    variance = factor * factor * variance + (k + 2 < sigmas.size() ? v : 0);
  }
  return variance;
}

}  // namespace scorematch::testing_support
