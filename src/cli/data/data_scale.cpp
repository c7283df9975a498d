#include "cli/data/data_scale.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace scorematch::cli {
namespace {

constexpr std::int64_t kValues = std::int64_t{1} << 20;  // rows, at most, that the direction is computed from
constexpr int kIterations = 30;

double norm(const std::vector<double>& v) {
  double sum = 0;
  for (const double each : v) sum += each * each;
  return std::sqrt(sum);
}

/// v <- sum over every stride-th row of x (x . v), which converges to the direction of the largest second moment.
/// @return the second moment along v, where v has norm 1
double turn(const Matrix& data, std::int64_t stride, std::vector<double>& v) {
  std::vector<double> next(v.size(), 0.0);
  double moment = 0, rows = 0;
  for (std::int64_t i = 0; i < data.rows; i += stride, ++rows) {
    const float* x = data.values.data() + i * data.cols;
    double along = 0;
    for (std::size_t j = 0; j < v.size(); ++j) along += static_cast<double>(x[j]) * v[j];
    for (std::size_t j = 0; j < v.size(); ++j) next[j] += along * static_cast<double>(x[j]);
    moment += along * along;
  }
  v = std::move(next);
  return moment / rows;
}

}  // namespace

DataScale measure_scale(const Matrix& data) {
  DataScale scale;
  if (data.rows == 0 || data.cols == 0) return scale;
  double square = 0;
  for (const float each : data.values) {
    const auto x = static_cast<double>(each);
    square += x * x / static_cast<double>(data.values.size());
  }
  scale.deviation = std::sqrt(square);

  const std::int64_t most_rows = std::max<std::int64_t>(kValues / data.cols, 64);
  const std::int64_t stride = (data.rows + most_rows - 1) / most_rows;
  std::vector<double> v(static_cast<std::size_t>(data.cols));
  for (std::size_t j = 0; j < v.size(); ++j)
    v[j] = 1 + 0.5 * std::cos(static_cast<double>(j));  // in the direction of no axis
  double moment = 0;
  for (int k = 0; k < kIterations; ++k) {
    const double length = norm(v);
    if (!(length > 0) || !std::isfinite(length)) break;
    for (double& each : v) each /= length;
    moment = turn(data, stride, v);
  }
  scale.largest = std::max(std::sqrt(moment), scale.deviation);
  return scale;
}

}  // namespace scorematch::cli
