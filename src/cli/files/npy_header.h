/// @file
/// The header of a .npy file: a Python dictionary in text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scorematch::cli {

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;  // as written: may be empty, zero or negative
};

/// Text after the header's length. @throws Error io naming path, field, value found and value needed
NpyHeader parse_npy_header(const std::string& path, std::string_view text);

/// "(3, 4)"
std::string shape_text(const std::vector<std::int64_t>& shape);

/// Quoted, with unprintable bytes as \xNN and a long tail as "...", for messages.
std::string quoted(std::string_view bytes);

/// " in row 1, column 2 (from 0)"
std::string place_text(std::int64_t row, std::int64_t col);

/// Error io naming the place of a value that is not finite.
[[noreturn]] void refuse_value(const std::string& path, double value, std::int64_t row, std::int64_t col);
/// The same for a missing value, with what to do about it.
[[noreturn]] void refuse_missing(const std::string& path, std::int64_t row, std::int64_t col);

/// Error io: "<path>: <message>".
[[noreturn]] void refuse_file(const std::string& path, const std::string& message);

}  // namespace scorematch::cli
