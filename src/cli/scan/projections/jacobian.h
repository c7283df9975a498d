/// @file
/// The shape of the score's Jacobian, which decides between the distributions of directions.
#pragma once
#include <cstdint>

#include "cli/data/matrix.h"
#include "cli/scan/subject.h"

namespace scorematch::cli {

/// Means over rows, each weighted by the square of its loss's weight. J = ds/dx at the point where the loss is
/// evaluated, S = (J + J^T)/2, A = (J - J^T)/2.
struct JacobianShape {
  std::int64_t rows = 0;  // 0: not measured
  int dim = 0;
  double symmetric = 0;      // |S|_F^2
  double antisymmetric = 0;  // |A|_F^2
  double diagonal = 0;       // sum of S_ii^2
  double trace_squared = 0;  // (tr S)^2

  /// Adds the Jacobian [d, d] with this weight.
  void add(const double* jacobian, double weight);
  /// The fraction of |S|^2 that is a multiple of I; 1: isotropic.
  double isotropic_fraction() const { return trace_squared / (dim * symmetric); }
  double diagonal_fraction() const { return diagonal / symmetric; }
  /// The fraction of |J|^2 that no product v^T J v shows.
  double antisymmetric_fraction() const { return antisymmetric / (symmetric + antisymmetric); }
};

/// Var v^T J v over directions v, averaged as the shape was: gaussian 2 |S|^2 (Hutchinson 1990), rademacher and one
/// of hadamard 2 (|S|^2 - sum S_ii^2), sphere and one of orthogonal 2d/(d + 2) (|S|^2 - tr(S)^2/d), coordinates
/// d sum S_ii^2 - tr(S)^2.
double product_variance(const JacobianShape& shape, Projection distribution);

/// At rows of the data with their noise. Costs d tangents per row, so there is none above 1,024 columns.
JacobianShape measure_jacobian(const Subject& subject, std::uint64_t seed);

}  // namespace scorematch::cli
