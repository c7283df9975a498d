#include "cli/scan/data_facts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/data/units.h"
#include "cli/training/linear_score.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMostRows = 4096, kFewestRows = 64;
constexpr double kPairValues = 2e9;  // rows^2 x columns
constexpr double kSingular = 1e-6;

/// The smallest difference of its values; 0 if they are not few.
double step_of(const Table& table, std::int64_t column) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < table.rows; ++i)
    values.push_back(table.values[static_cast<std::size_t>(i * table.cols + column)]);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.size() < 2 || static_cast<std::int64_t>(values.size()) > table.rows / 4) return 0;
  double step = values.back() - values.front();
  for (std::size_t i = 1; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
  return step;
}

std::int64_t count_duplicates(const Table& table) {
  const auto row = [&](std::int64_t i) { return table.values.begin() + static_cast<std::ptrdiff_t>(i * table.cols); };
  std::vector<std::int64_t> order(static_cast<std::size_t>(table.rows));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return std::lexicographical_compare(row(a), row(a) + table.cols, row(b), row(b) + table.cols);
  });
  std::int64_t count = 0;
  for (std::size_t i = 1; i < order.size(); ++i)
    count += std::equal(row(order[i]), row(order[i]) + table.cols, row(order[i - 1]));
  return count;
}

}  // namespace

Resolution measure_resolution(const Table& table, const Standardization& standardization, std::int64_t dim) {
  Resolution resolution;
  resolution.duplicates = count_duplicates(table);
  const Units units(standardization, dim);
  for (std::int64_t j = 0; j < table.cols; ++j) {
    const double step = step_of(table, j);
    if (step == 0) continue;
    ++resolution.discrete_columns;
    resolution.data_step = std::max(resolution.data_step, step);
    const bool is_warped = !standardization.warp.empty() && standardization.warp[static_cast<std::size_t>(j)] > 0;
    if (is_warped) continue;  // the step is not the same everywhere
    std::vector<double> offset(static_cast<std::size_t>(table.cols)), out(static_cast<std::size_t>(dim));
    offset[static_cast<std::size_t>(j)] = step;
    units.offset_to_model(offset.data(), out.data());
    const double length = std::sqrt(std::inner_product(out.begin(), out.end(), out.begin(), 0.0));
    resolution.model_step = std::max(resolution.model_step, length);
  }
  return resolution;
}

double DataFacts::smallest_scale() const { return eigenvalues.empty() ? 0 : std::sqrt(eigenvalues.front()); }

bool DataFacts::is_singular() const {
  return !eigenvalues.empty() && eigenvalues.front() < kSingular * eigenvalues.back();
}

DataFacts measure_data(const Matrix& rows) {
  DataFacts facts;
  const auto affordable = static_cast<std::int64_t>(std::sqrt(kPairValues / static_cast<double>(rows.cols)));
  facts.rows = std::min(rows.rows, std::clamp(affordable, kFewestRows, kMostRows));
  std::vector<const float*> chosen;
  for (std::int64_t i = 0; i < facts.rows; ++i)
    chosen.push_back(rows.values.data() + i * rows.rows / facts.rows * rows.cols);
  std::vector<double> nearest(chosen.size(), HUGE_VAL);
  double largest = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      double square = 0;
      for (std::int64_t j = 0; j < rows.cols; ++j) {
        const double difference = static_cast<double>(chosen[i][j]) - static_cast<double>(chosen[k][j]);
        square += difference * difference;
      }
      largest = std::max(largest, square);
      if (square == 0) continue;
      nearest[i] = std::min(nearest[i], square), nearest[k] = std::min(nearest[k], square);
    }
  facts.largest = std::sqrt(largest);
  nearest.erase(std::remove(nearest.begin(), nearest.end(), HUGE_VAL), nearest.end());
  if (!nearest.empty()) {
    std::sort(nearest.begin(), nearest.end());
    facts.nearest = std::sqrt(nearest.front()), facts.median_nearest = std::sqrt(nearest[nearest.size() / 2]);
  }
  facts.eigenvalues = covariance_eigenvalues(rows);
  return facts;
}

}  // namespace scorematch::cli
