// From products of the probes' gradients to the variance of one sample's gradient.
#pragma once
#include <cstdint>
#include <vector>

#include "scorematch/gradient_variance.h"

namespace scorematch {

/// The inner products that GradientMoments follow from. Gradients are means over `batch` samples.
struct ProbeProducts {
  std::int64_t batch = 0;
  std::vector<double> squared;     ///< [K], |g_k|^2
  std::vector<double> others;      ///< [K], g_k . (sum of the other probes' gradients)
  std::vector<double> same_noise;  ///< [K], g_k . g'_k with the same rows and noise; |g_k|^2 without directions
  std::vector<double> same_rows;   ///< [K], g_k . g''_k with the same rows only; same_noise without drawn noise
};

/// U-statistics, with standard errors by the jackknife over probes (Efron & Stein 1981). K >= 3.
GradientMoments moments_of(const ProbeProducts& products);

}  // namespace scorematch
