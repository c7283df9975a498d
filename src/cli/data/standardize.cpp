#include "cli/data/standardize.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "cli/data/linear_algebra.h"
#include "cli/data/warp.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

using Rows = std::vector<std::int64_t>;

// A value this many standard deviations of the other rows away is worth a note.
constexpr double kFarAway = 20, kTrimmed = 0.001;
// Heavy tails: a fourth moment of this many squared variances (3 for a Gaussian, 6 for Laplace's distribution, 9 for an
// exponential) and a value this many deviations away, in a column with more than a few different values.
constexpr double kHeavyKurtosis = 8, kHeavyReach = 6;
constexpr std::size_t kFewValues = 20;
constexpr std::ptrdiff_t kCorrelated = 50'000;  // rows

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

std::vector<double> sorted_column(const Table& data, const Rows& rows, std::size_t j) {
  std::vector<double> values;
  for (const std::int64_t row : rows) values.push_back(value_at(data, row, j));
  std::sort(values.begin(), values.end());
  return values;
}

/// Standard deviation about the median of all values except the farthest from it.
double bulk_deviation(const std::vector<double>& sorted) {
  const double median = sorted[sorted.size() / 2];
  const std::size_t trimmed =
      std::max<std::size_t>(1, static_cast<std::size_t>(kTrimmed * static_cast<double>(sorted.size())));
  std::size_t first = 0, last = sorted.size();  // of the values that remain
  for (std::size_t i = 0; i < trimmed && last - first > 1; ++i)
    median - sorted[first] > sorted[last - 1] - median ? ++first : --last;
  double square = 0;
  for (std::size_t i = first; i < last; ++i) square += (sorted[i] - median) * (sorted[i] - median);
  return std::sqrt(square / static_cast<double>(last - first));
}

void note_outlier(const Table& data, const Rows& rows, std::size_t j, const std::vector<double>& sorted,
                  std::vector<std::string>& notes) {
  const double bulk = bulk_deviation(sorted), median = sorted[sorted.size() / 2];
  const double extreme = median - sorted.front() > sorted.back() - median ? sorted.front() : sorted.back();
  if (sorted.size() < 20 || !(bulk > 0) || std::abs(extreme - median) < kFarAway * bulk) return;
  std::int64_t at = -1;
  for (const std::int64_t row : rows)
    if (value_at(data, row, j) == extreme && (at < 0 || row < at)) at = row;
  notes.push_back("column " + column_name(data, j) + ": row " + std::to_string(at) + " (from 0) has " +
                  number_text(extreme) + ", " + std::to_string(std::llround(std::abs(extreme - median) / bulk)) +
                  " standard deviations of the others from their median; leave it out if it is a mistake");
}

/// Center, scale and warp of a column with heavy tails, so that z has mean 0 and the given deviation; nothing for other
/// columns. A column like Student's t with any degrees of freedom has the tails of a Gaussian in z.
struct HeavyTails {
  double mean, scale, warp;
};
std::optional<HeavyTails> heavy_tails_of(const std::vector<double>& sorted, const double mean, double variance,
                                         double deviation) {
  double fourth = 0;
  for (const double x : sorted)
    fourth += std::pow((x - mean) / std::sqrt(variance), 4) / static_cast<double>(sorted.size());
  const double reach = std::max(mean - sorted.front(), sorted.back() - mean) / std::sqrt(variance);
  if (fourth < kHeavyKurtosis || reach < kHeavyReach) return {};
  std::size_t different = 1;
  for (std::size_t i = 1; i < sorted.size() && different <= kFewValues; ++i) different += sorted[i] != sorted[i - 1];
  if (different <= kFewValues) return {};
  // The scale of the bulk by its quartiles, or, if half of the values are equal, by all except the farthest.
  const std::size_t n = sorted.size();
  const double by_quartiles = (sorted[n - 1 - n / 4] - sorted[n / 4]) / 1.349, trimmed = bulk_deviation(sorted);
  const double inner = by_quartiles > 0.05 * trimmed ? by_quartiles : trimmed;
  if (!(inner > 0)) return {};
  double center = sorted[n / 2];
  for (int k = 0; k < 50; ++k) {  // Newton: the mean falls with the center
    double sum = 0, slope = 0;
    for (const double x : sorted) {
      const double u = (x - center) / inner;
      const double y = warp::inverse(u);
      sum += y;
      slope += std::exp(-warp::log_slope(y));
    }
    center += inner * sum / slope;
    if (std::abs(sum) < 1e-12 * static_cast<double>(n)) break;
  }
  double square = 0;
  for (const double x : sorted) square += std::pow(warp::inverse((x - center) / inner), 2) / static_cast<double>(n);
  const double factor = std::sqrt(square) / deviation;
  return HeavyTails{center, inner * factor, factor};
}

/// z of a row and column: the input of the mixing matrix.
double unmixed(const Standardization& units, double value, std::size_t j) {
  const double u = (value - units.mean[j]) / units.scale[j], factor = units.warp.empty() ? 0 : units.warp[j];
  return factor > 0 ? warp::inverse(factor * u) / factor : u;
}

/// The variance of a column, in its own units, that is due to rounding to the file's type.
double rounding_variance(const Table& data, const Rows& rows, std::size_t j, double deviation) {
  double largest = 0;
  for (const std::int64_t row : rows) largest = std::max(largest, std::abs(value_at(data, row, j)));
  const bool is_double = data.element == Element::float64 || data.element == Element::text;
  const double rounding = largest / deviation * (is_double ? 0x1p-50 : 0x1p-22);
  return rounding * rounding;
}

struct Decorrelation {
  std::vector<double> matrix;  // Standardization::mixing
  std::int64_t dropped = 0;    // directions that do not vary
  bool whitens = true;
};

// A principal direction with this much of a column's variance is large. It is not Gaussian if its third or fourth
// moment is this far from a Gaussian's, and three standard errors away.
constexpr double kLargeVariance = 1.5, kSkewness = 0.3, kExcess = 0.5, kErrors = 3;
constexpr double kSureRows = 100, kSureRowsPerColumn = 10;

/// Whether a direction looks Gaussian.
/// @param values of mean 0 and any variance
bool looks_gaussian(const Eigen::VectorXd& values) {
  const auto count = static_cast<double>(values.size());
  const double variance = values.squaredNorm() / count;
  const Eigen::ArrayXd z = values.array() / std::sqrt(variance);
  const double skewness = z.cube().mean(), excess = z.square().square().mean() - 3;
  return std::abs(skewness) < std::max(kSkewness, kErrors * std::sqrt(6 / count)) &&
         std::abs(excess) < std::max(kExcess, kErrors * std::sqrt(24 / count));
}

/// z of rows, in units of its deviation. [rows, coordinates]
Eigen::MatrixXd unmixed_rows(const Table& data, const Rows& rows, const Standardization& units, double deviation,
                             const std::vector<double>& steps) {
  const std::vector<std::size_t> coordinates = units.coordinates();
  Eigen::MatrixXd z(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(coordinates.size()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t l = 0; l < coordinates.size(); ++l) {
      const double value = value_at(data, rows[i], coordinates[l]) + steps[coordinates[l]] / 2;
      z(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(l)) = unmixed(units, value, coordinates[l]) / deviation;
    }
  return z;
}

/// The square root of the correlations of z, or, if columns determine each other, the directions that vary; empty if
/// the columns are not correlated. If `may_keep`, correlations stay if they are those of modes or of another shape:
/// whitened, that shape would be as small as the rest of the data, and noise would hide it before the network has seen
/// it. If not `may_drop`, every direction stays.
/// @param deviation of z
Decorrelation decorrelate(const Table& data, const Rows& rows, const Standardization& units, double deviation,
                          const std::vector<double>& steps, bool may_keep, bool may_drop) {
  const std::vector<std::size_t> coordinates = units.coordinates();
  const auto n = static_cast<Eigen::Index>(coordinates.size());
  const auto count = static_cast<double>(rows.size());
  if (n < 2) return {};
  // Correlations of this many rows are certain enough.
  const Rows some(rows.begin(),
                  rows.begin() + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(rows.size()), kCorrelated));
  const Eigen::MatrixXd z = unmixed_rows(data, some, units, deviation, steps);
  Eigen::MatrixXd correlation = transposed_product(z, z) / static_cast<double>(z.rows());
  double rounding = 0, least_noise = HUGE_VAL;
  for (Eigen::Index l = 0; l < n; ++l) {
    const std::size_t j = coordinates[static_cast<std::size_t>(l)];
    correlation(l, l) = 1;  // including the variance of the noise that will be added
    rounding = std::max(rounding, rounding_variance(data, rows, j, units.scale[j] * deviation));
    if (steps[j] > 0) least_noise = std::min(least_noise, std::pow(steps[j] / (units.scale[j] * deviation), 2) / 12);
  }
  const double largest = (correlation - Eigen::MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff();
  if (largest < 4 / std::sqrt(count)) return {};  // what this many independent columns have
  const bool is_certain = rows.size() >= 2 * static_cast<std::size_t>(n);
  if (!is_certain) correlation = 0.9 * correlation + 0.1 * Eigen::MatrixXd::Identity(n, n);

  const auto [values, vectors] = eigensystem(correlation);
  const double least = std::max(1e-12, static_cast<double>(n) * rounding);
  // Noise of dequantization breaks a relation of its columns: directions without variance belong to the other columns,
  // unless that noise is as small as rounding.
  may_drop = may_drop && is_certain && least_noise > 100 * least;
  Eigen::Index dropped = 0;
  while (may_drop && dropped < n - 1 && values(dropped) < least) ++dropped;
  Decorrelation mixing;
  // Few rows do not distinguish a Gaussian from modes.
  if (may_keep && count < std::max(kSureRows, kSureRowsPerColumn * static_cast<double>(n))) mixing.whitens = false;
  for (Eigen::Index l = n - 1; l >= 0 && values(l) > kLargeVariance && may_keep && mixing.whitens; --l)
    mixing.whitens = looks_gaussian(z * vectors.col(l));
  mixing.dropped = dropped;
  if (!mixing.whitens && dropped == 0) return mixing;
  const Eigen::VectorXd roots = values.cwiseMax(least).cwiseSqrt();
  const Eigen::MatrixXd directions = vectors.rightCols(n - dropped);
  Eigen::MatrixXd matrix = directions;
  if (mixing.whitens) matrix *= roots.tail(n - dropped).asDiagonal();
  if (dropped == 0) matrix = product(matrix, directions.transpose());  // the symmetric root changes the columns least
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index l = 0; l < matrix.cols(); ++l) mixing.matrix.push_back(matrix(i, l));
  return mixing;
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

MeasuredUnits measure_units(const Table& data, const Rows& rows, Standardize standardize, double deviation,
                            const std::vector<double>& noise_steps, std::vector<std::string>& notes) {
  MeasuredUnits result{{}, standardize};
  Standardization& units = result.standardization;
  if (standardize == Standardize::none) return result;
  const auto cols = static_cast<std::size_t>(data.cols);
  std::vector<double> steps = noise_steps;
  steps.resize(cols);
  const Moments moments = moments_of(data, rows);
  if (std::none_of(moments.variance.begin(), moments.variance.end(), [](double each) { return each > 0; }))
    refuse("DATA", "values that vary", "equal rows");
  double sum = 0;
  std::size_t varying = 0;
  std::vector<double> deviations(cols);
  for (std::size_t j = 0; j < cols; ++j) {
    const double variance = moments.variance[j] + steps[j] * steps[j] / 12;
    deviations[j] = std::sqrt(variance);
    sum += variance;
    varying += variance > 0 ? 1 : 0;
  }
  const double overall = std::sqrt(sum / static_cast<double>(varying));
  for (std::size_t j = 0; j < cols; ++j) {
    const std::string place = " in column " + column_name(data, j);
    const double mean = moments.mean[j] + steps[j] / 2;
    const double scale = (standardize == Standardize::scale ? overall : deviations[j]) / deviation;
    if (deviations[j] > 0 && !(scale >= static_cast<double>(FLT_MIN) && scale <= static_cast<double>(FLT_MAX)))
      refuse("DATA", "a standard deviation that is 1.2e-38 to 3.4e38 times --sigma-data",
             number_text(scale) + " times" + place);
    if (!std::isfinite(mean)) refuse("DATA", "a finite mean", number_text(mean) + place);
    units.mean.push_back(mean);
    units.scale.push_back(deviations[j] > 0 ? scale : 0);
  }
  note_constants(data, units, notes);
  if (standardize == Standardize::scale) return result;
  const bool whitens = standardize != Standardize::column && data.cols <= kMaxWhitened,
             may_keep = standardize == Standardize::automatic;
  Decorrelation mixing;
  if (whitens) mixing = decorrelate(data, rows, units, deviation, steps, may_keep, /*may_drop=*/true);
  std::string heavy;
  for (std::size_t j = 0; j < cols; ++j) {
    if (!(units.scale[j] > 0)) continue;
    const std::vector<double> sorted = sorted_column(data, rows, j);
    note_outlier(data, rows, j, sorted, notes);
    // Columns that depend on each other linearly do so only in their own units, and noise of one step is uniform there.
    if (mixing.dropped > 0 || steps[j] > 0) continue;
    const auto tails = heavy_tails_of(sorted, moments.mean[j], moments.variance[j], deviation);
    if (!tails) continue;
    units.warp.resize(cols);
    units.mean[j] = tails->mean, units.scale[j] = tails->scale, units.warp[j] = tails->warp;
    heavy += (heavy.empty() ? "" : "; ") + column_name(data, j);
  }
  if (!heavy.empty())
    notes.push_back("columns with heavy tails, modeled on a scale on which their tails are light: " + heavy);
  // A warp and fewer coordinates than columns exclude each other: see Units::log_volumes().
  if (whitens && !heavy.empty())
    mixing = decorrelate(data, rows, units, deviation, steps, may_keep, /*may_drop=*/false);
  result.standardize = whitens && mixing.whitens ? Standardize::whiten : Standardize::column;
  if (mixing.dropped > 0)
    notes.push_back("columns depend on each other exactly and linearly: the model has " +
                    std::to_string(mixing.matrix.size() / units.coordinates().size()) + " coordinates for " +
                    std::to_string(units.coordinates().size()) + " columns, and samples satisfy the relation");
  units.mixing = std::move(mixing.matrix);
  return result;
}

double deviation_of(const Table& data) {
  Rows rows(static_cast<std::size_t>(data.rows));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  const std::vector<double> variance = moments_of(data, rows).variance;
  return std::sqrt(std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(variance.size()));
}

}  // namespace scorematch::cli
