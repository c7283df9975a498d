#include "cli/sampling/chain_mixing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace scorematch::cli {
namespace {

constexpr double kStuck = 0.36787944117144233;  // e^-1
// Standard errors of a correlation's Fisher transform atanh, which is nearly normal with the variance 1 / (N - 3).
constexpr double kErrors = 4;
constexpr std::int64_t kFewest = 8;  // chains

}  // namespace

void ChainMixing::add(const std::vector<float>& halfway, const std::vector<float>& end) {
  const std::size_t dim = sums_.size();
  for (std::size_t at = 0; at < end.size(); at += dim, ++chains_)
    for (std::size_t j = 0; j < dim; ++j) {
      Sums& sums = sums_[j];
      const auto x = static_cast<double>(halfway[at + j]), y = static_cast<double>(end[at + j]);
      if (chains_ == 0) sums.first_a = x, sums.first_b = y;
      const double a = x - sums.first_a, b = y - sums.first_b;
      sums.a += a, sums.b += b;
      sums.aa += a * a, sums.bb += b * b, sums.ab += a * b;
    }
}

double ChainMixing::correlation(const Sums& sums) const {
  const auto n = static_cast<double>(chains_);
  const double aa = sums.aa - sums.a * sums.a / n, bb = sums.bb - sums.b * sums.b / n,
               ab = sums.ab - sums.a * sums.b / n;
  return aa > 0 && bb > 0 ? std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0) : 0;
}

double ChainMixing::correlation() const {
  double largest = 0;
  for (const Sums& sums : sums_) largest = std::max(largest, correlation(sums));
  return largest;
}

double ChainMixing::relaxation_times() const {
  return -2 * std::log(std::max(correlation(), 2 / std::sqrt(static_cast<double>(std::max<std::int64_t>(chains_, 4)))));
}

bool ChainMixing::is_stuck() const {
  if (chains_ < kFewest) return false;
  const double margin = kErrors / std::sqrt(static_cast<double>(chains_ - 3));
  return std::atanh(std::min(correlation(), 1 - 1e-12)) - margin > std::atanh(kStuck);
}

Phrase ChainMixing::describe() const {
  if (chains_ < kFewest) return "not measured, because that takes " + std::to_string(kFewest) + " chains or more";
  return rounded_fact("mixing.relaxation_times", relaxation_times(), 2) +
         " relaxation times (coordinates halfway and at the end correlate by at most " +
         rounded_fact("mixing.correlation", correlation(), 2) + ")" + silent("mixing.is_stuck", is_stuck());
}

}  // namespace scorematch::cli
