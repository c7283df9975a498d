#include "cli/files/npy_header.h"

#include <charconv>
#include <system_error>

#include "formats/spec_text.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

class Parser {
 public:
  Parser(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect("header", '{', "a dictionary");
    while (!accept('}')) {
      const std::string key = parse_string("header", "a field's name in quotes");
      expect("header", ':', "':' after " + quoted(key));
      if (key == "descr") {
        claim(has_descr, key);
        if (peek() == '[')
          refuse("descr",
                 "a type of plain numbers, not a structured one; save "
                 "numpy.lib.recfunctions.structured_to_unstructured(array)");
        header.descr = parse_string("descr", "a type of plain numbers in quotes, as '<f4'");
      } else if (key == "fortran_order") {
        claim(has_order, key);
        header.fortran_order = parse_bool();
      } else if (key == "shape") {
        claim(has_shape, key);
        header.shape = parse_shape();
      } else {
        refuse_file(path_, "header: found the field " + quoted(key) + ", need only descr, fortran_order and shape");
      }
      if (!accept(',') && peek() != '}') refuse("header", "',' or '}'");
    }
    if (peek() != '\0' || position_ != text_.size()) refuse("header", "nothing after the '}'");
    require(has_descr, "descr");
    require(has_order, "fortran_order");
    require(has_shape, "shape");
    return header;
  }

 private:
  /// The next byte that is not white space; '\0' at the end.
  char peek() {
    while (position_ < text_.size() && std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }

  void expect(const char* field, char wanted, const std::string& description) {
    if (!accept(wanted)) refuse(field, description);
  }

  std::string parse_string(const char* field, const char* description) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse(field, description);
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) refuse(field, "a closing quote");
    const std::string value(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return value;
  }

  bool parse_bool() {
    peek();
    const bool value = text_.substr(position_, 4) == "True";
    if (!value && text_.substr(position_, 5) != "False") refuse("fortran_order", "True or False");
    position_ += value ? 4 : 5;
    return value;
  }

  std::vector<std::int64_t> parse_shape() {
    std::vector<std::int64_t> shape;
    expect("shape", '(', "a tuple of integers");
    while (!accept(')')) {
      peek();
      std::int64_t extent = 0;
      const char* first = text_.data() + position_;
      const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), extent);
      if (error == std::errc::result_out_of_range) refuse("shape", "extents of 64 bits");
      if (error != std::errc()) refuse("shape", "a tuple of integers");
      position_ += static_cast<std::size_t>(end - first);
      shape.push_back(extent);
      if (!accept(',') && peek() != ')') refuse("shape", "',' or ')'");
    }
    return shape;
  }

  void claim(bool& seen, const std::string& key) {
    if (seen) refuse_file(path_, "header: found " + quoted(key) + " twice, need it once");
    seen = true;
  }

  void require(bool seen, const char* key) {
    if (!seen) refuse_file(path_, "header: found no " + quoted(key) + " in " + quoted(text_) + ", need it");
  }

  [[noreturn]] void refuse(const char* field, const std::string& needed) {
    const std::string found = position_ < text_.size() ? quoted(text_.substr(position_)) : "the header's end";
    refuse_file(path_, std::string(field) + ": found " + found + ", need " + needed);
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(const std::string& path, std::string_view text) { return Parser(path, text).parse(); }

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string quoted(std::string_view bytes) {
  constexpr std::size_t kMaxShown = 60;
  constexpr char kHexDigits[] = "0123456789abcdef";
  std::string text = "'";
  for (const char c : bytes.substr(0, kMaxShown)) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kHexDigits[code >> 4], kHexDigits[code & 15]};
    }
  }
  return text + (bytes.size() > kMaxShown ? "...'" : "'");
}

void refuse_file(const std::string& path, const std::string& message) {
  throw Error(ErrorCode::io, path, path + ": " + message);
}

std::string place_text(std::int64_t row, std::int64_t col) {
  return " in row " + std::to_string(row) + ", column " + std::to_string(col) + " (from 0)";
}

void refuse_value(const std::string& path, double value, std::int64_t row, std::int64_t col) {
  refuse_file(path, "data: found " + number_text(value) + place_text(row, col) + ", need finite values");
}

void refuse_missing(const std::string& path, std::int64_t row, std::int64_t col) {
  refuse_file(path, "data: found nan" + place_text(row, col) +
                        ", need finite values; if it is a missing value, --missing drop leaves such rows out");
}

}  // namespace scorematch::cli
