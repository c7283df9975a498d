#include "cli/dataset.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <random>

#include "cli/dequantize.h"
#include "cli/refusal.h"
#include "spec_text.h"

namespace scorematch::cli {
namespace {

Matrix take_rows(const Matrix& data, const std::vector<std::int64_t>& order, std::int64_t first, std::int64_t count) {
  Matrix part{count, data.cols, {}};
  part.values.reserve(static_cast<std::size_t>(count * data.cols));
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto begin = data.values.begin() + order[static_cast<std::size_t>(i)] * data.cols;
    part.values.insert(part.values.end(), begin, begin + data.cols);
  }
  return part;
}

/// Fisher and Yates, with remainders of a fixed generator: the same split on every platform.
std::vector<std::int64_t> shuffled(std::int64_t rows, std::uint64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 generator(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  return order;
}

/// @param step of which uniform noise is to be added: half a step to a mean, step^2 / 12 to a variance
Standardization measure(const Matrix& data, Standardize standardize, double deviation, double step) {
  Standardization result;
  if (standardize == Standardize::none) return result;
  const auto cols = static_cast<std::size_t>(data.cols);
  // From the first row: what never changes differs from it by exactly nothing.
  std::vector<double> mean(data.values.begin(), data.values.begin() + data.cols), square(cols, 0.0), shift(cols, 0.0);
  for (std::size_t i = 0; i < data.values.size(); ++i)
    shift[i % cols] += (static_cast<double>(data.values[i]) - mean[i % cols]) / static_cast<double>(data.rows);
  for (std::size_t j = 0; j < cols; ++j) mean[j] += shift[j];
  for (std::size_t i = 0; i < data.values.size(); ++i) {
    const double difference = static_cast<double>(data.values[i]) - mean[i % cols];
    square[i % cols] += difference * difference / static_cast<double>(data.rows);
  }
  const bool varies = std::any_of(square.begin(), square.end(), [](double each) { return each > 0; });
  for (std::size_t j = 0; j < cols; ++j) mean[j] += step / 2, square[j] += step * step / 12;
  const double overall = std::sqrt(std::accumulate(square.begin(), square.end(), 0.0) / static_cast<double>(cols));
  if (!varies) refuse("DATA", "values that vary", "the same row everywhere");
  for (std::size_t j = 0; j < cols; ++j) {
    // A column that never changes takes the common scale: there is nothing to divide by.
    const double own = std::sqrt(square[j]);
    const double scale = (standardize == Standardize::column && own > 0 ? own : overall) / deviation;
    if (!(scale >= static_cast<double>(FLT_MIN) && scale <= static_cast<double>(FLT_MAX)))
      refuse("DATA", "a standard deviation that is 1.2e-38 to 3.4e38 times --sigma-data",
             number_text(scale) + " times in column " + std::to_string(j) + " (from 0)");
    result.mean.push_back(mean[j]);
    result.scale.push_back(scale);
  }
  return result;
}

}  // namespace

Dataset prepare(const Matrix& data, double share, Standardize standardize, double deviation, std::uint64_t seed,
                double dequantize, const Standardization* known) {
  if (!(share >= 0 && share < 1)) refuse("--validation", "a share in [0, 1)", number_text(share));
  const auto held_out = static_cast<std::int64_t>(std::llround(share * static_cast<double>(data.rows)));
  if (held_out >= data.rows)
    refuse("--validation", "a share that leaves rows to train on", "all " + std::to_string(data.rows));
  if (dequantize > 0) check_grid(data, dequantize);
  const std::vector<std::int64_t> order = shuffled(data.rows, seed);
  Dataset result;
  result.training = take_rows(data, order, 0, data.rows - held_out);
  result.held_out = take_rows(data, order, data.rows - held_out, held_out);
  const auto [low, high] = std::minmax_element(data.values.begin(), data.values.end());
  result.lowest = *low;
  result.highest = *high;
  result.standardization = known != nullptr ? *known : measure(result.training, standardize, deviation, dequantize);
  to_model_units(result.standardization, result.training);
  to_model_units(result.standardization, result.held_out);
  return result;
}

std::int64_t data_columns(const Checkpoint& model) {
  const std::size_t columns = model.standardization.mean.size();
  return columns > 0 ? static_cast<std::int64_t>(columns) : model.net.dim;
}

void to_data_units(const Standardization& standardization, Matrix& samples) {
  const std::vector<double>&mean = standardization.mean, &scale = standardization.scale;
  if (mean.empty()) return;
  Matrix data{samples.rows, static_cast<std::int64_t>(mean.size()), {}};
  data.values.reserve(static_cast<std::size_t>(data.rows * data.cols));
  auto next = samples.values.begin();
  for (std::int64_t i = 0; i < data.rows; ++i)
    for (std::size_t j = 0; j < mean.size(); ++j)
      data.values.push_back(
          static_cast<float>(scale[j] > 0 ? mean[j] + scale[j] * static_cast<double>(*next++) : mean[j]));
  samples = std::move(data);
}

void to_model_units(const Standardization& standardization, Matrix& data) {
  if (standardization.mean.empty()) return;
  const std::vector<std::size_t> coordinates = standardization.coordinates();
  const auto cols = static_cast<std::size_t>(data.cols);
  std::size_t to = 0;
  for (std::size_t row = 0; row < data.values.size(); row += cols)
    for (const std::size_t j : coordinates)  // to <= row + j: nothing is overwritten before it is read
      data.values[to++] = static_cast<float>((static_cast<double>(data.values[row + j]) - standardization.mean[j]) /
                                             standardization.scale[j]);
  data.values.resize(to);
  data.cols = static_cast<std::int64_t>(coordinates.size());
}

void check_constant_columns(const Standardization& standardization, const Matrix& data) {
  for (std::size_t j = 0; j < standardization.scale.size(); ++j) {
    if (standardization.scale[j] > 0) continue;
    const auto constant = static_cast<float>(standardization.mean[j]);
    for (std::int64_t i = 0; i < data.rows; ++i) {
      const auto value = static_cast<float>(data.values[static_cast<std::size_t>(i * data.cols) + j]);
      if (value != constant)
        refuse("DATA",
               number_text(standardization.mean[j]) + " in column " + std::to_string(j) +
                   " (from 0), which was constant in training",
               number_text(static_cast<double>(value)) + " in row " + std::to_string(i));
    }
  }
}

}  // namespace scorematch::cli
