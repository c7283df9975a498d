#include "cli/files/csv_text.h"

#include <algorithm>

#include "cli/files/npy_header.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::size_t kRecordsToJudgeBy = 20;

/// The numbers of fields of the first records, as far as they can be read with this separator.
struct Widths {
  std::vector<std::size_t> all, without_empty_ends;  // a trailing separator leaves an empty field at the end
};

Widths widths(const std::string& name, const std::string& start, bool is_whole, char separator) {
  bool is_read = false;
  CsvParser parser(name, separator, [&](std::string& text) {
    if (is_read) return false;
    text = start;
    return is_read = true;
  });
  Widths widths;
  try {
    for (CsvRecord record; widths.all.size() < kRecordsToJudgeBy && parser.next(record);) {
      const std::size_t count = record.fields.size();
      const bool ends_empty = count > 1 && record.fields.back().text.empty() && !record.fields.back().is_quoted;
      widths.all.push_back(count);
      widths.without_empty_ends.push_back(ends_empty ? count - 1 : count);
    }
  } catch (const Error&) {
    return {};
  }
  if (!is_whole && widths.all.size() > 1 && widths.all.size() < kRecordsToJudgeBy) {  // the last one is cut off
    widths.all.pop_back();
    widths.without_empty_ends.pop_back();
  }
  return widths;
}

}  // namespace

CsvParser::CsvParser(std::string name, char separator, More more)
    : name_(std::move(name)), separator_(separator), more_(std::move(more)) {}

bool CsvParser::has(std::size_t count) {
  while (text_.size() - at_ < count && !is_over_) {
    text_.erase(0, at_);
    at_ = 0;
    is_over_ = !more_(text_);
  }
  return text_.size() - at_ >= count;
}

void CsvParser::skip_blanks() {
  while (has(1) && is_blank(here())) ++at_;
}

void CsvParser::pass_line_end() {
  if (!has(1)) return;
  at_ += here() == '\r' && has(2) && text_[at_ + 1] == '\n' ? 2 : 1;
  ++line_;
}

/// A line that begins with #, unless that is #N/A in the first field.
bool CsvParser::passes_comment() {
  if (!has(1) || here() != '#' ||
      (has(3) && text_.compare(at_, 2, "#N") == 0 && (text_[at_ + 2] == '/' || text_[at_ + 2] == 'A')))
    return false;
  while (!ends_line()) ++at_;
  pass_line_end();
  return true;
}

bool CsvParser::next(CsvRecord& record) {
  while (true) {
    skip_blanks();
    if (!has(1)) return false;
    if (passes_comment()) continue;
    if (ends_line()) {
      pass_line_end();
      continue;
    }
    read_line(record);
    pass_line_end();
    return true;
  }
}

void CsvParser::read_line(CsvRecord& record) {
  record.line = line_;
  for (std::size_t count = 1;; ++count) {
    if (record.fields.size() < count) record.fields.emplace_back();
    CsvField& field = record.fields[count - 1];
    field.text.clear();
    field.is_quoted = has(1) && here() == '"';
    if (field.is_quoted)
      read_quoted(field, count);
    else
      read_plain(field);
    skip_blanks();  // where blanks separate, these are blanks
    const bool is_last = ends_line();
    if (!is_last && separator_ != ' ') {
      ++at_;
      skip_blanks();
    }
    if (is_last) {
      record.fields.resize(count);
      return;
    }
  }
}

void CsvParser::read_quoted(CsvField& field, std::size_t number) {
  const std::int64_t opened = line_;
  ++at_;
  while (true) {
    if (!has(1))
      refuse_file(name_, "line " + std::to_string(opened) + ", field " + std::to_string(number) +
                             ": found a quote that is not closed, need a closing one");
    if (here() == '"') {
      ++at_;
      if (!has(1) || here() != '"') break;
    }
    line_ += here() == '\n' || (here() == '\r' && !(has(2) && text_[at_ + 1] == '\n'));
    field.text += here();
    ++at_;
  }
  const bool separates = ends_line() || here() == separator_ || is_blank(here());
  const bool ends_field = [&] {
    if (separator_ == ' ' || !separates) return separates;
    skip_blanks();
    return ends_line() || here() == separator_;
  }();
  if (!ends_field)
    refuse_file(name_, "line " + std::to_string(line_) + ", field " + std::to_string(number) + ": found '" +
                           std::string(1, here()) + "' after a closing quote, need a separator or the line's end");
  const std::size_t first = field.text.find_first_not_of(" \t");
  field.text = first == std::string::npos ? std::string()
                                          : field.text.substr(first, field.text.find_last_not_of(" \t") - first + 1);
}

void CsvParser::read_plain(CsvField& field) {
  while (!ends_line() && here() != separator_ && !(separator_ == ' ' && here() == '\t')) field.text += text_[at_++];
  const std::size_t last = field.text.find_last_not_of(" \t");
  field.text.resize(last == std::string::npos ? 0 : last + 1);
}

char csv_separator(const std::string& name, const std::string& start, bool is_whole) {
  constexpr char kCandidates[] = {';', '\t', ',', ' '};
  for (const char each : kCandidates) {
    const std::vector<std::size_t> all = widths(name, start, is_whole, each).without_empty_ends;
    if (!all.empty() && all[0] > 1 && std::equal(all.begin() + 1, all.end(), all.begin())) return each;
  }
  // A ragged text, or one column with trailing separators: the separator of at least half of the records.
  for (const char each : kCandidates) {
    const std::vector<std::size_t> all = widths(name, start, is_whole, each).all;
    const auto separated = std::count_if(all.begin(), all.end(), [](std::size_t count) { return count > 1; });
    if (separated > 0 && 2 * separated >= static_cast<std::ptrdiff_t>(all.size())) return each;
  }
  return ',';  // one column
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& each : fields) {
    if (&each != &fields[0]) line += ',';
    const bool is_plain = !each.empty() && each.find_first_of(",;\t\"\r\n#") == std::string::npos &&
                          each.front() != ' ' && each.back() != ' ';
    if (is_plain) {
      line += each;
      continue;
    }
    line += '"';
    for (const char c : each) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line;
}

std::vector<std::string> csv_fields(const std::string& name, const std::string& line) {
  bool is_read = false;
  CsvParser parser(name, ',', [&](std::string& text) {
    if (is_read) return false;
    text += line;
    return is_read = true;
  });
  CsvRecord record;
  std::vector<std::string> fields;
  if (parser.next(record))
    for (const CsvField& each : record.fields) fields.push_back(each.text);
  return fields;
}

}  // namespace scorematch::cli
