#include "cli/data/linear_algebra.h"

#include <Eigen/Dense>
#include <cmath>

namespace scorematch::cli {
namespace {

using Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const RowMajor>;

}  // namespace

Eigensystem eigensystem(const MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
  return {solver.eigenvalues(), solver.eigenvectors()};
}

Eigen::VectorXd eigenvalues(const MatrixXd& symmetric) {
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(symmetric, Eigen::EigenvaluesOnly).eigenvalues();
}

MatrixXd orthonormal(const MatrixXd& columns) {
  const Eigen::HouseholderQR<MatrixXd> qr(columns);
  return qr.householderQ() * MatrixXd::Identity(columns.rows(), columns.cols());
}

MatrixXd product(const MatrixRef& a, const MatrixRef& b) { return a * b; }
MatrixXd transposed_product(const MatrixRef& a, const MatrixRef& b) { return a.transpose() * b; }
void add_square(const MatrixXd& part, MatrixXd& sum) { sum.selfadjointView<Eigen::Lower>().rankUpdate(part); }

std::vector<double> left_inverse(const std::vector<double>& values, Eigen::Index rows, Eigen::Index cols) {
  const Rows matrix(values.data(), rows, cols);
  const RowMajor inverse = (matrix.transpose() * matrix).ldlt().solve(matrix.transpose());
  return {inverse.data(), inverse.data() + inverse.size()};
}

double log_volume(const std::vector<double>& values, Eigen::Index rows, Eigen::Index cols) {
  const MatrixXd r = Rows(values.data(), rows, cols).householderQr().matrixQR();
  double sum = 0;
  for (Eigen::Index l = 0; l < cols; ++l) sum += std::log(std::abs(r(l, l)));
  return sum;
}

}  // namespace scorematch::cli
