/// @file
/// The variance of a fit by plain denoising: V = lim sigma^2 n E|s_1 - s_2|^2 / 2 of two fits to n disjoint samples.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/scan/subject.h"

namespace scorematch::cli {

struct FitVariance {
  double sigma = 0;
  double value = 0, standard_error = 0;  // V; the error is that over pairs of fits
};

struct FitOptions {
  std::int64_t steps = 600;  // of each fit
  int batch = 256;
  double learning_rate = 1e-3, average = 0.99;  // the decay of the average that is the fit
  int fits = 4;                                 // at least 3

  /// Samples that enter the average: batch (1 + decay)/(1 - decay).
  double samples() const { return batch * (1 + average) / (1 - average); }
};

/// Continues the subject's training at this one level several times with other rows and noise, each time with a
/// constant rate and an average of the parameters. What moves more slowly than the average is not seen.
FitVariance measure_fit_variance(const Subject& subject, double sigma, const FitOptions& options, std::uint64_t seed);

}  // namespace scorematch::cli
