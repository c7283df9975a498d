#include "ptx/parse/lexer.h"

#include <cctype>
#include <cstdlib>
#include <stdexcept>

namespace ptx {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool continues_word(char c) { return is_alphanumeric(c) || c == '_' || c == '$' || c == '%' || c == '.'; }

}  // namespace

bool starts_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' || c == '.';
}

void syntax_error(u32 line, const std::string& what) {
  throw std::runtime_error("PTX line " + std::to_string(line) + ": " + what);
}

u64 parse_integer(std::string text) {
  const bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  const bool hexadecimal = text.compare(0, 2, "0x") == 0;
  while (!hexadecimal && !text.empty() && (text.back() == 'U' || text.back() == 'u')) text.pop_back();
  const u64 value = std::strtoull(text.c_str(), nullptr, 0);
  return negative ? 0 - value : value;
}

Lexer::Lexer(const std::string& text, std::size_t begin, std::size_t end, u32 first_line)
    : text_(text), position_(begin), end_(end), line_(first_line) {
  next();
}

void Lexer::skip_space() {
  const auto at = [this](std::size_t i) { return i < end_ ? text_[i] : '\0'; };
  while (position_ < end_) {
    if (at(position_) == '\n') {
      ++line_;
      ++position_;
    } else if (is_space(at(position_))) {
      ++position_;
    } else if (at(position_) == '/' && at(position_ + 1) == '/') {
      while (position_ < end_ && text_[position_] != '\n') ++position_;
    } else if (at(position_) == '/' && at(position_ + 1) == '*') {
      position_ += 2;
      while (position_ + 1 < end_ && !(at(position_) == '*' && at(position_ + 1) == '/'))
        line_ += text_[position_++] == '\n';
      position_ += 2;
    } else {
      return;
    }
  }
}

const Token& Lexer::next() {
  skip_space();
  current_ = Token();
  current_.begin = position_;
  if (position_ >= end_) return current_;
  const std::size_t begin = position_;
  const char first = text_[begin], second = begin + 1 < end_ ? text_[begin + 1] : '\0';
  if (starts_word(first) && !(first == '.' && is_digit(second))) {
    // Opcodes may contain "::", as in cp.async.bulk.shared::cluster.
    const auto colons = [this, begin] {
      return position_ > begin && text_[position_] == ':' && position_ + 1 < end_ && text_[position_ + 1] == ':';
    };
    while (position_ < end_ && (continues_word(text_[position_]) || colons()))
      position_ += text_[position_] == ':' ? 2 : 1;
    current_.kind = Token::word;
  } else if (is_digit(first) || (first == '-' && is_digit(second))) {
    ++position_;
    while (position_ < end_ && (is_alphanumeric(text_[position_]) || text_[position_] == '.')) ++position_;
    current_.kind = Token::number;
  } else if (first == '"') {
    ++position_;
    while (position_ < end_ && text_[position_] != '"') ++position_;
    ++position_;
    current_.kind = Token::string;
  } else {
    ++position_;
    current_.kind = Token::punctuation;
  }
  current_.text.assign(text_, begin, position_ - begin);
  return current_;
}

bool Lexer::followed_by_colon() const {
  std::size_t i = position_;
  while (i < end_ && is_space(text_[i])) ++i;
  return i < end_ && text_[i] == ':';
}

bool Lexer::take(const char* text) {
  if (!is(text)) return false;
  next();
  return true;
}

void Lexer::expect(const char* text) {
  if (!take(text)) syntax_error(line_, "expected '" + std::string(text) + "', got '" + current_.text + "'");
}

std::string Lexer::word() {
  std::string text = current_.text;
  next();
  return text;
}

u64 Lexer::integer() { return parse_integer(word()); }

void Lexer::skip_line() {
  position_ = current_.begin;
  while (position_ < end_ && text_[position_] != '\n') ++position_;
  next();
}

void Lexer::skip_past(const char* text) {
  while (!take(text)) {
    if (at_end()) syntax_error(line_, "expected '" + std::string(text) + "', got the end");
    next();
  }
}

void Lexer::jump(std::size_t position, u32 line) {
  position_ = position;
  line_ = line;
  next();
}

}  // namespace ptx
