#include "cli/files/data_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "cli/files/csv.h"
#include "cli/files/csv_text.h"
#include "cli/files/gzip_input.h"
#include "cli/files/idx.h"
#include "cli/files/npy.h"
#include "cli/files/npy_header.h"
#include "cli/files/npz.h"
#include "cli/options/commands.h"
#include "formats/atomic_file.h"
#include "formats/file_kind.h"

namespace scorematch::cli {
namespace {

constexpr const char* kReadable = "need data: .npy, .npz, .csv, IDX, or one of these except .npz compressed with gzip";

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

bool ends_with(const std::string& path, const std::string& ending) {
  if (path.size() < ending.size()) return false;
  std::string end = path.substr(path.size() - ending.size());
  for (char& each : end)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return end == ending;
}

/// Control characters that no text has, unless its mark says UTF-16.
bool is_binary(std::string_view start) {
  if (starts_with(start, "\xff\xfe") || starts_with(start, "\xfe\xff")) return false;
  return std::any_of(start.begin(), start.end(), [](char each) {
    return static_cast<unsigned char>(each) < 0x20 &&
           std::string_view("\t\n\v\f\r\x1a\x1b").find(each) == std::string_view::npos;
  });
}

/// Refuses a file that is not data, by its first bytes; returns if it may be text.
void refuse_other_kinds(const GzipInput& file, std::string_view start) {
  const std::string inside = file.is_compressed() ? " compressed with gzip" : "";
  if (start.empty()) refuse_file(file.name(), "found an empty file" + inside + ", " + kReadable);
  const std::string kind = file_kind(start);
  if (!kind.empty()) refuse_file(file.name(), "found " + kind + inside + ", " + kReadable);
  if (is_binary(start)) refuse_file(file.name(), "found binary data of an unknown kind" + inside + ", " + kReadable);
}

Table read_rows(const std::string& path, const std::string& array, Missing missing) {
  GzipInput file(path);
  const std::string start = file.peek(kFileKindBytes);
  const bool is_zip = starts_with(start, "PK\x03\x04") || starts_with(start, "PK\x05\x06");
  if (is_zip && !file.is_compressed()) return read_npz(path, array, missing);
  if (!array.empty())
    refuse_file(path, "found no .npz archive, need one to take the array " + cli::quoted(array) + " from");
  if (starts_with(start, "\x93NUMPY")) return read_npy(file, missing);
  if (starts_with(start, std::string_view("\0\0", 2))) return read_idx(file, missing);
  refuse_other_kinds(file, start);
  return read_csv(file, missing);
}

/// Rows with NaN are left out, in place.
void drop_rows(const std::string& path, Table& table) {
  const auto cols = static_cast<std::size_t>(table.cols);
  std::size_t kept = 0;
  for (std::int64_t i = 0; i < table.rows; ++i) {
    const auto row = table.values.begin() + i * table.cols;
    if (std::any_of(row, row + table.cols, [](double each) { return std::isnan(each); })) continue;
    std::copy(row, row + table.cols, table.values.begin() + static_cast<std::ptrdiff_t>(kept * cols));
    ++kept;
  }
  if (kept == 0)
    refuse_file(path, "found a missing value in every one of its " + std::to_string(table.rows) +
                          " rows, need a row without one; leave out the columns that are empty");
  table.dropped_rows = table.rows - static_cast<std::int64_t>(kept);
  table.rows = static_cast<std::int64_t>(kept);
  table.values.resize(kept * cols);
}

std::string number_text(double value, bool is_wide) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[32];
  // Whole numbers without exponents: "100000" rather than "1e+05".
  if (value == std::trunc(value) && std::abs(value) < 1e15 && !(value == 0 && std::signbit(value)))
    return std::string(text, std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value)).ptr);
  const auto end = is_wide ? std::to_chars(text, text + sizeof text, value)
                           : std::to_chars(text, text + sizeof text, static_cast<float>(value));
  return std::string(text, end.ptr);
}

void write_csv(const std::string& path, const Table& table) {
  const bool is_wide = needs_float64(table.element);
  AtomicFile file(path);
  std::string text;
  if (!table.columns.empty()) text = csv_line(table.columns) + "\n";
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    const bool is_last = (i + 1) % static_cast<std::size_t>(table.cols) == 0;
    text += number_text(table.values[i], is_wide) + (is_last ? "\n" : ",");
    if (text.size() < (1 << 16) && i + 1 < table.values.size()) continue;
    file.write(text.data(), text.size());
    text.clear();
  }
  file.commit();
}

}  // namespace

std::pair<std::string, std::string> split_array(const std::string& path) {
  const std::size_t colon = path.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || colon == 0 || colon + 1 == path.size() || std::filesystem::exists(path, ignored) ||
      !std::filesystem::is_regular_file(path.substr(0, colon), ignored))
    return {path, ""};
  return {path.substr(0, colon), path.substr(colon + 1)};
}

Table read_data(const std::string& path, Missing missing) {
  const auto [file, array] = split_array(path);
  Table table = read_rows(file, array, missing);
  if (missing == Missing::drop) drop_rows(path, table);
  return table;
}

Phrase describe(const Table& table) {
  constexpr std::size_t kMost = 8;
  Phrase text = fact("data.rows", table.rows) + " x " + fact("data.columns", table.cols);
  const std::vector<std::string>& names = table.columns;
  if (!names.empty()) text += names.size() == 1 ? ", column " : ", columns ";
  for (const std::string& each : names) text += silent("data.names", each);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names.size() > kMost && i == kMost - 2) {
      text += ", ...";
      i = names.size() - 1;
    }
    const bool is_plain = !names[i].empty() && names[i].find(',') == std::string::npos;
    std::string name = is_plain ? names[i] : "'" + names[i] + "'";
    std::replace_if(
        name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    text += (i == 0 ? "" : ", ") + name;
  }
  if (table.dropped_rows == 0) return text + silent("data.dropped_rows", 0);
  return text + ", " + fact("data.dropped_rows", table.dropped_rows) + (table.dropped_rows == 1 ? " row" : " rows") +
         " with missing values dropped";
}

Missing missing_named(const std::string& name) { return name == "drop" ? Missing::drop : Missing::refuse; }

void check_data_name(const std::string& option, const std::string& path) {
  if (!ends_with(path, ".npy") && !ends_with(path, ".csv"))
    refuse_option(option, "a name that ends in .npy or .csv, which selects the format", "'" + path + "'");
}

void write_data(const std::string& path, const Table& table) {
  if (ends_with(path, ".csv"))
    write_csv(path, table);
  else
    write_npy_table(path, table);
}

}  // namespace scorematch::cli
