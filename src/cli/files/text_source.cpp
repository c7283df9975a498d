#include "cli/files/text_source.h"

#include "cli/files/npy_header.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kChunk = 1 << 16;  // bytes; even

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

void append_code_point(unsigned code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      text += static_cast<char>(0xe0 | code >> 12);
    } else {
      text += static_cast<char>(0xf0 | code >> 18);
      text += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    }
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
  }
  text += static_cast<char>(0x80 | (code & 0x3f));
}

/// Bytes of the character that begins at `at`, 0 if none does: RFC 3629, section 4.
std::size_t utf8_length(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
      (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

}  // namespace

TextSource::TextSource(ByteSource& bytes) : bytes_(bytes) {
  const std::string start = bytes.peek(4);
  std::int64_t mark = 0;
  if (start == std::string("\xff\xfe\0\0", 4) || start == std::string("\0\0\xfe\xff", 4))
    refuse_file(bytes.name(), "found text in UTF-32, need UTF-8 or UTF-16");
  if (starts_with(start, "\xef\xbb\xbf")) mark = 3;
  if (starts_with(start, "\xff\xfe")) mark = 2, encoding_ = Encoding::utf16_little;
  if (starts_with(start, "\xfe\xff")) mark = 2, encoding_ = Encoding::utf16_big;
  char ignored[3];
  bytes.read(ignored, mark, "byte-order mark");
}

bool TextSource::append_to(std::string& text) {
  std::string part(static_cast<std::size_t>(kChunk), '\0');
  part.resize(static_cast<std::size_t>(bytes_.read_some(part.data(), kChunk)));
  if (encoding_ == Encoding::bytes)
    text += part;
  else
    append_utf16(part, text);
  return !part.empty();
}

void TextSource::append_utf16(const std::string& part, std::string& text) {
  if (part.size() % 2 != 0 || (part.empty() && high_surrogate_ != 0))
    refuse_file(bytes_.name(), "found the end of the file within a character of UTF-16, need whole characters");
  for (std::size_t i = 0; i < part.size(); i += 2) {
    const auto first = static_cast<unsigned char>(part[i]), second = static_cast<unsigned char>(part[i + 1]);
    const unsigned unit = encoding_ == Encoding::utf16_little ? first | second << 8u : second | first << 8u;
    const bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
    if (is_low != (high_surrogate_ != 0))
      refuse_file(bytes_.name(), "found half a character of UTF-16, need whole characters");
    if (is_low) append_code_point(0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00), text);
    if (!is_high && !is_low) append_code_point(unit, text);
    high_surrogate_ = is_high ? unit : 0;
  }
}

std::string to_utf8(const std::string& text) {
  bool is_utf8 = true;
  for (std::size_t at = 0; at < text.size() && is_utf8;) {
    const std::size_t length = utf8_length(text, at);
    is_utf8 = length > 0;
    at += length;
  }
  if (is_utf8) return text;
  std::string converted;
  for (const char each : text) append_code_point(static_cast<unsigned char>(each), converted);
  return converted;
}

}  // namespace scorematch::cli
