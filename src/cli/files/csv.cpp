#include "cli/files/csv.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "cli/files/csv_number.h"
#include "cli/files/csv_text.h"
#include "cli/files/npy_header.h"
#include "cli/files/text_source.h"
#include "cli/options/free_memory.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::size_t kStart = 1 << 16;  // bytes of text from which the separator is determined

using Kind = CsvValue::Kind;

bool ends_empty(const CsvRecord& record) {
  return record.fields.size() > 1 && record.fields.back().text.empty() && !record.fields.back().is_quoted;
}

std::string field_text(std::size_t index) { return "field " + std::to_string(index + 1); }

class Reader {
 public:
  Reader(const std::string& path, CsvParser& parser, char separator, Missing missing)
      : path_(path), parser_(parser), takes_comma_(separator == ';' || separator == '\t'), missing_(missing) {
    table_.element = Element::text;
  }

  Table read() {
    CsvRecord first, record;
    if (!parser_.next(first)) refuse_file(path_, "found no row of numbers, need at least one");
    const bool has_second = parser_.next(record);
    // Without a second row, an empty last field is a trailing separator too.
    const bool has_trailing = ends_empty(first) && (!has_second || ends_empty(record));
    table_.cols = static_cast<std::int64_t>(first.fields.size()) - (has_trailing ? 1 : 0);
    if (has_trailing) trailing_line_ = first.line;
    take_first(first, has_second ? &record : nullptr);
    for (bool has_row = has_second; has_row; has_row = parser_.next(record)) append(record);
    if (table_.rows == 0) refuse_file(path_, "found no row of numbers below the header, need at least one");
    return std::move(table_);
  }

 private:
  CsvValue value_of(const CsvField& field) const { return csv_value(field.text, takes_comma_); }

  /// A header if it has text and no number; data if it has no text.
  void take_first(const CsvRecord& record, const CsvRecord* second) {
    std::size_t text = record.fields.size(), number = record.fields.size();
    for (std::size_t j = record.fields.size(); j-- > 0;) {
      const Kind kind = value_of(record.fields[j]).kind;
      if (kind == Kind::text) text = j;
      if (kind == Kind::number) number = j;
    }
    if (text == record.fields.size()) return append(record);
    if (number == record.fields.size()) {
      for (std::int64_t j = 0; j < table_.cols; ++j)
        table_.columns.push_back(to_utf8(record.fields[static_cast<std::size_t>(j)].text));
      return;
    }
    const bool is_contradicted =
        second != nullptr && text < second->fields.size() && value_of(second->fields[text]).kind == Kind::number;
    if (!is_contradicted) refuse_text(record, text);
    refuse_file(path_, "line " + std::to_string(record.line) + ": found text (" + quoted(record.fields[text].text) +
                           " in " + field_text(text) + ") beside numbers (" + quoted(record.fields[number].text) +
                           " in " + field_text(number) + "), and a number in " + field_text(text) + " of line " +
                           std::to_string(second->line) +
                           "; need a header of names that are not numbers, or a row of numbers");
  }

  void append(const CsvRecord& record) {
    auto width = static_cast<std::int64_t>(record.fields.size());
    if (width == table_.cols + 1 && ends_empty(record)) --width;
    if (width != table_.cols)
      refuse_file(path_, "line " + std::to_string(record.line) + ": found " + std::to_string(width) + " fields, need " +
                             std::to_string(table_.cols) + " as in the first row" +
                             (trailing_line_ > 0 && width > table_.cols ? ", which ends in a separator" : ""));
    make_room();
    for (std::int64_t j = 0; j < width; ++j) table_.values.push_back(number_in(record, static_cast<std::size_t>(j)));
    ++table_.rows;
  }

  double number_in(const CsvRecord& record, std::size_t j) {
    const CsvField& field = record.fields[j];
    const CsvValue value = value_of(field);
    if (value.kind == Kind::text) refuse_text(record, j);
    if (value.kind == Kind::missing && missing_ == Missing::refuse)
      refuse_file(path_, place(record, j) + ": found " + quoted(field.text) +
                             ", a missing value, need a finite number; --missing drop leaves such rows out");
    if (std::isinf(value.value))
      refuse_file(path_,
                  place(record, j) + ": found " + quoted(field.text) + ", need a finite number that float64 holds");
    check_decimal_mark(record, j, value);
    return value.value;
  }

  /// With "1.5" elsewhere, "1,234" is more likely a thousand than 1.234.
  void check_decimal_mark(const CsvRecord& record, std::size_t j, const CsvValue& value) {
    if (value.has_comma && comma_.empty()) comma_ = quoted(record.fields[j].text) + " (" + place(record, j) + ")";
    if (value.has_point && point_.empty()) point_ = quoted(record.fields[j].text) + " (" + place(record, j) + ")";
    if (!comma_.empty() && !point_.empty())
      refuse_file(
          path_, "found a comma in " + comma_ + " and a point in " + point_ + ", need one decimal mark in all numbers");
  }

  std::string place(const CsvRecord& record, std::size_t j) const {
    return "line " + std::to_string(record.line) + ", " + field_text(j) +
           (j < table_.columns.size() ? " (column " + quoted(table_.columns[j]) + ")" : "");
  }

  [[noreturn]] void refuse_text(const CsvRecord& record, std::size_t j) const {
    refuse_file(path_, place(record, j) + ": found " + quoted(record.fields[j].text) +
                           ", need a finite number; leave columns of text out, or encode them as numbers");
  }

  /// For one more row. Asked before the system kills a process that has taken too much.
  void make_room() {
    const std::size_t needed = table_.values.size() + static_cast<std::size_t>(table_.cols);
    if (needed <= table_.values.capacity()) return;
    const std::size_t capacity = std::max(2 * table_.values.capacity(), needed);
    check_free_memory(path_, "the data after row " + std::to_string(table_.rows),
                      static_cast<std::int64_t>(capacity * 8));
    try {
      table_.values.reserve(capacity);
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::out_of_memory, path_,
                  path_ + ": no memory for more than " + std::to_string(table_.rows) + " rows");
    }
  }

  const std::string& path_;
  CsvParser& parser_;
  bool takes_comma_;
  Missing missing_;
  Table table_;
  std::int64_t trailing_line_ = 0;  // of the first row, if it ends in a separator
  std::string comma_, point_;       // the first number with each decimal mark, and its place
};

}  // namespace

Table read_csv(ByteSource& file, Missing missing) {
  TextSource text(file);
  std::string start;
  bool is_whole = false;
  while (start.size() < kStart && !is_whole) is_whole = !text.append_to(start);
  const char separator = csv_separator(file.name(), start, is_whole);
  CsvParser parser(file.name(), separator, [&](std::string& part) {
    if (!start.empty()) {
      part += start;
      start.clear();
      return true;
    }
    return text.append_to(part);
  });
  return Reader(file.name(), parser, separator, missing).read();
}

}  // namespace scorematch::cli
