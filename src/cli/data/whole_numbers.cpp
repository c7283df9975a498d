#include "cli/data/whole_numbers.h"

#include <algorithm>
#include <cmath>

#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::size_t kNamed = 5;  // columns, at most

/// A column of whole numbers: how many different ones it has, and the smallest and largest.
struct WholeColumn {
  std::size_t index = 0, different = 0;
  double lowest = 0, highest = 0;
};

/// @param column of whole_number_columns(), so that its values span at most kGridSpan
WholeColumn count_values(const Table& data, std::size_t column) {
  const auto cols = static_cast<std::size_t>(data.cols);
  WholeColumn result{column, 0, data.values[column], data.values[column]};
  for (std::size_t i = column; i < data.values.size(); i += cols) {
    result.lowest = std::min(result.lowest, data.values[i]);
    result.highest = std::max(result.highest, data.values[i]);
  }
  std::vector<bool> is_present(static_cast<std::size_t>(result.highest - result.lowest) + 1);
  for (std::size_t i = column; i < data.values.size(); i += cols) {
    const auto at = static_cast<std::size_t>(data.values[i] - result.lowest);
    result.different += is_present[at] ? 0 : 1;
    is_present[at] = true;
  }
  return result;
}

std::string values_text(const WholeColumn& column) {
  if (column.different == 2) return number_text(column.lowest) + " and " + number_text(column.highest);
  return std::to_string(column.different) + " different";
}

/// "'a', 'b', 'c', 'd', 'e' and 3 more"
std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

std::string proposal(const Table& data) {
  std::vector<WholeColumn> columns;
  const std::vector<bool> are_whole = whole_number_columns(data);
  for (std::size_t j = 0; j < are_whole.size(); ++j) {
    if (!are_whole[j]) continue;
    const WholeColumn column = count_values(data, j);
    if (column.different > 1) columns.push_back(column);
  }
  if (columns.empty()) return {};
  std::string text;
  if (columns.size() > kNamed && std::count(are_whole.begin(), are_whole.end(), false) == 0) {
    const auto [least, most] =
        std::minmax_element(columns.begin(), columns.end(),
                            [](const WholeColumn& a, const WholeColumn& b) { return a.different < b.different; });
    text = "all columns are whole numbers (" + std::to_string(least->different) +
           (least->different == most->different ? "" : " to " + std::to_string(most->different)) + " different)";
  } else {
    std::vector<std::string> names;
    for (const WholeColumn& each : columns)
      names.push_back(short_column_name(data, each.index) + " (" + values_text(each) + ")");
    text = (columns.size() == 1 ? "column of whole numbers: " : "columns of whole numbers: ") + joined(names);
  }
  return text + "; " + (columns.size() == 1 ? "its" : "their") +
         " density has no bound: --dequantize makes likelihoods probabilities, and samples whole numbers";
}

}  // namespace

void note_whole_numbers(const Table& data, const Grid& grid, std::vector<std::string>& notes) {
  if (grid.empty()) {
    if (std::string text = proposal(data); !text.empty()) notes.push_back(std::move(text));
    return;
  }
  std::vector<std::string> dequantized, others;
  for (std::size_t j = 0; j < grid.steps.size(); ++j)
    (grid.steps[j] > 0 ? dequantized : others).push_back(short_column_name(data, j));
  std::string text = "dequantized by uniform noise of one step: " +
                     (others.empty() ? "all columns" : joined(dequantized) + "; continuous: " + joined(others));
  notes.push_back(std::move(text));
}

}  // namespace scorematch::cli
