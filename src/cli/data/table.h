/// @file
/// Data as in their file: in double, with what the file says about them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/data/matrix.h"

namespace scorematch::cli {

/// The type of a file's elements; text: numbers written as text, as in a .csv file.
enum class Element {
  float16,
  float32,
  float64,
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  text
};

/// "float32", "uint8", "bool", "text"
const char* element_name(Element element);
/// The element of this name; `otherwise` if there is none.
Element element_named(const std::string& name, Element otherwise);
bool is_whole_number(Element element);
/// Whether float32 cannot hold every value of the element: samples of such data are written as float64.
bool needs_float64(Element element);

/// What to do about missing values: --missing.
enum class Missing { refuse, drop };

struct Table {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<double> values;                // [rows, cols], row-major; NaN: the value is missing
  Element element = Element::float32;        // of the file
  std::vector<std::string> columns = {};     // names from a header, UTF-8; or empty
  std::vector<std::int64_t> row_shape = {};  // extents of one row, {8, 8} for an [N, 8, 8] array; empty: {cols}
  std::int64_t dropped_rows = 0;             // rows that were left out because a value was missing
};

/// For messages: "'age', 3 (from 0)", or "3 (from 0)" if columns have no names.
std::string column_name(const Table& data, std::size_t column);
/// The same without an index if there is a name: "'age'" or "3".
std::string short_column_name(const Table& data, std::size_t column);

/// The values rounded to float.
Matrix rounded(const Table& table);
/// The same values; element float32.
Table widened(const Matrix& matrix);

}  // namespace scorematch::cli
