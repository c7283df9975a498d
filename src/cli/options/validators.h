/// @file
/// What CLI11 checks of an option's text. Only option_table.cpp includes this, because CLI11 takes long to compile.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <string>
#include <type_traits>

namespace scorematch::cli {

/// For a numeric option's transform(): only decimal numbers, no NaN. CLI11's own validation accepts NaN, wraps negative
/// numbers of unsigned types and reads 010 as 8.
/// @param reason for the bounds, for the message
template <class T>
CLI::Validator in_range(T low, T high, const std::string& reason = "") {
  std::ostringstream range;
  range.precision(15);
  range << low << " to " << high;
  const std::string kind = std::is_integral_v<T> ? "whole number" : "number";
  const std::string why = reason.empty() ? "" : " (" + reason + ")";
  const auto read = [=, expected = "expected a " + kind + " from " + range.str() + why](std::string& text) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [read_to, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || read_to != end || !(value >= low && value <= high))
      return expected + ", got '" + text + "'";
    if constexpr (std::is_integral_v<T>) text = std::to_string(value);
    return std::string();
  };
  return CLI::Validator(read, "in [" + range.str() + "]");
}

/// For a text option.
inline CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? std::string("expected a text, got ''") : std::string(); }, "");
}

}  // namespace scorematch::cli
