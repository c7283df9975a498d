// Data ready to train on: split into training and held-out rows, in the model's units.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// scale: the columns' means and one scale for all, so that shapes are kept; column: a scale each; none: as they are.
enum class Standardize { scale, column, none };

struct Dataset {
  Matrix training, held_out;            // model units
  Standardization standardization;      // from the training rows alone
  double lowest = 0, highest = 0;       // of all values, data units
  Element element = Element::float32;   // of the file
  std::vector<std::string> columns;     // names from a header, or empty
  std::vector<std::int64_t> row_shape;  // as in Table
};

/// @param share of the rows held out, chosen by `seed` @param deviation the standard deviation of the model's units
/// @param dequantize the data's step, where uniform noise of one step is to be added to them later: the units are then
/// those of the sum; 0: none @param known the units; null: they are measured
/// @throws Error invalid_argument where no row is left to train on, nothing varies, the data are on no such grid, or a
/// value is beyond float32 in the model's units
Dataset prepare(const Table& data, double share, Standardize standardize, double deviation, std::uint64_t seed,
                double dequantize = 0, const Standardization* known = nullptr);

/// The kind of the data, for the model's metadata: data.element, and data.columns where the columns have names.
void describe_data(const Dataset& data, std::map<std::string, std::string>& metadata);
/// An empty table of samples: the element and the columns' names that describe_data() recorded. @param dim of the model
Table table_of_samples(const std::map<std::string, std::string>& metadata, std::int64_t dim);

/// data = mean + scale * model, in double; the same values without a standardization. Element float32.
Table to_data_units(const Standardization& standardization, const Matrix& samples);
/// model = (data - mean) / scale, computed in double and then rounded; infinite where float32 cannot hold it.
Matrix to_model_units(const Standardization& standardization, const Table& data);

}  // namespace scorematch::cli
