#include "cli/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "cli/data/dequantize.h"
#include "cli/data/whole_numbers.h"
#include "cli/files/csv_text.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

using RowOrder = std::vector<std::int64_t>;  // indices of rows

/// Those rows in the model's units.
Matrix take_rows(const Table& data, const Units& units, const RowOrder& rows) {
  Table part;
  part.rows = static_cast<std::int64_t>(rows.size()), part.cols = data.cols;
  part.values.reserve(rows.size() * static_cast<std::size_t>(data.cols));
  for (const std::int64_t row : rows) {
    const auto begin = data.values.begin() + row * data.cols;
    part.values.insert(part.values.end(), begin, begin + data.cols);
  }
  Matrix model = units.to_model(part);
  for (std::size_t i = 0; i < model.values.size(); ++i) {
    if (std::isfinite(model.values[i])) continue;
    // A coordinate of the model may come from several columns: their largest value counts.
    const auto row = static_cast<std::int64_t>(i) / model.cols;
    const auto begin = part.values.begin() + row * part.cols;
    const auto largest =
        std::max_element(begin, begin + part.cols, [](double a, double b) { return std::abs(a) < std::abs(b); });
    refuse("DATA", "values that float32 can hold in the model's units",
           number_text(*largest) + " in row " + std::to_string(rows[static_cast<std::size_t>(row)]) + ", column " +
               std::to_string(largest - begin) + " (from 0)");
  }
  return model;
}

/// Fisher-Yates with remainders of a fixed generator: the same split on every platform.
void shuffle(RowOrder& order, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
}

/// Model units that are those of the data are not centered: float32 has to resolve the noise at the values themselves.
void check_noise_resolution(const Table& data, const Grid& grid) {
  for (std::size_t j = 0; j < grid.steps.size(); ++j) {
    const double largest = std::max(std::abs(grid.lowest[j]), std::abs(grid.highest[j]));
    if (grid.steps[j] > 0 && largest > kGridSpan * grid.steps[j])
      refuse("--standardize",
             "scale, column or whiten, because with none --dequantize takes values of at most 2^20 steps of " +
                 number_text(grid.steps[j]) + " and column " + column_name(data, j) + " has " + number_text(largest),
             "none");
  }
}

}  // namespace

Dataset prepare(const Table& data, const Preparation& how, const Standardization* known) {
  if (!(how.validation >= 0 && how.validation < 1))
    refuse("--validation", "a fraction in [0, 1)", number_text(how.validation));
  Dataset result;
  result.grid = find_grid(data, how.dequantize);
  if (how.standardize == Standardize::none) check_noise_resolution(data, result.grid);
  RowOrder order(static_cast<std::size_t>(data.rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto rows = static_cast<std::int64_t>(order.size());
  const auto held_out = static_cast<std::int64_t>(std::llround(how.validation * static_cast<double>(rows)));
  if (held_out >= rows)
    refuse("--validation", "a fraction that leaves rows to train on", "all " + std::to_string(rows));
  shuffle(order, how.seed);
  const RowOrder training(order.begin(), order.end() - held_out), rest(order.end() - held_out, order.end());
  if (known != nullptr) {
    result.standardization = *known;
    result.standardize = how.standardize;
  } else {
    MeasuredUnits units =
        measure_units(data, training, how.standardize, how.deviation, result.grid.steps, result.notes);
    result.standardization = std::move(units.standardization);
    result.standardize = units.standardize;
  }
  result.dim = dim_of(result.standardization, data.cols);
  const Units units(result.standardization, result.dim);
  result.training = take_rows(data, units, training);
  result.held_out = take_rows(data, units, rest);
  if (how.contexts != nullptr && !how.contexts->empty()) {
    result.context_units =
        how.context_units != nullptr ? *how.context_units : measure_contexts(*how.contexts, training);
    const Contexts all =
        to_model(how.contexts->labels.empty() ? "--context-columns" : "--labels", *how.contexts, result.context_units);
    result.training_contexts = all.at(training);
    result.held_out_contexts = all.at(rest);
  }
  result.scale = measure_scale(
      result.grid.empty() ? result.training
                          : Dequantizer(result.grid.steps, units, how.seed).all(result.training, /*training_step=*/0));
  const auto [low, high] = std::minmax_element(data.values.begin(), data.values.end());
  result.lowest = *low;
  result.highest = *high;
  result.element = data.element;
  result.columns = data.columns;
  result.row_shape = data.row_shape;
  result.dropped_rows = data.dropped_rows;
  note_whole_numbers(data, result.grid, result.notes);
  return result;
}

void describe_data(const Dataset& data, std::map<std::string, std::string>& metadata) {
  metadata["data.element"] = element_name(data.element);
  if (!data.columns.empty()) metadata["data.columns"] = csv_line(data.columns);
  if (data.dropped_rows > 0) metadata["data.dropped_rows"] = std::to_string(data.dropped_rows);
  write_grid(data.grid, metadata);
  write_contexts(data.context_units, metadata);
}

bool dropped_rows(const std::map<std::string, std::string>& metadata) {
  return metadata.count("data.dropped_rows") > 0;
}

Table table_of_samples(const std::map<std::string, std::string>& metadata, std::int64_t dim) {
  Table table;
  table.cols = dim;
  if (const auto found = metadata.find("data.element"); found != metadata.end())
    table.element = element_named(found->second, table.element);
  if (const auto found = metadata.find("data.columns"); found != metadata.end())
    table.columns = csv_fields("data.columns", found->second);
  if (table.columns.size() != static_cast<std::size_t>(dim)) table.columns.clear();  // of a model made by hand
  return table;
}

std::int64_t dim_of(const Standardization& units, std::int64_t columns) {
  if (units.mean.empty()) return columns;
  const auto coordinates = static_cast<std::int64_t>(units.coordinates().size());
  return units.mixing.empty() ? coordinates : static_cast<std::int64_t>(units.mixing.size()) / coordinates;
}

std::int64_t data_columns(const Checkpoint& model) {
  const std::size_t columns = model.standardization.mean.size();
  return columns > 0 ? static_cast<std::int64_t>(columns) : model.net.dim;
}

}  // namespace scorematch::cli
