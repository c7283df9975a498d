/// @file
/// The contexts of rows: what a conditional model is told of each, a class or some columns of the data.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/table.h"
#include "scorematch/batch.h"
#include "scorematch/buffer.h"
#include "scorematch/engine.h"
#include "scorematch/queue.h"

namespace scorematch::cli {

/// What a model's contexts are: one of `classes`, or columns of the data, each centered and scaled to deviation 1.
struct ContextUnits {
  int classes = 0;
  std::vector<std::string> columns;  // names, or numbers from 0
  std::vector<double> mean, scale;   // [columns]

  /// Columns of the network's input: c.
  int count() const { return classes > 0 ? classes : static_cast<int>(columns.size()); }
};

/// Contexts as in their file.
struct ContextData {
  std::int64_t rows = 0;
  std::vector<std::int64_t> labels;  // [rows], or
  Table columns;                     // [rows, c], whose names are in `names`
  std::vector<std::string> names;

  bool empty() const { return rows == 0; }
};

/// Contexts as a network takes them.
struct Contexts {
  std::int64_t rows = 0;
  std::vector<std::int64_t> labels;  // [rows], or
  Matrix values;                     // [rows, c]

  bool empty() const { return rows == 0; }
  /// Those of the rows at these places.
  Contexts at(const std::vector<std::int64_t>& places) const;
  void append(const Contexts& more);
};

/// The classes of a file: one whole number from 0 for each of `rows` rows. @param option for messages
ContextData read_labels(const std::string& option, const std::string& path, std::int64_t rows);
/// Moves columns of the data to the contexts. @param names "a,b", names or numbers from 0
ContextData split_columns(const std::string& option, Table& data, const std::string& names);

/// @param rows that are trained on
ContextUnits measure_contexts(const ContextData& data, const std::vector<std::int64_t>& rows);
/// @throws Error naming `option` for a class that the model does not have, or a value beyond float32
Contexts to_model(const std::string& option, const ContextData& data, const ContextUnits& units);

/// Nothing for a model without contexts.
void write_contexts(const ContextUnits& units, std::map<std::string, std::string>& metadata);
/// @param path of the model, for messages
ContextUnits read_contexts(const std::string& path, const std::map<std::string, std::string>& metadata);

/// Contexts in the memory of an engine.
class ContextArrays {
 public:
  ContextArrays() = default;
  ContextArrays(const Engine& engine, const Contexts& contexts);

  /// Replaces all of them.
  void write(Queue& queue, const Contexts& contexts);
  /// Sets the context or the labels of a batch, or of a sampler's input, to those of rows [first, first + count).
  template <class To>
  void give(To& to, std::int64_t first, std::int64_t count) const {
    if (labels_.size() > 0) to.labels = ConstView(labels_.data() + first, count);
    if (values_.size() > 0) to.context = values_.samples(first, count);
  }
  /// All rows, for a batch that gathers them.
  template <class To>
  void give_all(To& to) const {
    if (labels_.size() > 0) to.labels = labels_;
    if (values_.size() > 0) to.context = values_;
  }

 private:
  Buffer<std::int64_t> labels_;
  Buffer<float> values_;
};

}  // namespace scorematch::cli
