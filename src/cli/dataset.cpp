#include "cli/dataset.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "cli/dequantize.h"
#include "cli/refusal.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

using RowOrder = std::vector<std::int64_t>;  // indices of rows
using Unit = decltype(Standardization::mean)::value_type;

/// What takes data to the model's units and back, column by column.
class Units {
 public:
  Units(const Standardization& standardization, std::int64_t cols)
      : mean_(static_cast<std::size_t>(cols), 0.0), scale_(static_cast<std::size_t>(cols), 1.0) {
    for (std::size_t j = 0; j < standardization.mean.size(); ++j)
      mean_[j] = static_cast<double>(standardization.mean[j]),
      scale_[j] = static_cast<double>(standardization.scale[j]);
  }
  float to_model(double value, std::size_t j) const { return round_to_float((value - mean_[j]) / scale_[j]); }
  double to_data(float value, std::size_t j) const { return mean_[j] + scale_[j] * static_cast<double>(value); }

 private:
  /// Infinite beyond float's range, where the conversion alone would be undefined.
  static float round_to_float(double value) {
    if (std::abs(value) <= static_cast<double>(FLT_MAX)) return static_cast<float>(value);
    return std::isnan(value)
               ? std::numeric_limits<float>::quiet_NaN()
               : std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(value > 0) - 0.5f);
  }

  std::vector<double> mean_, scale_;
};

/// Rows `first` to `first` + `count` of the order, in the model's units.
Matrix take_rows(const Table& data, const Units& units, const RowOrder& order, std::int64_t first, std::int64_t count) {
  Matrix part{count, data.cols, {}};
  part.values.reserve(static_cast<std::size_t>(count * data.cols));
  const auto cols = static_cast<std::size_t>(data.cols);
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto row = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    for (std::size_t j = 0; j < cols; ++j) {
      const double value = data.values[row * cols + j];
      part.values.push_back(units.to_model(value, j));
      if (!std::isfinite(part.values.back()))
        refuse("DATA", "values that float32 can hold in the model's units",
               number_text(value) + " in row " + std::to_string(row) + ", column " + std::to_string(j) + " (from 0)");
    }
  }
  return part;
}

/// Fisher and Yates, with remainders of a fixed generator: the same split on every platform.
RowOrder shuffled(std::int64_t rows, std::uint64_t seed) {
  RowOrder order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 generator(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  return order;
}

/// Mean and scale of the first `rows` rows of the order.
/// @param step of which uniform noise is to be added: half a step to a mean, step^2 / 12 to a variance
Standardization measure(const Table& data, const RowOrder& order, std::int64_t rows, Standardize standardize,
                        double deviation, double step) {
  Standardization result;
  if (standardize == Standardize::none) return result;
  const auto cols = static_cast<std::size_t>(data.cols);
  const double count = static_cast<double>(rows);
  const auto row_at = [&](std::int64_t i) {
    return data.values.data() + order[static_cast<std::size_t>(i)] * data.cols;
  };
  // Relative to the first row: a column that never changes differs from it by exactly 0.
  std::vector<double> mean(row_at(0), row_at(0) + data.cols), square(cols, 0.0), shift(cols, 0.0);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) shift[j] += (row_at(i)[j] - mean[j]) / count;
  for (std::size_t j = 0; j < cols; ++j) mean[j] += shift[j];
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) {
      const double difference = row_at(i)[j] - mean[j];
      square[j] += difference * difference / count;
    }
  const bool varies = std::any_of(square.begin(), square.end(), [](double each) { return each > 0; });
  for (std::size_t j = 0; j < cols; ++j) mean[j] += step / 2, square[j] += step * step / 12;
  const double overall = std::sqrt(std::accumulate(square.begin(), square.end(), 0.0) / static_cast<double>(cols));
  if (!varies) refuse("DATA", "values that vary", "the same row everywhere");
  for (std::size_t j = 0; j < cols; ++j) {
    const std::string place = " in column " + std::to_string(j) + " (from 0)";
    // A column that never changes takes the common scale: there is nothing to divide by.
    const double own = std::sqrt(square[j]);
    const double scale = (standardize == Standardize::column && own > 0 ? own : overall) / deviation;
    if (!(scale >= static_cast<double>(FLT_MIN) && scale <= static_cast<double>(FLT_MAX)))
      refuse("DATA", "a standard deviation that is 1.2e-38 to 3.4e38 times --sigma-data",
             number_text(scale) + " times" + place);
    if (!(std::abs(mean[j]) <= static_cast<double>(std::numeric_limits<Unit>::max())))
      refuse("DATA", "a finite mean", number_text(mean[j]) + place);
    result.mean.push_back(static_cast<Unit>(mean[j]));
    result.scale.push_back(static_cast<Unit>(scale));
  }
  return result;
}

}  // namespace

Dataset prepare(const Table& data, double share, Standardize standardize, double deviation, std::uint64_t seed,
                double dequantize, const Standardization* known) {
  if (!(share >= 0 && share < 1)) refuse("--validation", "a share in [0, 1)", number_text(share));
  const auto held_out = static_cast<std::int64_t>(std::llround(share * static_cast<double>(data.rows)));
  if (held_out >= data.rows)
    refuse("--validation", "a share that leaves rows to train on", "all " + std::to_string(data.rows));
  if (dequantize > 0) check_grid(data, dequantize);
  const RowOrder order = shuffled(data.rows, seed);
  const std::int64_t rows = data.rows - held_out;
  Dataset result;
  result.standardization = known != nullptr ? *known : measure(data, order, rows, standardize, deviation, dequantize);
  const Units units(result.standardization, data.cols);
  result.training = take_rows(data, units, order, 0, rows);
  result.held_out = take_rows(data, units, order, rows, held_out);
  const auto [low, high] = std::minmax_element(data.values.begin(), data.values.end());
  result.lowest = *low;
  result.highest = *high;
  result.element = data.element;
  result.columns = data.columns;
  result.row_shape = data.row_shape;
  return result;
}

void describe_data(const Dataset& data, std::map<std::string, std::string>& metadata) {
  metadata["data.element"] = element_name(data.element);
}

Table table_of_samples(const std::map<std::string, std::string>& metadata, std::int64_t dim) {
  Table table;
  table.cols = dim;
  if (const auto found = metadata.find("data.element"); found != metadata.end())
    table.element = element_named(found->second, table.element);
  return table;
}

Table to_data_units(const Standardization& standardization, const Matrix& samples) {
  Table data;
  data.rows = samples.rows, data.cols = samples.cols;
  data.values.reserve(samples.values.size());
  const Units units(standardization, samples.cols);
  for (std::size_t i = 0; i < samples.values.size(); ++i)
    data.values.push_back(units.to_data(samples.values[i], i % static_cast<std::size_t>(samples.cols)));
  return data;
}

Matrix to_model_units(const Standardization& standardization, const Table& data) {
  Matrix model{data.rows, data.cols, {}};
  model.values.reserve(data.values.size());
  const Units units(standardization, data.cols);
  for (std::size_t i = 0; i < data.values.size(); ++i)
    model.values.push_back(units.to_model(data.values[i], i % static_cast<std::size_t>(data.cols)));
  return model;
}

}  // namespace scorematch::cli
