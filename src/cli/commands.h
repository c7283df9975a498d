// The subcommands of `scorematch`, one file each, and the options that several have.
#pragma once
#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <string>
#include <type_traits>

#include "scorematch/engine.h"
#include "scorematch/mlp.h"

namespace scorematch::cli {

/// --engine and --threads.
struct EngineOptions {
  std::string name = "auto";
  int threads = 0;

  void add_to(CLI::App& command);
  /// auto: cuda if it works, else cpu; its description says what was passed over.
  Engine make() const;
};

/// For a numeric option's transform(): decimal and nothing else, no NaN. Validation by CLI11 itself lets NaN pass,
/// wraps negative numbers of unsigned types and reads 010 as 8.
template <class T>
CLI::Validator in_range(T low, T high) {
  std::ostringstream range;
  range << low << " to " << high;
  const std::string kind = std::is_integral_v<T> ? "whole number" : "number";
  const auto read = [=, expected = "expected a " + kind + " from " + range.str()](std::string& text) {
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

/// For an option that is a text.
CLI::Validator not_empty();

/// An option that does not go with the others: the same exit code as one that cannot be read.
[[noreturn]] void refuse_option(const std::string& option, const std::string& expected, const std::string& got);

/// "2 -> 64 64 -> 2, 4482 parameters"
std::string format_network(const MlpShape& net);

void add_info(CLI::App& app);
void add_train(CLI::App& app);
void add_sample(CLI::App& app);
void add_eval(CLI::App& app);
void add_compare(CLI::App& app);
void add_export(CLI::App& app);
void add_import(CLI::App& app);
void add_likelihood(CLI::App& app);

}  // namespace scorematch::cli
