/// @file
/// The value of an option as text.
#pragma once
#include <string>
#include <type_traits>
#include <vector>

namespace scorematch::cli {

/// Bounds of positive options, well within float32's range.
constexpr double kSmallest = 1e-30, kLargest = 1e30;

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
