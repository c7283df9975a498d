/// @file
/// Separated text taken apart into records of fields (RFC 4180), and put together.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace scorematch::cli {

struct CsvField {
  std::string text;  // without quotes, and without the blanks around it
  bool is_quoted = false;
};

struct CsvRecord {
  std::int64_t line = 0;  // on which it begins, from 1
  std::vector<CsvField> fields;
};

class CsvParser {
 public:
  /// Appends more of the text; false at the end.
  using More = std::function<bool(std::string&)>;

  /// @param name of the file, for messages @param separator ' ' stands for any number of blanks and tabs
  CsvParser(std::string name, char separator, More more);

  /// The next record, or false at the end. Left out are empty lines and those that begin with #. Lines end in LF, CRLF
  /// or CR; a field in quotes may hold separators, line ends, and quotes that are doubled.
  /// @throws Error io naming the line of a quote that is not closed, or of text after one that is
  bool next(CsvRecord& record);

 private:
  bool has(std::size_t count);  // characters that are there to read
  char here() { return text_[at_]; }
  bool ends_line() { return !has(1) || here() == '\n' || here() == '\r'; }
  bool is_blank(char c) const { return (c == ' ' || c == '\t') && (c != separator_ || separator_ == ' '); }
  void skip_blanks();
  void pass_line_end();
  bool passes_comment();
  void read_line(CsvRecord& record);
  void read_quoted(CsvField& field, std::size_t number);
  void read_plain(CsvField& field);

  std::string name_;
  char separator_;
  More more_;
  std::string text_;
  std::size_t at_ = 0;     // of the text, not yet read
  std::int64_t line_ = 1;  // that `at_` is on
  bool is_over_ = false;
};

/// The separator of the first records of a text: semicolon, tab, comma or ' ', the first of these that gives all of
/// them the same number of fields, and more than one.
/// @param is_whole whether the text ends there
char csv_separator(const std::string& name, const std::string& start, bool is_whole);

/// The fields with commas between them, those in quotes that need it; no line end.
std::string csv_line(const std::vector<std::string>& fields);
/// The way back. @throws Error io
std::vector<std::string> csv_fields(const std::string& name, const std::string& line);

}  // namespace scorematch::cli
