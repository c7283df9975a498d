// Data ready to train on: split into training and held-out rows, in the model's units.
#pragma once
#include <cstdint>
#include <string>

#include "cli/matrix.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// scale: the columns' means and one scale for all, so that shapes are kept; column: a scale each; none: as they are.
enum class Standardize { scale, column, none };

struct Dataset {
  Matrix training, held_out;        // model units
  Standardization standardization;  // from the training rows alone
  float lowest = 0, highest = 0;    // of all values, data units
};

/// @param share of the rows held out, chosen by `seed` @param deviation the standard deviation of the model's units
/// @param dequantize the data's step, where uniform noise of one step is to be added to them later: the units are then
/// those of the sum; 0: none @param known the units; null: they are measured
/// @throws Error invalid_argument where no row is left to train on, nothing varies, or the data are on no such grid
Dataset prepare(const Matrix& data, double share, Standardize standardize, double deviation, std::uint64_t seed,
                double dequantize = 0, const Standardization* known = nullptr);

/// How many columns the data of a model have: its coordinates and the constant columns.
std::int64_t data_columns(const Checkpoint& model);
/// data = mean + scale * model, in place; constant columns come back. Nothing without a standardization.
void to_data_units(const Standardization& standardization, Matrix& samples);
/// The inverse; constant columns are dropped, whatever they hold.
void to_model_units(const Standardization& standardization, Matrix& data);
/// @throws Error naming DATA, the row, the column (from 0) and both values where a column that was constant in training
/// holds another float32 value
void check_constant_columns(const Standardization& standardization, const Matrix& data);

}  // namespace scorematch::cli
