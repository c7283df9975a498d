/// @file
/// How the value of an option is read, and written as text.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace scorematch::cli {

/// Bounds of positive options, well within float32's range.
constexpr double kSmallest = 1e-30, kLargest = 1e30;

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
CLI::Validator not_empty();

std::string value_text(const std::string& value);
std::string value_text(bool value);
std::string value_text(double value);
template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
std::string value_text(T value) {
  return std::to_string(value);
}
/// Separated by commas.
std::string value_text(const std::vector<int>& values);
std::string value_text(const std::vector<std::string>& values);

}  // namespace scorematch::cli
