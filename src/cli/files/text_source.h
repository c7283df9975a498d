/// @file
/// Text as UTF-8, from bytes with or without a byte-order mark.
#pragma once
#include <string>

#include "cli/files/byte_source.h"

namespace scorematch::cli {

/// UTF-16 is recognized by its byte-order mark. Everything else is passed on unchanged, without the mark of UTF-8.
class TextSource {
 public:
  /// @throws Error io for UTF-32, by name
  explicit TextSource(ByteSource& bytes);

  /// Appends the next part; false at the end, when nothing was appended. @throws Error io, also for half a character
  bool append_to(std::string& text);

 private:
  enum class Encoding { bytes, utf16_little, utf16_big };
  void append_utf16(const std::string& part, std::string& text);

  ByteSource& bytes_;
  Encoding encoding_ = Encoding::bytes;
  unsigned high_surrogate_ = 0;  // whose second half is still missing
};

/// The text itself if it is UTF-8, else its bytes taken as Latin-1: always valid UTF-8.
std::string to_utf8(const std::string& text);

}  // namespace scorematch::cli
