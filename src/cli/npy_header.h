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

/// In quotes, with unprintable bytes as \xNN and a long tail as "...": fit for a message.
std::string quoted(std::string_view bytes);

/// @throws Error io naming value and place unless it is finite
void check_value(const std::string& path, double value, std::int64_t row, std::int64_t col);

/// Error io: "<path>: <message>".
[[noreturn]] void refuse_file(const std::string& path, const std::string& message);

}  // namespace scorematch::cli
