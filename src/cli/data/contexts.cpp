#include "cli/data/contexts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "cli/files/csv_text.h"
#include "cli/files/data_file.h"
#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kMostClasses = 65536;
constexpr const char *kClasses = "context.classes", *kColumns = "context.columns", *kMean = "context.mean",
                     *kScale = "context.scale";

/// The place of a column by its name, or by its number from 0.
std::size_t find_column(const std::string& option, const Table& data, const std::string& name) {
  const auto found = std::find(data.columns.begin(), data.columns.end(), name);
  if (found != data.columns.end()) return static_cast<std::size_t>(found - data.columns.begin());
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 0 || number >= data.cols)
    refuse(option,
           data.columns.empty() ? "numbers of columns from 0 to " + std::to_string(data.cols - 1)
                                : "columns of the data: " + csv_line(data.columns),
           "'" + name + "'");
  return static_cast<std::size_t>(number);
}

std::string numbers_text(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double each : values) texts.push_back(number_text(each));
  return csv_line(texts);
}

/// Those columns of a table.
Table take_columns(const Table& data, const std::vector<std::size_t>& places) {
  Table part;
  part.rows = data.rows, part.cols = static_cast<std::int64_t>(places.size());
  part.element = data.element;
  for (std::int64_t i = 0; i < data.rows; ++i)
    for (const std::size_t j : places) part.values.push_back(data.values[static_cast<std::size_t>(i * data.cols) + j]);
  for (const std::size_t j : places)
    if (j < data.columns.size()) part.columns.push_back(data.columns[j]);
  return part;
}

}  // namespace

Contexts Contexts::at(const std::vector<std::int64_t>& places) const {
  Contexts part;
  if (empty()) return part;
  part.rows = static_cast<std::int64_t>(places.size());
  part.values = {values.cols == 0 ? 0 : part.rows, values.cols, {}};
  for (const std::int64_t each : places) {
    if (!labels.empty()) part.labels.push_back(labels[static_cast<std::size_t>(each)]);
    const auto begin = values.values.begin() + each * values.cols;
    part.values.values.insert(part.values.values.end(), begin, begin + values.cols);
  }
  return part;
}

void Contexts::append(const Contexts& more) {
  rows += more.rows;
  labels.insert(labels.end(), more.labels.begin(), more.labels.end());
  values.rows += more.values.rows;
  values.values.insert(values.values.end(), more.values.values.begin(), more.values.values.end());
}

ContextData read_labels(const std::string& option, const std::string& path, std::int64_t rows) {
  const Table table = read_data(path, Missing::refuse);
  if (table.cols != 1) refuse(option, "one class per row", std::to_string(table.cols) + " columns in " + path);
  if (table.rows != rows)
    refuse(option, "a class for each of the " + std::to_string(rows) + " rows of the data",
           std::to_string(table.rows) + " in " + path);
  ContextData data;
  data.rows = rows;
  for (const double each : table.values) {
    if (!(each >= 0 && each < static_cast<double>(kMostClasses)) || each != std::floor(each))
      refuse(option, "whole numbers from 0 to " + std::to_string(kMostClasses - 1),
             number_text(each) + " in row " + std::to_string(data.labels.size()));
    data.labels.push_back(static_cast<std::int64_t>(each));
  }
  return data;
}

ContextData split_columns(const std::string& option, Table& data, const std::string& names) {
  ContextData contexts;
  contexts.rows = data.rows;
  contexts.names = csv_fields(option, names);
  std::vector<std::size_t> places, rest;
  for (const std::string& each : contexts.names) {
    const std::size_t place = find_column(option, data, each);
    if (std::find(places.begin(), places.end(), place) != places.end())
      refuse(option, "different columns", "'" + each + "' twice");
    places.push_back(place);
  }
  for (std::size_t j = 0; j < static_cast<std::size_t>(data.cols); ++j)
    if (std::find(places.begin(), places.end(), j) == places.end()) rest.push_back(j);
  if (rest.empty()) refuse(option, "fewer than the " + std::to_string(data.cols) + " columns of the data", "all");
  contexts.columns = take_columns(data, places);
  Table left = take_columns(data, rest);
  left.dropped_rows = data.dropped_rows;
  data = std::move(left);
  return contexts;
}

ContextUnits measure_contexts(const ContextData& data, const std::vector<std::int64_t>& rows) {
  ContextUnits units;
  if (data.empty()) return units;
  if (!data.labels.empty()) {
    units.classes = static_cast<int>(*std::max_element(data.labels.begin(), data.labels.end())) + 1;
    return units;
  }
  units.columns = data.names;
  for (std::int64_t j = 0; j < data.columns.cols; ++j) {
    double mean = 0, square = 0;
    const auto value = [&](std::int64_t row) {
      return data.columns.values[static_cast<std::size_t>(row * data.columns.cols + j)];
    };
    for (const std::int64_t each : rows) mean += value(each) / static_cast<double>(rows.size());
    for (const std::int64_t each : rows)
      square += (value(each) - mean) * (value(each) - mean) / static_cast<double>(rows.size());
    if (!(square > 0))
      refuse("--context-columns", "columns that vary",
             "'" + data.names[static_cast<std::size_t>(j)] + "', which does not");
    units.mean.push_back(mean);
    units.scale.push_back(std::sqrt(square));
  }
  return units;
}

Contexts to_model(const std::string& option, const ContextData& data, const ContextUnits& units) {
  Contexts contexts;
  contexts.rows = data.rows;
  contexts.labels = data.labels;
  for (const std::int64_t each : data.labels)
    if (each < 0 || each >= units.classes)
      refuse(option, "classes from 0 to " + std::to_string(units.classes - 1), std::to_string(each));
  if (!data.labels.empty()) return contexts;
  const std::int64_t cols = units.count();
  if (data.columns.cols != cols)
    refuse(option, std::to_string(cols) + " columns (" + csv_line(units.columns) + ")",
           std::to_string(data.columns.cols));
  contexts.values = {data.rows, cols, {}};
  for (std::size_t i = 0; i < data.columns.values.size(); ++i) {
    const std::size_t j = i % static_cast<std::size_t>(cols);
    const double value = (data.columns.values[i] - units.mean[j]) / units.scale[j];
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max())))
      refuse(option, "finite values within float32", number_text(data.columns.values[i]));
    contexts.values.values.push_back(static_cast<float>(value));
  }
  return contexts;
}

void write_contexts(const ContextUnits& units, std::map<std::string, std::string>& metadata) {
  if (units.classes > 0) metadata[kClasses] = std::to_string(units.classes);
  if (units.columns.empty()) return;
  metadata[kColumns] = csv_line(units.columns);
  metadata[kMean] = numbers_text(units.mean);
  metadata[kScale] = numbers_text(units.scale);
}

ContextUnits read_contexts(const std::string& path, const std::map<std::string, std::string>& metadata) {
  MetadataReader reader(path, metadata);
  ContextUnits units;
  if (reader.has(kClasses)) units.classes = reader.take_int32(kClasses, 0);
  if (!reader.has(kColumns)) return units;
  units.columns = csv_fields(kColumns, reader.take(kColumns));
  units.mean = reader.take_numbers(kMean);
  units.scale = reader.take_numbers(kScale);
  for (const auto& [key, values] : {std::pair(kMean, &units.mean), {kScale, &units.scale}})
    if (values->size() != units.columns.size())
      reader.refuse(key, std::to_string(units.columns.size()) + " numbers", std::to_string(values->size()));
  return units;
}

ContextArrays::ContextArrays(const Engine& engine, const Contexts& contexts) {
  if (!contexts.labels.empty()) labels_ = engine.upload(contexts.labels);
  if (!contexts.values.values.empty())
    values_ = engine.upload(contexts.values.values, {contexts.values.rows, contexts.values.cols});
}

void ContextArrays::write(Queue& queue, const Contexts& contexts) {
  if (labels_.size() > 0) queue.write(labels_, contexts.labels.data());
  if (values_.size() > 0) queue.write(values_, contexts.values.values.data());
}

}  // namespace scorematch::cli
