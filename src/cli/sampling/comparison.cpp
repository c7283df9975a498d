#include "cli/sampling/comparison.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace scorematch::cli {
namespace {

constexpr std::int64_t kDataValues = 20'000'000, kDataRows = 20'000;  // compared, at most
constexpr double kLargeShift = 0.1, kLargeSpread = 0.1, kLargeDistance = 0.1, kLargeJointDistance = 0.15;
constexpr double kChance = 0.01;      // that some column of a perfect model differs, for each of three tests
constexpr double kConstant = 0.05;    // spread of a constant column's samples, in standard deviations of the model
constexpr double kNoticeable = 0.02;  // least difference of means and deviations, in the same units
constexpr double kTolerance = 0.05;   // of values that are whole numbers in the data, say; in the same units
constexpr double kRounding = 1e-5;    // in the same units
constexpr double kFewestRows = 10;    // that are judged
constexpr double kMaxKurtosis = 0.1;  // per row
constexpr double kCommonNoise = 0.1;  // standard deviations added before distances are compared

/// @param values sorted
double quantile(const std::vector<double>& values, double probability) {
  const double place = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

/// @param values sorted, at least one
Summary summarize(const std::vector<double>& values) {
  Summary summary;
  const auto n = static_cast<double>(values.size());
  for (std::size_t i = 0; i < kProbabilities.size(); ++i) summary.quantiles[i] = quantile(values, kProbabilities[i]);
  // From the median, so that a constant column has no variation.
  const double origin = summary.quantiles[2];
  double shift = 0, second = 0, fourth = 0;
  for (const double each : values) shift += (each - origin) / n;
  for (const double each : values) {
    const double square = (each - origin - shift) * (each - origin - shift);
    second += square / n;
    fourth += square * square / n;
  }
  summary.mean = origin + shift;
  summary.deviation = std::sqrt(second);
  summary.kurtosis = second > 0 ? fourth / (second * second) : 0;
  return summary;
}

/// The largest excess of the fraction of `a` below a value over the fraction of `b` below `tolerance` more. Both are
/// sorted.
double excess(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  double most = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    while (j < b.size() && b[j] <= a[i] + tolerance) ++j;
    most = std::max(most, static_cast<double>(i + 1) / static_cast<double>(a.size()) -
                              static_cast<double>(j) / static_cast<double>(b.size()));
  }
  return most;
}

/// Of ln(b.deviation / a.deviation), by the larger of the fourth moments. Infinite if a few rows determine a spread,
/// because that is no estimate.
double log_ratio_error(const Summary& a, double n, const Summary& b, double m) {
  const double kurtosis = std::max(a.kurtosis, b.kurtosis);
  if (kurtosis > kMaxKurtosis * std::min(n, m)) return HUGE_VAL;
  return std::sqrt(std::max(kurtosis - 1, 0.0) / 4 * (1 / n + 1 / m));
}

/// What chance exceeds in one of `columns` with probability kChance or less, by the tails' exponential bounds.
struct Limits {
  explicit Limits(std::int64_t columns)
      : errors(std::sqrt(2 * std::log(static_cast<double>(columns) / kChance))),
        distance(std::sqrt(std::log(2 * static_cast<double>(columns) / kChance) / 2)) {}

  double errors;    // standard errors
  double distance;  // times sqrt((n + m) / (n m))
};

/// @param typical deviation of the data: the scale of a constant column
ColumnComparison compare_sorted(const std::vector<double>& data, const std::vector<double>& samples, double typical,
                                const Limits& limits) {
  ColumnComparison result;
  result.data = summarize(data);
  result.samples = summarize(samples);
  result.distance = std::max(excess(data, samples, kTolerance * typical), excess(samples, data, kTolerance * typical));
  const auto n = static_cast<double>(data.size()), m = static_cast<double>(samples.size());
  const double a = result.data.deviation, b = result.samples.deviation;
  if (std::min(n, m) < kFewestRows) return result;
  const double shift = std::abs(result.samples.mean - result.data.mean);
  if (!(a > 0)) {  // samples of a constant column need only be close to it
    result.center_differs = shift > kConstant * typical;
    result.spread_differs = b > kConstant * typical;
    return result;
  }
  const double least = kNoticeable * typical;
  result.center_differs =
      shift > std::max(kLargeShift * a, least) && shift > limits.errors * std::sqrt(a * a / n + b * b / m);
  const double ratio = b > 0 ? std::abs(std::log(b / a)) : HUGE_VAL;
  const double error = log_ratio_error(result.data, n, result.samples, m);
  result.spread_differs = ratio > std::log1p(kLargeSpread) && std::abs(b - a) > least && ratio > limits.errors * error;
  result.shape_differs =
      result.distance > kLargeDistance && result.distance > limits.distance * std::sqrt((n + m) / (n * m));
  return result;
}

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<double> column(const Table& table, std::int64_t j) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < table.rows; ++i)
    values.push_back(table.values[static_cast<std::size_t>(i * table.cols + j)]);
  return sorted(std::move(values));
}

/// Whether these are whole numbers, and not all the same one, apart from the rounding of the model's units.
/// @param values sorted
bool are_whole(const std::vector<double>& values, double typical) {
  return std::nearbyint(values.front()) < std::nearbyint(values.back()) &&
         std::all_of(values.begin(), values.end(), [&](double each) {
           return std::abs(each - std::nearbyint(each)) <= kRounding * typical + 1e-9 * std::abs(each);
         });
}

Matrix first_rows(const Matrix& matrix) {
  const std::int64_t rows = std::min({matrix.rows, kDataRows, std::max<std::int64_t>(kDataValues / matrix.cols, 1000)});
  return {rows, matrix.cols, {matrix.values.begin(), matrix.values.begin() + rows * matrix.cols}};
}

Matrix finite_rows(const Matrix& matrix) {
  Matrix kept{0, matrix.cols, {}};
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    const auto row = matrix.values.begin() + i * matrix.cols;
    if (!std::all_of(row, row + matrix.cols, [](float each) { return std::isfinite(each); })) continue;
    kept.values.insert(kept.values.end(), row, row + matrix.cols);
    ++kept.rows;
  }
  return kept;
}

}  // namespace

double ColumnComparison::severity() const {
  double most = distance;
  if (data.deviation > 0) {
    most = std::max(most, std::abs(samples.mean - data.mean) / data.deviation);
    if (samples.deviation > 0) most = std::max(most, std::abs(std::log(samples.deviation / data.deviation)));
  }
  return most + (differs() ? 1e6 : 0);
}

bool Comparison::matches() const { return not_finite == 0 && !joint.shape_differs && differing() == 0; }

std::size_t Comparison::differing() const {
  return static_cast<std::size_t>(
      std::count_if(columns.begin(), columns.end(), [](const ColumnComparison& each) { return each.differs(); }));
}

Comparison compare(const Matrix& data, const Matrix& samples, const Standardization& units,
                   const LinearScore& covariance, const Grid& grid) {
  const Matrix rows = first_rows(data), drawn = finite_rows(samples);
  Comparison result;
  result.data_rows = rows.rows;
  result.sample_rows = drawn.rows;
  result.not_finite = samples.rows - drawn.rows;
  if (drawn.rows == 0) return result;
  double trace = std::accumulate(covariance.variances.begin(), covariance.variances.end(), 0.0);
  trace += covariance.rest * static_cast<double>(covariance.dim - covariance.rank);
  const double variance = trace / static_cast<double>(covariance.dim);
  const Units to(units, data.cols);
  Table data_columns = to.to_data(rows), sample_columns = to.to_data(drawn);
  to_grid(data_columns, grid);
  to_grid(sample_columns, grid);
  const auto [low, high] = std::minmax_element(data_columns.values.begin(), data_columns.values.end());
  const double lowest = std::nearbyint(*low), highest = std::nearbyint(*high);
  for (std::int64_t j = 0; j < to.columns(); ++j) {
    const double scale = units.scale.empty() ? 1 : units.scale[static_cast<std::size_t>(j)];
    const double typical = std::sqrt(variance) * scale;
    std::vector<double> of_data = column(data_columns, j), of_samples = column(sample_columns, j);
    if (are_whole(of_data, typical)) {
      for (auto* values : {&of_data, &of_samples})
        for (double& each : *values) each = std::clamp(std::nearbyint(each), lowest, highest) + 0.0;  // no -0
      ++result.rounded_columns;
    }
    result.columns.push_back(compare_sorted(of_data, of_samples, typical, Limits(to.columns())));
  }
  const double floor = kCommonNoise * kCommonNoise * variance;
  result.joint = compare_sorted(sorted(whitened_distances(covariance, rows, floor)),
                                sorted(whitened_distances(covariance, drawn, floor)), 1, Limits(1));
  // In many dimensions distances hardly vary: a small difference of the spread is a large difference of their
  // distribution.
  const auto &a = result.joint.data.quantiles, &b = result.joint.samples.quantiles;
  double change = 0;
  for (std::size_t i = 1; i + 1 < a.size(); ++i) change = std::max(change, std::abs(b[i] - a[i]) / a[2]);
  result.joint.center_differs = result.joint.spread_differs = false;
  result.joint.shape_differs = data.cols > 1 && result.joint.shape_differs &&
                               result.joint.distance > kLargeJointDistance && change > kLargeSpread;
  return result;
}

}  // namespace scorematch::cli
