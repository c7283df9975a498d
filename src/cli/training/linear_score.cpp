#include "cli/training/linear_score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "cli/data/linear_algebra.h"
#include "cli/options/refusal.h"
#include "model/names.h"
#include "model/weighting.h"

namespace scorematch::cli {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
// Rows of a Matrix are the columns of these.
using Columns = Eigen::Map<const Eigen::MatrixXf>;

constexpr double kFitWork = 1e10;    // multiplications
constexpr Index kPart = 1024;        // rows converted at a time
constexpr Index kOversampling = 16;  // directions beyond the rank
constexpr int kPowerIterations = 2;
constexpr double kSingular = 1e-10;  // smallest variance over the largest

/// The rows minus the mean, [d, count].
MatrixXd centered(const Matrix& rows, const VectorXd& mean, Index first, Index count) {
  const Columns part(rows.values.data() + first * rows.cols, rows.cols, count);
  return part.cast<double>().colwise() - mean;
}

template <class Use>
void for_each_part(const Matrix& rows, const VectorXd& mean, Index count, const Use& use) {
  for (Index first = 0; first < count; first += kPart)
    use(centered(rows, mean, first, std::min<Index>(kPart, count - first)));
}

VectorXd mean_row(const Matrix& rows, Index count) {
  VectorXd mean = VectorXd::Zero(rows.cols);
  for_each_part(rows, VectorXd::Zero(rows.cols), count, [&](const MatrixXd& part) { mean += part.rowwise().sum(); });
  return mean / static_cast<double>(count);
}

MatrixXd covariance(const Matrix& rows, const VectorXd& mean, Index count) {
  MatrixXd sum = MatrixXd::Zero(rows.cols, rows.cols);
  for_each_part(rows, mean, count, [&](const MatrixXd& part) { add_square(part, sum); });
  return sum / static_cast<double>(count);
}

/// Covariance times `right`, without forming it.
MatrixXd covariance_times(const Matrix& rows, const VectorXd& mean, Index count, const MatrixXd& right) {
  MatrixXd sum = MatrixXd::Zero(rows.cols, right.cols());
  for_each_part(rows, mean, count,
                [&](const MatrixXd& part) { sum += product(part, transposed_product(part, right)); });
  return sum / static_cast<double>(count);
}

struct Spectrum {
  MatrixXd basis;      // [d, rank]
  VectorXd variances;  // [rank], ascending
};

Spectrum full_spectrum(const Matrix& rows, const VectorXd& mean, Index count) {
  const auto [values, vectors] = eigensystem(covariance(rows, mean, count));
  return {vectors, values.cwiseMax(0)};
}

Spectrum leading_spectrum(const Matrix& rows, const VectorXd& mean, Index count) {
  std::mt19937_64 generator(1);
  MatrixXd start(rows.cols, kLowRank + kOversampling);
  for (Index i = 0; i < start.size(); ++i) start.data()[i] = generator() >> 63 == 0 ? -1 : 1;
  MatrixXd basis = orthonormal(covariance_times(rows, mean, count, start));
  for (int i = 0; i < kPowerIterations; ++i) basis = orthonormal(covariance_times(rows, mean, count, basis));
  const auto [values, vectors] = eigensystem(transposed_product(basis, covariance_times(rows, mean, count, basis)));
  return {product(basis, vectors.rightCols(kLowRank)), values.tail(kLowRank).cwiseMax(0)};
}

struct Moments {
  double variance = 0;  // mean over the dimensions
  double fourth = 0;    // mean over the rows of |x - mean|^4
};

Moments moments(const Matrix& rows, const VectorXd& mean, Index count) {
  double square = 0, fourth = 0;
  for_each_part(rows, mean, count, [&](const MatrixXd& part) {
    const VectorXd norms = part.colwise().squaredNorm();
    square += norms.sum();
    fourth += norms.squaredNorm();
  });
  const auto n = static_cast<double>(count);
  return {square / n / static_cast<double>(rows.cols), fourth / n};
}

/// How far to shrink the covariance towards variance * I, from the scatter of the rows' own products around it.
double shrinkage_of(const Moments& moments, double square_norm, std::int64_t dim, std::int64_t rows) {
  const double scatter = (moments.fourth - square_norm) / static_cast<double>(rows);
  const double distance = square_norm - static_cast<double>(dim) * moments.variance * moments.variance;
  return distance > 0 ? std::clamp(scatter / distance, 0.0, 1.0) : 0;
}

/// The score in two parts: its coordinates in the basis, and the part outside it.
struct Inverse {
  Eigen::ArrayXd inside;  // [rank], 1 / (variance + sigma^2)
  double outside;         // 1 / (rest + sigma^2)
};

Inverse inverse_at(const LinearScore& score, double square) {
  const Eigen::Map<const Eigen::ArrayXd> variances(score.variances.data(), score.rank);
  return {(variances + square).inverse(), score.rank < score.dim ? 1 / (score.rest + square) : 0};
}

Eigen::Map<const MatrixXd> basis_of(const LinearScore& score) { return {score.basis.data(), score.dim, score.rank}; }

double square(double value) { return value * value; }

/// Of vectors [d, count]: in the basis, and what is left outside it (empty if nothing is).
struct Split {
  MatrixXd inside, outside;
};

Split split(const LinearScore& score, const MatrixXd& vectors) {
  const auto basis = basis_of(score);
  Split parts{transposed_product(basis, vectors), {}};
  if (score.rank < score.dim) parts.outside = vectors - product(basis, parts.inside);
  return parts;
}

/// Of some rows, all in the coordinates of the basis, in which the score's Jacobian is diagonal.
class Evaluation {
 public:
  Evaluation(const LinearScore& score, const LossBatch& batch, Index first, Index count)
      : score_(score), x_(split(score, points(batch.x, first, count).colwise() - mean())) {
    if (!batch.eps.empty()) eps_ = split(score, points(batch.eps, first, count));
    const auto all = static_cast<Index>(batch.rows);
    const auto dim = static_cast<Index>(score.dim);
    const Index directions = batch.directions.empty() ? 0 : static_cast<Index>(batch.directions.size()) / all / dim;
    for (Index m = 0; m < directions; ++m)
      directions_.push_back(split(score, points(batch.directions, m * all + first, count)));
  }

  double loss(const Objective& objective, Index row, double sigma) const {
    const Inverse inverse = inverse_at(score_, square(sigma));
    const auto column = [&](const Split& parts) { return Vector{parts, row}; };
    const auto point = [&](double sign) {  // x + sign sigma eps
      Pair x = column(x_).pair();
      if (sigma > 0 && sign != 0) x.add(sign * sigma, column(eps_).pair());
      return x;
    };
    const Pair s = point(1).times(inverse);
    const auto denoising = [&](Dsm::Variance variance) {
      const Pair eps = column(eps_).pair();
      if (variance == Dsm::Variance::plain) {
        Pair residual = s;
        residual.add(1 / sigma, eps);
        return residual.dot(residual) / 2;
      }
      const bool is_antithetic = variance == Dsm::Variance::antithetic;
      const Pair other = point(is_antithetic ? -1 : 0).times(inverse);
      Pair difference = s;
      difference.add(-1, other);
      if (is_antithetic) return (s.dot(s) + other.dot(other)) / 4 + eps.dot(difference) / (2 * sigma);
      return s.dot(s) / 2 + eps.dot(difference) / sigma;
    };
    const auto sliced = [&](bool has_square) {
      double sum = 0;
      for (const Split& each : directions_) {
        const Pair v = column(each).pair();
        sum += v.dot(v.times(inverse));  // v^T J v
        if (has_square) sum += square(v.dot(s)) / 2;
      }
      return sum / static_cast<double>(directions_.size());
    };
    switch (kind_of(objective)) {
      case ObjectiveKind::esm:  // no data file has the true score
        break;
      case ObjectiveKind::ism:
        return s.dot(s) / 2 - inverse.inside.sum() - inverse.outside * static_cast<double>(score_.dim - score_.rank);
      case ObjectiveKind::dsm:
        return denoising(std::get<Dsm>(objective).variance);
      case ObjectiveKind::ssm:
        return sliced(true);
      case ObjectiveKind::ssm_vr:
        return sliced(false) + s.dot(s) / 2;
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  struct Pair {
    VectorXd inside, outside;

    void add(double factor, const Pair& other) {
      inside += factor * other.inside;
      outside += factor * other.outside;
    }
    double dot(const Pair& other) const { return inside.dot(other.inside) + outside.dot(other.outside); }
    Pair times(const Inverse& inverse) const {
      return {-(inside.array() * inverse.inside).matrix(), -inverse.outside * outside};
    }
  };
  struct Vector {
    const Split& parts;
    Index row;

    Pair pair() const {
      return {parts.inside.col(row), parts.outside.size() == 0 ? VectorXd() : VectorXd(parts.outside.col(row))};
    }
  };

  Eigen::Map<const VectorXd> mean() const { return {score_.mean.data(), static_cast<Index>(score_.dim)}; }
  MatrixXd points(const std::vector<float>& values, Index first, Index count) const {
    const auto dim = static_cast<Index>(score_.dim);
    return Columns(values.data() + first * dim, dim, count).cast<double>();
  }

  const LinearScore& score_;
  Split x_, eps_;
  std::vector<Split> directions_;
};

}  // namespace

LinearScore fit_linear_score(const Matrix& rows) {
  const bool is_full = rows.cols <= kMaxFullDim;
  const auto d = static_cast<double>(rows.cols);
  const double passes = is_full ? d : 2.0 * (kLowRank + kOversampling) * (kPowerIterations + 2);
  const auto affordable = static_cast<std::int64_t>(kFitWork / (d * passes));
  const std::int64_t count = std::min(rows.rows, std::max(affordable, 2 * std::min(rows.cols, kLowRank)));
  const VectorXd mean = mean_row(rows, count);
  const Spectrum spectrum = is_full ? full_spectrum(rows, mean, count) : leading_spectrum(rows, mean, count);
  const Moments of_rows = moments(rows, mean, count);
  LinearScore score;
  score.dim = rows.cols;
  score.rank = spectrum.variances.size();
  score.rows = count;
  const auto outside = static_cast<double>(score.dim - score.rank);
  if (outside > 0) score.rest = std::max(0.0, (of_rows.variance * d - spectrum.variances.sum()) / outside);
  const double square_norm = spectrum.variances.squaredNorm() + outside * square(score.rest);
  const double smallest = outside > 0 ? std::min(spectrum.variances(0), score.rest) : spectrum.variances(0);
  score.is_singular = !(smallest > kSingular * spectrum.variances(score.rank - 1));
  score.shrinkage = shrinkage_of(of_rows, square_norm, score.dim, count);
  const auto shrunk = [&](double each) { return (1 - score.shrinkage) * each + score.shrinkage * of_rows.variance; };
  if (outside > 0) score.rest = shrunk(score.rest);
  for (const double each : spectrum.variances) score.variances.push_back(shrunk(each));
  score.mean.assign(mean.data(), mean.data() + mean.size());
  score.basis.assign(spectrum.basis.data(), spectrum.basis.data() + spectrum.basis.size());
  return score;
}

std::vector<double> covariance_eigenvalues(const Matrix& rows) {
  if (rows.cols > kMaxFullDim || rows.rows < 2) return {};
  const auto n = static_cast<double>(rows.rows);
  const MatrixXd unbiased = covariance(rows, mean_row(rows, rows.rows), rows.rows) * (n / (n - 1));
  const VectorXd values = eigenvalues(unbiased).cwiseMax(0);
  return {values.data(), values.data() + values.size()};
}

std::vector<double> linear_losses(const LinearScore& score, const Loss& loss, const LossBatch& batch) {
  if (std::holds_alternative<Esm>(loss.objective)) refuse("loss.objective", "one that needs no true score", "Esm");
  std::vector<double> losses;
  for (Index first = 0; first < batch.rows; first += kPart) {
    const Index count = std::min<Index>(kPart, batch.rows - first);
    const Evaluation evaluation(score, batch, first, count);
    for (Index row = 0; row < count; ++row) {
      const auto i = static_cast<std::size_t>(first + row);
      const double sigma = batch.sigma.empty() ? 0 : static_cast<double>(batch.sigma[i]);
      losses.push_back(weight_at(loss.weighting, sigma) * evaluation.loss(loss.objective, row, sigma));
    }
  }
  return losses;
}

std::vector<double> whitened_distances(const LinearScore& score, const Matrix& rows, double floor) {
  const Inverse inverse = inverse_at(score, floor);
  const Eigen::Map<const VectorXd> mean(score.mean.data(), static_cast<Index>(score.dim));
  std::vector<double> distances;
  for_each_part(rows, mean, rows.rows, [&](const MatrixXd& part) {
    const Split parts = split(score, part);
    for (Index i = 0; i < part.cols(); ++i) {
      double sum = (parts.inside.col(i).array().square() * inverse.inside).sum();
      if (parts.outside.size() > 0) sum += parts.outside.col(i).squaredNorm() * inverse.outside;
      distances.push_back(std::sqrt(sum));
    }
  });
  return distances;
}

}  // namespace scorematch::cli
