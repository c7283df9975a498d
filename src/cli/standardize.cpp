#include "cli/standardize.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>

#include "cli/refusal.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

using Rows = std::vector<std::int64_t>;

// A column's scale is set by outliers where it is twice what the rest of the rows have; outliers are 20 of the rest's
// standard deviations away. In 4,000 rows of Student's t with 3 degrees of freedom, heavy-tailed and no mistake, the
// largest is at 20 and makes the scale 1.1 times what the rest have.
constexpr double kMostInflation = 2, kFarAway = 20, kTrimmed = 0.001;

std::string column_name(const Table& data, std::size_t j) {
  const std::string index = std::to_string(j) + " (from 0)";
  return j < data.columns.size() ? "'" + data.columns[j] + "', " + index : index;
}

double value_at(const Table& data, std::int64_t row, std::size_t j) {
  return data.values[static_cast<std::size_t>(row * data.cols) + j];
}

struct Moments {
  std::vector<double> mean, variance;  // [columns]
};

/// Relative to the first row: a column that never changes differs from it by exactly 0.
Moments moments_of(const Table& data, const Rows& rows) {
  const auto cols = static_cast<std::size_t>(data.cols);
  const auto count = static_cast<double>(rows.size());
  Moments moments{std::vector<double>(cols), std::vector<double>(cols)};
  for (std::size_t j = 0; j < cols; ++j) moments.mean[j] = value_at(data, rows[0], j);
  std::vector<double> shift(cols);
  for (const std::int64_t row : rows)
    for (std::size_t j = 0; j < cols; ++j) shift[j] += (value_at(data, row, j) - moments.mean[j]) / count;
  for (std::size_t j = 0; j < cols; ++j) moments.mean[j] += shift[j];
  for (const std::int64_t row : rows)
    for (std::size_t j = 0; j < cols; ++j) {
      const double difference = value_at(data, row, j) - moments.mean[j];
      moments.variance[j] += difference * difference / count;
    }
  return moments;
}

/// Rows that set the scale of column j; most often none. Notes say which.
Rows outliers_of(const Table& data, std::size_t j, double variance, std::vector<std::string>& notes) {
  const std::int64_t rows = data.rows;
  const std::size_t trimmed = std::max<std::size_t>(1, static_cast<std::size_t>(kTrimmed * static_cast<double>(rows)));
  if (rows < 20 || !(variance > 0)) return {};
  std::vector<double> values;
  for (std::int64_t row = 0; row < rows; ++row) values.push_back(value_at(data, row, j));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const double median = *middle;
  std::vector<double> distances;
  for (const double each : values) distances.push_back(std::abs(each - median));
  const auto end = distances.end() - static_cast<std::ptrdiff_t>(trimmed);
  std::nth_element(distances.begin(), end, distances.end());
  const double square = std::inner_product(distances.begin(), end, distances.begin(), 0.0);
  const double bulk = std::sqrt(square / static_cast<double>(end - distances.begin()));
  if (!(bulk > 0) || std::sqrt(variance) < kMostInflation * bulk) return {};
  Rows outliers;
  for (std::int64_t row = 0; row < rows; ++row)
    if (std::abs(value_at(data, row, j) - median) > kFarAway * bulk) outliers.push_back(row);
  if (outliers.empty()) return outliers;
  const std::int64_t first = *std::min_element(outliers.begin(), outliers.end());
  notes.push_back(
      "column " + column_name(data, j) + ": row " + std::to_string(first) + " (from 0) has " +
      number_text(value_at(data, first, j)) + ", " +
      std::to_string(std::llround(std::abs(value_at(data, first, j) - median) / bulk)) +
      " standard deviations of the other rows from their median" +
      (outliers.size() > 1 ? ", and " + std::to_string(outliers.size() - 1) + " more rows are so far away" : ""));
  return outliers;
}

/// The variance that rounding to the file's type alone gives a column, in units of its own.
double rounding_variance(const Table& data, const Rows& rows, std::size_t j, double deviation) {
  double largest = 0;
  for (const std::int64_t row : rows) largest = std::max(largest, std::abs(value_at(data, row, j)));
  const bool is_double = data.element == Element::float64 || data.element == Element::text;
  const double rounding = largest / deviation * (is_double ? 0x1p-50 : 0x1p-22);
  return rounding * rounding;
}

/// The square root of the correlations, or, where columns determine each other, the directions that vary; empty where
/// the columns are not correlated. See Standardization::mixing.
std::vector<double> mixing_of(const Table& data, const Rows& rows, const Standardization& units,
                              const std::vector<double>& deviations, double step, std::vector<std::string>& notes) {
  const std::vector<std::size_t> coordinates = units.coordinates();
  const auto n = static_cast<Eigen::Index>(coordinates.size());
  const auto count = static_cast<double>(rows.size());
  if (n < 2) return {};
  Eigen::MatrixXd correlation = Eigen::MatrixXd::Zero(n, n);
  constexpr Eigen::Index kBlock = 256;
  Eigen::MatrixXd block(kBlock, n);
  double rounding = 0;
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const auto size = static_cast<Eigen::Index>(std::min<std::size_t>(kBlock, rows.size() - begin));
    for (Eigen::Index i = 0; i < size; ++i)
      for (Eigen::Index l = 0; l < n; ++l) {
        const std::size_t j = coordinates[static_cast<std::size_t>(l)];
        const double center = units.mean[j] - step / 2;
        block(i, l) = (value_at(data, rows[begin + static_cast<std::size_t>(i)], j) - center) / deviations[j];
      }
    correlation.selfadjointView<Eigen::Lower>().rankUpdate(block.topRows(size).transpose(), 1 / count);
  }
  correlation = correlation.selfadjointView<Eigen::Lower>();
  for (Eigen::Index l = 0; l < n; ++l) {
    const std::size_t j = coordinates[static_cast<std::size_t>(l)];
    correlation(l, l) = 1;  // the variance of the noise that is to be added included
    rounding = std::max(rounding, rounding_variance(data, rows, j, deviations[j]));
  }
  const double largest = (correlation - Eigen::MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff();
  if (largest < 4 / std::sqrt(count)) return {};  // what independent columns of so many rows have
  const bool is_certain = rows.size() >= 2 * static_cast<std::size_t>(n);
  if (!is_certain) correlation = 0.9 * correlation + 0.1 * Eigen::MatrixXd::Identity(n, n);

  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(correlation);
  const Eigen::VectorXd& values = solver.eigenvalues();  // ascending
  const double least = std::max(1e-12, static_cast<double>(n) * rounding);
  Eigen::Index dropped = 0;
  while (is_certain && step == 0 && dropped < n - 1 && values(dropped) < least) ++dropped;
  const Eigen::VectorXd roots = values.cwiseMax(least).cwiseSqrt();
  Eigen::MatrixXd mixing;
  if (dropped == 0) {
    mixing = solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
  } else {
    mixing = solver.eigenvectors().rightCols(n - dropped) * roots.tail(n - dropped).asDiagonal();
    notes.push_back("the columns determine " + std::to_string(dropped) + " of each other linearly: the model has " +
                    std::to_string(n - dropped) + " coordinates, and samples keep the relation");
  }
  std::vector<double> row_major;
  for (Eigen::Index i = 0; i < mixing.rows(); ++i)
    for (Eigen::Index l = 0; l < mixing.cols(); ++l) row_major.push_back(mixing(i, l));
  return row_major;
}

void note_constants(const Table& data, const Standardization& units, std::vector<std::string>& notes) {
  std::string names;
  int count = 0;
  for (std::size_t j = 0; j < units.scale.size(); ++j) {
    if (units.scale[j] > 0) continue;
    if (++count <= 5) names += (names.empty() ? "" : "; ") + column_name(data, j) + " at " + number_text(units.mean[j]);
  }
  if (count == 0) return;
  if (count > 5) names += "; and " + std::to_string(count - 5) + " more";
  notes.push_back((count == 1 ? "a column is constant and stays so: " : "columns are constant and stay so: ") + names);
}

}  // namespace

std::vector<std::int64_t> find_outliers(const Table& data, std::vector<std::string>& notes) {
  Rows all(static_cast<std::size_t>(data.rows));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const Moments moments = moments_of(data, all);
  Rows outliers;
  for (std::size_t j = 0; j < moments.variance.size(); ++j)
    for (const std::int64_t row : outliers_of(data, j, moments.variance[j], notes)) outliers.push_back(row);
  std::sort(outliers.begin(), outliers.end());
  outliers.erase(std::unique(outliers.begin(), outliers.end()), outliers.end());
  return outliers;
}

Standardization measure_units(const Table& data, const Rows& rows, Standardize standardize, double deviation,
                              double step, std::vector<std::string>& notes) {
  Standardization units;
  if (standardize == Standardize::none) return units;
  const auto cols = static_cast<std::size_t>(data.cols);
  const Moments moments = moments_of(data, rows);
  if (std::none_of(moments.variance.begin(), moments.variance.end(), [](double each) { return each > 0; }))
    refuse("DATA", "values that vary", "the same row everywhere");
  double sum = 0;
  std::size_t varying = 0;
  std::vector<double> deviations(cols);
  for (std::size_t j = 0; j < cols; ++j) {
    const double variance = moments.variance[j] + step * step / 12;
    deviations[j] = std::sqrt(variance);
    sum += variance;
    varying += variance > 0 ? 1 : 0;
  }
  const double overall = std::sqrt(sum / static_cast<double>(varying));
  for (std::size_t j = 0; j < cols; ++j) {
    const std::string place = " in column " + column_name(data, j);
    const double mean = moments.mean[j] + step / 2;
    const double scale = (standardize == Standardize::scale ? overall : deviations[j]) / deviation;
    if (deviations[j] > 0 && !(scale >= static_cast<double>(FLT_MIN) && scale <= static_cast<double>(FLT_MAX)))
      refuse("DATA", "a standard deviation that is 1.2e-38 to 3.4e38 times --sigma-data",
             number_text(scale) + " times" + place);
    if (!std::isfinite(mean)) refuse("DATA", "a finite mean", number_text(mean) + place);
    units.mean.push_back(mean);
    units.scale.push_back(deviations[j] > 0 ? scale : 0);
  }
  note_constants(data, units, notes);
  if (standardize == Standardize::whiten && data.cols <= kMaxWhitened)
    units.mixing = mixing_of(data, rows, units, deviations, step, notes);
  return units;
}

}  // namespace scorematch::cli
