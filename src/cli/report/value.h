/// @file
/// A value of a report, with its type: what a member of a JSON object can be.
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace scorematch::cli {

struct Value;
struct Member;
using Values = std::vector<Value>;    // a list
using Members = std::vector<Member>;  // an object, in this order

struct Value {
  /// Nothing is null. So is a number that is not finite: JSON has none.
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Values, Members> data;

  Value() = default;
  Value(bool value) : data(value) {}
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  Value(T value) : data(static_cast<std::int64_t>(value)) {}
  Value(double value) : data(value) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(Values value) : data(std::move(value)) {}
  Value(Members value) : data(std::move(value)) {}
};

struct Member {
  std::string key;
  Value value;
};

/// A list of what a vector holds.
template <class T>
Values list_of(const std::vector<T>& items) {
  return Values(items.begin(), items.end());
}

}  // namespace scorematch::cli
