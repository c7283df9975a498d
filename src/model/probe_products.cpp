#include "model/probe_products.h"

#include <cmath>
#include <functional>
#include <numeric>

namespace scorematch {
namespace {

/// Sums over K probes.
struct Sums {
  double probes = 0, squared = 0, others = 0, same_noise = 0, same_rows = 0;
};

/// Of products with an expectation of |E g|^2, and with that of the covariance of what two gradients share.
double squared_mean(const Sums& s) { return s.others / (s.probes * (s.probes - 1)); }
double trace(const Sums& s) { return s.squared / s.probes - squared_mean(s); }
double directions(const Sums& s) { return (s.squared - s.same_noise) / s.probes; }
double noise(const Sums& s) { return (s.same_noise - s.same_rows) / s.probes; }
double data(const Sums& s) { return s.same_rows / s.probes - squared_mean(s); }

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// Each pair of probes counts for both, so leaving out one removes its pairs twice.
Sums without(const Sums& all, const ProbeProducts& p, std::size_t k) {
  return {all.probes - 1, all.squared - p.squared[k], all.others - 2 * p.others[k], all.same_noise - p.same_noise[k],
          all.same_rows - p.same_rows[k]};
}

}  // namespace

GradientMoments moments_of(const ProbeProducts& p) {
  const auto probes = static_cast<double>(p.squared.size()), batch = static_cast<double>(p.batch);
  const Sums all = {probes, sum_of(p.squared), sum_of(p.others), sum_of(p.same_noise), sum_of(p.same_rows)};
  const auto measured = [&](const std::function<double(const Sums&)>& statistic) {
    double sum = 0, squares = 0;
    for (std::size_t k = 0; k < p.squared.size(); ++k) {
      const double difference = statistic(without(all, p, k)) - statistic(all);
      sum += difference;
      squares += difference * difference;
    }
    const double spread = squares - sum * sum / probes;
    return Measured{statistic(all), std::sqrt(spread * (probes - 1) / probes)};
  };
  // A batch's covariance is that of one sample over the batch size.
  const auto of_sample = [&](double (*part)(const Sums&)) {
    return measured([=](const Sums& s) { return batch * part(s); });
  };
  return {of_sample(trace),       of_sample(data),
          of_sample(noise),       of_sample(directions),
          measured(squared_mean), measured([=](const Sums& s) { return squared_mean(s) / (batch * trace(s)); })};
}

}  // namespace scorematch
