/// @file
/// Decompositions and products of dense matrices. The files that use them need not compile Eigen's templates for them.
#pragma once
#include <Eigen/Core>
#include <vector>

namespace scorematch::cli {

using MatrixRef = Eigen::Ref<const Eigen::MatrixXd>;

/// Eigenvalues in ascending order, and the eigenvectors as columns in the same order.
struct Eigensystem {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};

/// @param symmetric its lower triangle is read
Eigensystem eigensystem(const Eigen::MatrixXd& symmetric);
Eigen::VectorXd eigenvalues(const Eigen::MatrixXd& symmetric);

/// An orthonormal basis of the columns' span, which has as many columns.
Eigen::MatrixXd orthonormal(const Eigen::MatrixXd& columns);

/// a b
Eigen::MatrixXd product(const MatrixRef& a, const MatrixRef& b);
/// a^T b
Eigen::MatrixXd transposed_product(const MatrixRef& a, const MatrixRef& b);
/// sum += part part^T, in the lower triangle
void add_square(const Eigen::MatrixXd& part, Eigen::MatrixXd& sum);

/// (A^T A)^-1 A^T, row by row, of a matrix with full column rank.
/// @param values [rows, cols], row by row
std::vector<double> left_inverse(const std::vector<double>& values, Eigen::Index rows, Eigen::Index cols);
/// ln sqrt(det(A^T A)), the logarithm of the volume that A makes of a unit cube.
/// @param values [rows, cols], row by row; rows >= cols
double log_volume(const std::vector<double>& values, Eigen::Index rows, Eigen::Index cols);

}  // namespace scorematch::cli
