// Data ready to train on: split into training and held-out rows, in the model's units.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/contexts.h"
#include "cli/data/data_scale.h"
#include "cli/data/grid.h"
#include "cli/data/standardize.h"
#include "cli/data/table.h"
#include "cli/data/units.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

struct Dataset {
  Matrix training, held_out;                      // model units
  Contexts training_contexts, held_out_contexts;  // of the same rows
  ContextUnits context_units;
  Standardization standardization;              // from the training rows alone
  Standardize standardize = Standardize::none;  // how they were chosen; never automatic
  std::int64_t dim = 0;                         // of the model
  double lowest = 0, highest = 0;               // of all values, data units
  Grid grid;                                    // of the columns that are dequantized
  DataScale scale;                              // of the training rows with the noise of dequantization, model units
  Element element = Element::float32;           // of the file
  std::vector<std::string> columns;             // names from a header, or empty
  std::vector<std::int64_t> row_shape;          // as in Table
  std::vector<std::string> notes;               // what the user should know about the data, one line each
  std::int64_t dropped_rows = 0;                // as in Table
};

struct Preparation {
  double validation = 0.1;  // fraction of the rows held out, chosen by `seed`
  Standardize standardize = Standardize::scale;
  double deviation = 0.5;                       // standard deviation of the model's units
  std::uint64_t seed = 0;                       // of the split
  Dequantization dequantize;                    // noise that will be added later
  const ContextData* contexts = nullptr;        // of all rows
  const ContextUnits* context_units = nullptr;  // null: they are measured
};

/// @param known the units; null: they are measured
/// @throws Error invalid_argument if no row is left to train on, nothing varies, the data are on no such grid, or a
/// value is beyond float32 in the model's units
Dataset prepare(const Table& data, const Preparation& how, const Standardization* known = nullptr);

/// The kind of the data, for the model's metadata: data.element, data.columns if the columns have names,
/// data.dropped_rows if there were any, and what write_grid() writes if columns are dequantized.
void describe_data(const Dataset& data, std::map<std::string, std::string>& metadata);
/// Whether describe_data() recorded that rows were dropped: a resumed run drops them again.
bool dropped_rows(const std::map<std::string, std::string>& metadata);
/// An empty table of samples, with the element and the columns' names that describe_data() recorded.
/// @param dim of the model
Table table_of_samples(const std::map<std::string, std::string>& metadata, std::int64_t dim);

/// Coordinates of a model with these units. @param columns of the data
std::int64_t dim_of(const Standardization& units, std::int64_t columns);
/// The number of columns of a model's data.
std::int64_t data_columns(const Checkpoint& model);

}  // namespace scorematch::cli
