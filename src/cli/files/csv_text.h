/// @file
/// Separated text, parsed into records of fields (RFC 4180), and written.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace scorematch::cli {

struct CsvField {
  std::string text;  // without quotes, and without blanks around it
  bool is_quoted = false;
};

struct CsvRecord {
  std::int64_t line = 0;  // line of its beginning, from 1
  std::vector<CsvField> fields;
};

class CsvParser {
 public:
  /// Appends more of the text; false at the end.
  using More = std::function<bool(std::string&)>;

  /// @param name of the file, for messages @param separator ' ' stands for any number of blanks and tabs
  CsvParser(std::string name, char separator, More more);

  /// The next record, or false at the end. Empty lines and lines that begin with # are skipped. Lines end in LF, CRLF
  /// or CR. A quoted field may hold separators, line ends, and doubled quotes.
  /// @throws Error io naming the line of a quote that is not closed, or of text after a closing quote
  bool next(CsvRecord& record);

 private:
  bool has(std::size_t count);  // characters that can be read
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
  std::int64_t line_ = 1;  // of the character at `at_`
  bool is_over_ = false;
};

/// The separator of the first records of a text: the first of semicolon, tab, comma and ' ' that gives all of them the
/// same number of fields, and more than one.
/// @param is_whole whether the text ends there
char csv_separator(const std::string& name, const std::string& start, bool is_whole);

/// The fields joined by commas, quoted where necessary, without a line end.
std::string csv_line(const std::vector<std::string>& fields);
/// The reverse of csv_line().
/// @throws Error io
std::vector<std::string> csv_fields(const std::string& name, const std::string& line);

}  // namespace scorematch::cli
