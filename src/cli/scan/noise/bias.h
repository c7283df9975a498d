/// @file
/// The bias of denoising: E|s_sigma - s|^2 ~ B sigma^4 for sigma below the smallest scale of the data.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/scan/data_facts.h"
#include "cli/scan/subject.h"

namespace scorematch::cli {

/// E|s_a - s_b|^2 / (a^2 - b^2)^2 of two levels.
struct BiasPair {
  double high = 0, low = 0;  // a, b
  double measured = 0, standard_error = 0;
  double limit = 0, limit_error = 0;  // divided by what the ratio to its limit is for a Gaussian with these eigenvalues
};

/// For N(0, diag(eigenvalues)), at points with the noise b: E|s_a - s_b|^2 / (a^2 - b^2)^2 = sum of
/// 1 / ((1 + a^2/l)^2 (1 + b^2/l) l^3). At a = b = 0 it is B.
double gaussian_bias(const std::vector<double>& eigenvalues, double high, double low);

struct Bias {
  std::vector<BiasPair> pairs;          // from high levels to low ones
  std::string missing;                  // why there is no B; empty: there is one
  double value = 0, low = 0, high = 0;  // B and its interval
};

/// Two neighboring pairs whose limits agree to a factor of 2 give B: the last such pairs before they disagree. Its
/// interval has both limits with two standard errors, and is wider by their difference on each side: the errors are
/// those over rows, and networks have errors of their own.
void settle(Bias& bias);

/// The square is the product of two networks' differences if there are two, so that their errors, which are
/// independent, cancel on average. At levels from half of the smallest scale down to the smallest noise of the
/// training.
/// Evaluated at rows with the smaller level's noise: off a surface or a curve there is no limit, even if there is one
/// on it.
Bias measure_bias(const Subject& subject, const DataFacts& facts, std::uint64_t seed);

}  // namespace scorematch::cli
