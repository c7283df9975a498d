/// @file
/// The best linear score: the score of the Gaussian with the data's mean and covariance, at any noise level. A
/// network that is no better has learned nothing except these moments.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cli/data/matrix.h"
#include "scorematch/objective.h"

namespace scorematch::cli {

/// s(x, sigma) = -(S + sigma^2 I)^-1 (x - mean), with S = Q diag(variances) Q^T + rest (I - Q Q^T).
struct LinearScore {
  std::int64_t dim = 0, rank = 0;  // rank: columns of Q; all of them, dim, up to kMaxFullDim dimensions
  std::int64_t rows = 0;           // that it was fitted to
  double shrinkage = 0;            // toward a multiple of I (Ledoit & Wolf 2004, section 3.3)
  double rest = 0;                 // variance outside Q
  std::vector<double> mean;        // [dim]
  std::vector<double> basis;       // [dim, rank], column by column
  std::vector<double> variances;   // [rank], of the fit with its shrinkage
  bool is_singular = false;  // whether the covariance was singular before shrinkage: without noise there is no score
};

constexpr std::int64_t kMaxFullDim = 1024, kLowRank = 256;

/// Up to kMaxFullDim dimensions by one eigendecomposition of the covariance, beyond that by its kLowRank largest
/// directions from subspace iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4) and one variance for the rest. Of
/// very many rows only the first are used, which bounds the cost. The rows are expected in random order.
/// @param rows [N, d], N >= 1
LinearScore fit_linear_score(const Matrix& rows);

/// Of the covariance of all rows, with N - 1, ascending; none for one row or more than kMaxFullDim columns.
std::vector<double> covariance_eigenvalues(const Matrix& rows);

/// The points where an objective is evaluated.
struct LossBatch {
  std::int64_t rows = 0;
  std::vector<float> x;           // [rows, d]
  std::vector<float> sigma, eps;  // [rows], [rows, d]; both empty: at x itself
  std::vector<float> directions;  // [M, rows, d]; for Ssm and SsmVr
};

/// The loss of each row with its weight, in double. @throws Error invalid_argument for Esm, which needs a true score
std::vector<double> linear_losses(const LinearScore& score, const Loss& loss, const LossBatch& batch);

/// sqrt((x - mean)^T (S + floor I)^-1 (x - mean)) of each row.
std::vector<double> whitened_distances(const LinearScore& score, const Matrix& rows, double floor);

}  // namespace scorematch::cli
