/// @file
/// What one field of separated text is: a number, a missing value, or other text.
#pragma once
#include <string>

namespace scorematch::cli {

struct CsvValue {
  enum class Kind { number, missing, text };
  Kind kind = Kind::text;
  double value = 0;  // infinite if it is written so or float64 cannot hold it; NaN if it is missing
  bool has_comma = false, has_point = false;  // as the decimal mark
};

/// Decimal or scientific. A number too small for float64 is 0. Missing are the empty text, NA, NaN, null, none, ?, -
/// and . in any case, and everything else that pandas writes or reads as missing.
/// @param takes_comma whether a comma may be the decimal mark
CsvValue csv_value(const std::string& text, bool takes_comma);

}  // namespace scorematch::cli
