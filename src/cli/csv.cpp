#include <charconv>
#include <cmath>
#include <new>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/data_file.h"
#include "cli/gzip_input.h"
#include "cli/npy_header.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

char separator_of(std::string_view row) {
  for (const char each : {',', ';', '\t'})
    if (row.find(each) != std::string_view::npos) return each;
  return ' ';
}

/// A blank stands for any number of them.
std::vector<std::string_view> fields_of(std::string_view row, char separator) {
  std::vector<std::string_view> fields;
  while (true) {
    if (separator == ' ') row = trimmed(row);
    const std::size_t end = separator == ' ' ? row.find_first_of(kBlanks) : row.find(separator);
    fields.push_back(trimmed(row.substr(0, end)));
    if (end == std::string_view::npos) return fields;
    row = row.substr(end + 1);
  }
}

std::optional<double> number_of(std::string_view field) {
  if (!field.empty() && field[0] == '+') field.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (end != field.data() + field.size() || field.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  return error == std::errc() ? std::optional<double>(value) : std::nullopt;
}

}  // namespace

Table read_csv(const std::string& path) {
  GzipInput file(path);
  Table table;
  table.element = Element::text;
  char separator = 0;
  std::string line;
  for (std::int64_t number = 1; file.read_line(line); ++number) {
    const std::string_view row = trimmed(line);
    if (row.empty() || row[0] == '#') continue;
    const bool is_first = separator == 0;
    if (is_first) separator = separator_of(row);
    const std::vector<std::string_view> fields = fields_of(row, separator);
    const auto width = static_cast<std::int64_t>(fields.size());
    if (table.cols == 0) table.cols = width;
    const auto place = [&] { return "line " + std::to_string(number); };
    if (width != table.cols)
      refuse_file(path, place() + ": found " + std::to_string(width) + " fields, need " + std::to_string(table.cols) +
                            " as in the first row");
    const std::size_t before = table.values.size();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::optional<double> value = number_of(fields[i]);
      if (!value && is_first) {  // the columns' names
        table.values.resize(before);
        break;
      }
      if (!value || !std::isfinite(*value))
        refuse_file(path, place() + ", field " + std::to_string(i + 1) + ": found " + quoted(fields[i]) +
                              ", need a finite number");
      try {
        table.values.push_back(*value);
      } catch (const std::bad_alloc&) {
        throw Error(ErrorCode::out_of_memory, path, path + ": no memory for what is after " + place());
      }
    }
    if (table.values.size() > before) ++table.rows;
  }
  if (table.rows == 0) refuse_file(path, "found no row of numbers, need at least one");
  return table;
}

}  // namespace scorematch::cli
