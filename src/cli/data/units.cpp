#include "cli/data/units.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>

#include "cli/data/linear_algebra.h"
#include "cli/data/warp.h"

namespace scorematch::cli {
namespace {

/// Infinite beyond float's range, for which the conversion alone would be undefined.
float round_to_float(double value) {
  if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
  if (std::abs(value) <= static_cast<double>(FLT_MAX)) return static_cast<float>(value);
  return value > 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
}

std::vector<std::size_t> all_columns(std::int64_t count) {
  std::vector<std::size_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

}  // namespace

Units::Units(const Standardization& standardization, std::int64_t dim)
    : columns_(standardization.mean.empty() ? dim : static_cast<std::int64_t>(standardization.mean.size())),
      dim_(dim),
      mean_(standardization.mean),
      scale_(standardization.scale),
      warp_(standardization.warp),
      mixing_(standardization.mixing) {
  if (mean_.empty()) {
    mean_.assign(static_cast<std::size_t>(columns_), 0);
    scale_.assign(static_cast<std::size_t>(columns_), 1);
    coordinates_ = all_columns(columns_);
  } else {
    coordinates_ = standardization.coordinates();
  }
  warp_.resize(mean_.size(), 0.0);
  if (mixing_.empty()) return;
  inverse_ = left_inverse(mixing_, static_cast<std::int64_t>(coordinates_.size()), dim_);
}

double Units::mixed(const float* model, std::size_t i) const {
  if (mixing_.empty()) return static_cast<double>(model[i]);
  const auto k = static_cast<std::size_t>(dim_);
  double z = 0;
  for (std::size_t l = 0; l < k; ++l) z += mixing_[i * k + l] * static_cast<double>(model[l]);
  return z;
}

void Units::row_to_data(const float* model, double* data) const {
  for (std::size_t j = 0; j < mean_.size(); ++j) data[j] = mean_[j];
  for (std::size_t i = 0; i < coordinates_.size(); ++i) {
    const std::size_t j = coordinates_[i];
    const double z = mixed(model, i);
    data[j] += scale_[j] * (warp_[j] > 0 ? warp::forward(warp_[j] * z) / warp_[j] : z);
  }
}

void Units::row_to_model(const double* centered, double* model) const {
  const std::size_t n = coordinates_.size();
  std::vector<double> z(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = coordinates_[i];
    z[i] = centered[j] / scale_[j];
    if (warp_[j] > 0) z[i] = warp::inverse(warp_[j] * z[i]) / warp_[j];
  }
  if (mixing_.empty()) {
    std::copy(z.begin(), z.end(), model);
    return;
  }
  for (std::size_t l = 0; l < static_cast<std::size_t>(dim_); ++l)
    model[l] = std::inner_product(z.begin(), z.end(), inverse_.begin() + static_cast<std::ptrdiff_t>(l * n), 0.0);
}

Table Units::to_data(const Matrix& samples) const {
  Table data;
  data.rows = samples.rows, data.cols = columns_;
  data.values.resize(static_cast<std::size_t>(data.rows * data.cols));
  for (std::int64_t i = 0; i < data.rows; ++i)
    row_to_data(samples.values.data() + i * dim_, data.values.data() + i * columns_);
  return data;
}

Matrix Units::to_model(const Table& data) const {
  Matrix model{data.rows, dim_, {}};
  model.values.reserve(static_cast<std::size_t>(data.rows * dim_));
  std::vector<double> centered(mean_.size()), row(static_cast<std::size_t>(dim_));
  for (std::int64_t i = 0; i < data.rows; ++i) {
    for (std::size_t j = 0; j < centered.size(); ++j)
      centered[j] = data.values[static_cast<std::size_t>(i * columns_) + j] - mean_[j];
    row_to_model(centered.data(), row.data());
    for (const double each : row) model.values.push_back(round_to_float(each));
  }
  return model;
}

void Units::offset_to_model(const double* offset, double* out) const { row_to_model(offset, out); }

std::vector<double> Units::score_to_data(const float* model, const float* score) const {
  std::vector<double> result(mean_.size(), 0.0);
  const std::size_t n = coordinates_.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = coordinates_[i];
    double value = 0;
    if (mixing_.empty()) {
      value = static_cast<double>(score[i]);
    } else {
      for (std::size_t l = 0; l < static_cast<std::size_t>(dim_); ++l)
        value += inverse_[l * n + i] * static_cast<double>(score[l]);
    }
    // The density of the data has the factor dz/dx, which varies with x.
    const double y = warp_[j] * mixed(model, i);
    result[j] = (value - warp_[j] * warp::log_slope_change(y)) / scale_[j] * std::exp(-warp::log_slope(y));
  }
  return result;
}

std::vector<double> Units::log_volumes(const Matrix& samples) const {
  double constant = 0;
  if (mixing_.empty()) {
    for (const std::size_t j : coordinates_) constant += std::log(scale_[j]);
  } else {
    std::vector<double> map = mixing_;
    const auto k = static_cast<std::size_t>(dim_);
    for (std::size_t i = 0; i < map.size(); ++i) map[i] *= scale_[coordinates_[i / k]];
    constant = log_volume(map, static_cast<std::int64_t>(coordinates_.size()), dim_);
  }
  // With fewer coordinates than columns there is no warp: see measure_units().
  std::vector<double> volumes(static_cast<std::size_t>(samples.rows), constant);
  for (std::size_t i = 0; i < coordinates_.size(); ++i) {
    const double factor = warp_[coordinates_[i]];
    if (!(factor > 0)) continue;
    for (std::int64_t row = 0; row < samples.rows; ++row)
      volumes[static_cast<std::size_t>(row)] += warp::log_slope(factor * mixed(samples.values.data() + row * dim_, i));
  }
  return volumes;
}

std::vector<OffSupport> Units::off_support(const Table& data) const {
  const bool has_constants = coordinates_.size() < mean_.size();
  const bool has_relations = coordinates_.size() > static_cast<std::size_t>(dim_);
  if (!has_constants && !has_relations) return {};
  const auto cols = static_cast<std::size_t>(columns_);
  const Table nearest = has_relations ? to_data(to_model(data)) : Table{};
  std::vector<OffSupport> all;
  for (std::int64_t i = 0; i < data.rows; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * cols;
    for (std::size_t j = 0; j < cols; ++j) {
      const double value = data.values[first + j];
      const bool is_constant = !(scale_[j] > 0);
      if (!is_constant && !has_relations) continue;
      const double expected = is_constant ? mean_[j] : nearest.values[first + j];
      // Data that depend on each other do so up to the rounding of float32.
      const bool is_expected = is_constant ? static_cast<float>(value) == static_cast<float>(expected)
                                           : std::abs(expected - value) <= 1e-3 * scale_[j] + 1e-5 * std::abs(value);
      if (is_expected) continue;
      all.push_back({i, j, value, expected, is_constant});
      break;
    }
  }
  return all;
}

}  // namespace scorematch::cli
