#include "cli/training/noise_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace scorematch::cli {
namespace {

constexpr double kLeast = 1.0 / 500, kMost = 1.0 / 25, kSpread = 8;  // in standard deviations
constexpr double kNarrowest = 1.2;                                   // of ln sigma (Karras et al. 2022, table 1)
constexpr std::int64_t kRows = 4096, kQueries = 512;                 // whose neighbors are searched
constexpr std::int64_t kSweptValues = std::int64_t{1} << 26;

double square_distance(const float* a, const float* b, std::int64_t dim) {
  double sum = 0;
  for (std::int64_t j = 0; j < dim; ++j) {
    const double difference = static_cast<double>(a[j]) - static_cast<double>(b[j]);
    sum += difference * difference;
  }
  return sum;
}

/// The root of the median of squares; 0 if there are none.
double root_of_median(std::vector<double> squares) {
  if (squares.empty()) return 0;
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  return std::sqrt(*middle);
}

/// The median, over some rows, of the distance to the nearest other row that is not equal; 0: all are equal.
double nearest_distance(const Matrix& rows) {
  const std::int64_t count = std::min(rows.rows, kRows), queries = std::min(count, kQueries);
  std::vector<double> nearest;  // squares
  for (std::int64_t i = 0; i < queries; ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t k = 0; k < count; ++k) {
      const double square =
          square_distance(rows.values.data() + i * rows.cols, rows.values.data() + k * rows.cols, rows.cols);
      if (square > 0) least = std::min(least, square);
    }
    if (std::isfinite(least)) nearest.push_back(least);
  }
  return root_of_median(std::move(nearest));
}

/// Median distance of pairs of rows.
double median_distance(const Matrix& rows) {
  std::vector<double> squares;
  for (std::int64_t i = 0; i + 1 < std::min(rows.rows, kRows); i += 2)
    squares.push_back(
        square_distance(rows.values.data() + i * rows.cols, rows.values.data() + (i + 1) * rows.cols, rows.cols));
  return root_of_median(std::move(squares));
}

/// The row farthest from a row that is itself the farthest from the first: the diameter, or nearly so.
double farthest_distance(const Matrix& rows) {
  const std::int64_t count = std::min(rows.rows, std::max<std::int64_t>(2, kSweptValues / rows.cols));
  std::int64_t from = 0;
  double largest = 0;
  for (int sweep = 0; sweep < 3; ++sweep) {
    std::int64_t farthest = from;
    for (std::int64_t i = 0; i < count; ++i) {
      const double square =
          square_distance(rows.values.data() + from * rows.cols, rows.values.data() + i * rows.cols, rows.cols);
      if (square > largest) largest = square, farthest = i;
    }
    from = farthest;
  }
  return std::sqrt(largest);
}

}  // namespace

NoiseChoice choose_noise(const Matrix& rows, double deviation) {
  NoiseChoice choice;
  choice.nearest = nearest_distance(rows);
  choice.farthest = farthest_distance(rows);
  choice.sigma_min = std::clamp(choice.nearest, kLeast * deviation, kMost * deviation);
  choice.median = median_distance(rows);
  const double far = choice.farthest, usual = std::min(choice.median, far);
  choice.sigma_max = std::max(std::sqrt((far - usual) * (far + usual)), kSpread * deviation);
  const double low = std::log(5 * choice.sigma_min), high = std::log(1.2 * deviation);
  choice.log_mean = (low + high) / 2;
  choice.log_deviation = std::max(kNarrowest, (high - low) / 2 / 1.3);
  return choice;
}

}  // namespace scorematch::cli
