#include "cli/files/csv_number.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace scorematch::cli {
namespace {

constexpr std::string_view kMissing[] = {"",        "na",       "n/a", "#n/a", "#na",  "#n/a n/a", "nan",    "-nan",
                                         "+nan",    "null",     "nil", "none", "<na>", "missing",  "1.#ind", "-1.#ind",
                                         "1.#qnan", "-1.#qnan", "?",   "-",    "--",   "."};

bool is_missing(const std::string& text) {
  if (text.size() > 10) return false;
  std::string lower = text;
  for (char& each : lower)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return std::find(std::begin(kMissing), std::end(kMissing), lower) != std::end(kMissing);
}

bool is_infinity(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  std::string lower(text.substr(0, 9));
  for (char& each : lower)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return lower == "inf" || (lower == "infinity" && text.size() == 8);
}

}  // namespace

CsvValue csv_value(const std::string& text, bool takes_comma) {
  CsvValue result;
  std::string number = text;
  const std::size_t comma = takes_comma ? number.find(',') : std::string::npos;
  if (comma != std::string::npos) {
    if (number.find_first_of(",.", comma + 1) != std::string::npos || number.find('.') < comma) return result;
    number[comma] = '.';
    result.has_comma = true;
  }
  const char* first = number.data();
  const char* const end = first + number.size();
  if (first != end && *first == '+') ++first;
  // from_chars would also accept inf and nan, which are not numbers here.
  const char* const digits = first != end && *first == '-' && first == number.data() ? first + 1 : first;
  const bool begins_well = digits != end && ((*digits >= '0' && *digits <= '9') || *digits == '.');
  const auto [read_to, error] = std::from_chars(first, end, result.value);
  if (begins_well && read_to == end && (error == std::errc() || error == std::errc::result_out_of_range)) {
    // Values that are too small are out of range too. strtod distinguishes them, in the C locale that the command runs
    // in.
    if (error == std::errc::result_out_of_range) result.value = std::strtod(first, nullptr);
    result.kind = CsvValue::Kind::number;
    result.has_point = comma == std::string::npos && number.find('.') != std::string::npos;
    return result;
  }
  result.has_comma = false;
  if (is_infinity(text)) {
    result.kind = CsvValue::Kind::number;
    result.value = std::numeric_limits<double>::infinity();
  } else if (is_missing(text)) {
    result.kind = CsvValue::Kind::missing;
    result.value = std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

}  // namespace scorematch::cli
