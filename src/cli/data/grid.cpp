#include "cli/data/grid.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr double kRounding = 0x1p-22;      // of a quotient of two float32, and twice that
constexpr double kLargestRounding = 0.25;  // in steps

struct Range {
  double lowest, highest;
};

double value_at(const Table& data, std::int64_t row, std::size_t column) {
  return data.values[static_cast<std::size_t>(row * data.cols) + column];
}

Range range_of(const Table& data, std::size_t column) {
  Range range{value_at(data, 0, column), value_at(data, 0, column)};
  for (std::int64_t row = 1; row < data.rows; ++row) {
    const double value = value_at(data, row, column);
    range.lowest = std::min(range.lowest, value), range.highest = std::max(range.highest, value);
  }
  return range;
}

bool is_far(double value, double offset, double step) { return std::abs(value - offset) > kGridSpan * step; }

bool is_on_grid(double value, double offset, double step) {
  const double steps = (value - offset) / step;
  const double largest = std::max({1.0, std::abs(value / step), std::abs(offset / step)});
  return !is_far(value, offset, step) &&
         std::abs(steps - std::nearbyint(steps)) <= std::min(kRounding * largest, kLargestRounding);
}

/// The first row whose value is not on the grid, if there is one.
std::optional<std::int64_t> first_off_grid(const Table& data, std::size_t column, double offset, double step) {
  for (std::int64_t row = 0; row < data.rows; ++row)
    if (!is_on_grid(value_at(data, row, column), offset, step)) return row;
  return {};
}

std::string place(const Table& data, std::int64_t row, std::size_t column) {
  return " in row " + std::to_string(row) + ", column " + column_name(data, column);
}

/// Nine digits, which distinguish any two float32: neighbors on a grid are sums that double rounds.
std::string rounded_text(double value) { return short_text(value, 9); }

std::string multiples_text(double offset, double step) {
  return (offset == 0 ? "" : number_text(offset) + " plus ") + "multiples of " + number_text(step);
}

struct OffGrid {
  std::int64_t row = 0;
  std::size_t column = 0;
  double offset = 0, step = 0;
};

[[noreturn]] void refuse_value(const Table& data, const OffGrid& off) {
  const double value = value_at(data, off.row, off.column);
  const std::string step = "--dequantize " + number_text(off.step), got = number_text(value);
  if (is_far(value, off.offset, off.step))
    refuse("DATA", "at most 2^20 steps of " + step + " from " + number_text(off.offset),
           got + place(data, off.row, off.column));
  const double below = off.offset + std::floor((value - off.offset) / off.step) * off.step;
  refuse("DATA",
         (off.offset == 0 ? "" : number_text(off.offset) + " plus ") + "multiples of " + step + ", such as " +
             rounded_text(below) + " or " + rounded_text(below + off.step),
         got + place(data, off.row, off.column));
}

[[noreturn]] void refuse_all_columns(const Table& data) {
  for (std::int64_t row = 0; row < data.rows; ++row)
    for (std::size_t column = 0; column < static_cast<std::size_t>(data.cols); ++column) {
      const double value = value_at(data, row, column);
      if (value != std::nearbyint(value))
        refuse("DATA", "a column of whole numbers for --dequantize, or --dequantize=S for multiples of S",
               number_text(value) + place(data, row, column));
    }
  const Range range = range_of(data, 0);
  refuse("DATA", "a column of whole numbers that span at most 2^20 for --dequantize",
         number_text(range.lowest) + " to " + number_text(range.highest) + " in column " + column_name(data, 0));
}

/// One number if all are the same.
std::string list_text(const std::vector<double>& values) {
  std::string text = number_text(values.front());
  if (std::all_of(values.begin(), values.end(), [&](double each) { return each == values.front(); })) return text;
  for (std::size_t i = 1; i < values.size(); ++i) text += "," + number_text(values[i]);
  return text;
}

std::optional<std::vector<double>> read_list(const Checkpoint& model, const std::string& key, std::size_t columns) {
  const auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return {};
  std::vector<double> values;
  const std::string& text = found->second;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    double value = 0;
    const auto [read_to, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    if (error != std::errc() || read_to != text.data() + end || !std::isfinite(value))
      refuse("MODEL", "finite numbers separated by commas in its metadata '" + key + "'",
             "'" + text.substr(begin, end - begin) + "'");
    values.push_back(value);
    begin = end + 1;
  }
  if (values.size() == 1) values.resize(columns, values[0]);
  if (values.size() != columns)
    refuse("MODEL", "1 or " + std::to_string(columns) + " numbers in its metadata '" + key + "'",
           std::to_string(values.size()));
  return values;
}

Grid grid_without_columns(std::size_t columns) {
  return {std::vector<double>(columns), std::vector<double>(columns), std::vector<double>(columns),
          std::vector<double>(columns)};
}

}  // namespace

std::size_t Grid::column_count() const {
  return static_cast<std::size_t>(std::count_if(steps.begin(), steps.end(), [](double each) { return each > 0; }));
}

double Grid::log_cell() const {
  double sum = 0;
  for (const double step : steps) sum += step > 0 ? std::log(step) : 0;
  return sum;
}

std::string Grid::description() const {
  const std::size_t count = column_count(), rest = steps.size() - count;
  if (count == 0) return {};
  const auto first = static_cast<std::size_t>(
      std::find_if(steps.begin(), steps.end(), [](double each) { return each > 0; }) - steps.begin());
  bool is_common = true;
  for (std::size_t j = first; j < steps.size(); ++j)
    is_common = is_common && (!(steps[j] > 0) || (steps[j] == steps[first] && offsets[j] == offsets[first]));
  const std::string values = is_common ? multiples_text(offsets[first], steps[first]) : "points of a grid";
  if (rest == 0) return "data that are " + values;
  return "a probability in " + std::to_string(count) + (count == 1 ? " column" : " columns") + " (" + values + ")" +
         " and a density in " + std::to_string(rest) + (rest == 1 ? " other" : " others");
}

std::vector<bool> whole_number_columns(const Table& data) {
  std::vector<bool> are_whole;
  for (std::size_t j = 0; j < static_cast<std::size_t>(data.cols); ++j) {
    bool is_whole = data.rows > 0;
    for (std::int64_t row = 0; is_whole && row < data.rows; ++row) {
      const double value = value_at(data, row, j);
      is_whole = value == std::nearbyint(value);
    }
    if (is_whole) {
      const Range range = range_of(data, j);
      is_whole = !is_far(range.highest, range.lowest, 1);
    }
    are_whole.push_back(is_whole);
  }
  return are_whole;
}

Grid find_grid(const Table& data, const Dequantization& how) {
  const auto columns = static_cast<std::size_t>(data.cols);
  if (how.columns == Dequantization::Columns::none || data.rows == 0) return {};
  std::vector<bool> has_step(columns, true);
  if (how.columns == Dequantization::Columns::whole_numbers) has_step = whole_number_columns(data);
  if (std::none_of(has_step.begin(), has_step.end(), [](bool each) { return each; })) refuse_all_columns(data);
  Grid grid = grid_without_columns(columns);
  const double lowest = *std::min_element(data.values.begin(), data.values.end());
  std::optional<OffGrid> first;  // row by row
  for (std::size_t j = 0; j < columns; ++j) {
    if (!has_step[j]) continue;
    const Range range = range_of(data, j);
    grid.steps[j] = how.step, grid.lowest[j] = range.lowest, grid.highest[j] = range.highest;
    // If no offset fits, the one that fits most rows is explained.
    OffGrid best{-1, j, 0, how.step};
    for (const double offset : {0.0, lowest, range.lowest}) {
      const std::optional<std::int64_t> row = first_off_grid(data, j, offset, how.step);
      grid.offsets[j] = offset;
      if (!row) {
        best.row = data.rows;
        break;
      }
      if (*row > best.row) best.row = *row, best.offset = offset;
    }
    if (best.row < data.rows && (!first || best.row < first->row)) first = best;
  }
  if (first) refuse_value(data, *first);
  return grid;
}

void check_grid(const Table& data, const Grid& grid) {
  if (grid.empty()) return;
  for (std::int64_t row = 0; row < data.rows; ++row)
    for (std::size_t j = 0; j < grid.steps.size(); ++j)
      if (grid.steps[j] > 0 && !is_on_grid(value_at(data, row, j), grid.offsets[j], grid.steps[j]))
        refuse_value(data, {row, j, grid.offsets[j], grid.steps[j]});
}

void to_grid(Table& samples, const Grid& grid) {
  if (grid.empty()) return;
  for (std::size_t i = 0; i < samples.values.size(); ++i) {
    const std::size_t j = i % grid.steps.size();
    const double step = grid.steps[j], offset = grid.offsets[j];
    if (!(step > 0)) continue;
    const double below = offset + std::floor((samples.values[i] - offset) / step) * step;
    samples.values[i] = std::max(grid.lowest[j], std::min(below, grid.highest[j])) + 0.0;  // no -0
  }
}

void write_grid(const Grid& grid, std::map<std::string, std::string>& metadata) {
  if (grid.empty()) return;
  const std::string steps = list_text(grid.steps);
  metadata[steps.find(',') == std::string::npos ? "data.dequantize" : "data.dequantize.steps"] = steps;
  if (const std::string offsets = list_text(grid.offsets); offsets != "0") metadata["data.grid_offset"] = offsets;
  metadata["data.grid_lowest"] = list_text(grid.lowest);
  metadata["data.grid_highest"] = list_text(grid.highest);
}

Grid read_grid(const Checkpoint& model) {
  const std::vector<double>& scale = model.standardization.scale;
  const std::size_t columns = scale.empty() ? static_cast<std::size_t>(model.net.dim) : scale.size();
  auto steps = read_list(model, "data.dequantize.steps", columns);
  if (!steps) steps = read_list(model, "data.dequantize", columns);
  if (!steps) return {};
  Grid grid = grid_without_columns(columns);
  for (std::size_t j = 0; j < columns; ++j)
    if (scale.empty() || scale[j] > 0) grid.steps[j] = std::max((*steps)[j], 0.0);
  if (grid.column_count() == 0) return {};
  if (auto offsets = read_list(model, "data.grid_offset", columns)) grid.offsets = std::move(*offsets);
  // Models of earlier versions only have the range of all columns.
  const auto bound = [&](const char* key, const char* common, double otherwise) {
    auto values = read_list(model, key, columns);
    if (!values) values = read_list(model, common, columns);
    return values ? *values : std::vector<double>(columns, otherwise);
  };
  grid.lowest = bound("data.grid_lowest", "data.lowest", -1e38);
  grid.highest = bound("data.grid_highest", "data.highest", 1e38);
  return grid;
}

}  // namespace scorematch::cli
