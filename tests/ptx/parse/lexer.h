// Tokens of PTX.
#pragma once
#include <string>

#include "ptx/types.h"

namespace ptx {

struct Token {
  enum Kind { end, word, number, punctuation, string } kind = end;
  std::string text;
  std::size_t begin = 0;  // in the text
};

/// Reads tokens from a section of a text, one token ahead.
class Lexer {
 public:
  Lexer(const std::string& text, std::size_t begin, std::size_t end, u32 first_line);

  const Token& current() const { return current_; }
  u32 line() const { return line_; }
  const std::string& text() const { return text_; }
  bool at_end() const { return current_.kind == Token::end; }
  /// Whether the current token is `text`.
  bool is(const char* text) const { return current_.kind != Token::string && current_.text == text; }
  bool followed_by_colon() const;

  const Token& next();
  /// Skips the current token if it is `text`.
  bool take(const char* text);
  /// Throws unless the current token is `text`; skips it.
  void expect(const char* text);
  /// Returns the text of the current token and skips it.
  std::string word();
  u64 integer();
  void skip_line();
  void skip_past(const char* text);
  /// Continues at another position of the text.
  void jump(std::size_t position, u32 line);

 private:
  void skip_space();

  const std::string& text_;
  std::size_t position_, end_;
  u32 line_;
  Token current_;
};

bool starts_word(char c);
/// The value of an integer literal; negative ones in two's complement.
u64 parse_integer(std::string text);
/// "PTX line N: what", as an exception.
[[noreturn]] void syntax_error(u32 line, const std::string& what);

}  // namespace ptx
