#include "cli/data/table.h"

namespace scorematch::cli {
namespace {

struct Property {
  Element element;
  const char* name;
  bool is_whole_number, needs_float64;
};

constexpr Property kProperties[] = {
    {Element::float16, "float16", false, false}, {Element::float32, "float32", false, false},
    {Element::float64, "float64", false, true},  {Element::boolean, "bool", true, false},
    {Element::int8, "int8", true, false},        {Element::int16, "int16", true, false},
    {Element::int32, "int32", true, true},       {Element::int64, "int64", true, true},
    {Element::uint8, "uint8", true, false},      {Element::uint16, "uint16", true, false},
    {Element::uint32, "uint32", true, true},     {Element::uint64, "uint64", true, true},
    {Element::text, "text", false, true}};

const Property& property(Element element) {
  for (const Property& each : kProperties)
    if (each.element == element) return each;
  return kProperties[0];
}

}  // namespace

const char* element_name(Element element) { return property(element).name; }

Element element_named(const std::string& name, Element otherwise) {
  for (const Property& each : kProperties)
    if (name == each.name) return each.element;
  return otherwise;
}

bool is_whole_number(Element element) { return property(element).is_whole_number; }

bool needs_float64(Element element) { return property(element).needs_float64; }

std::string column_name(const Table& data, std::size_t column) {
  const std::string index = std::to_string(column) + " (from 0)";
  return column < data.columns.size() ? "'" + data.columns[column] + "', " + index : index;
}

std::string short_column_name(const Table& data, std::size_t column) {
  return column < data.columns.size() ? "'" + data.columns[column] + "'" : std::to_string(column);
}

Matrix rounded(const Table& table) {
  Matrix matrix{table.rows, table.cols, {}};
  matrix.values.reserve(table.values.size());
  for (const double each : table.values) matrix.values.push_back(static_cast<float>(each));
  return matrix;
}

Table widened(const Matrix& matrix) {
  Table table;
  table.rows = matrix.rows, table.cols = matrix.cols;
  table.values.assign(matrix.values.begin(), matrix.values.end());
  return table;
}

}  // namespace scorematch::cli
