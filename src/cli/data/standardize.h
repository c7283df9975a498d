/// @file
/// The units of a model: measured from the training rows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/data/table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// none: unchanged; scale: centered, and one scale for all columns, so that pictures keep their shape; column: a scale
/// for each, and a warp for heavy tails; whiten: the same, with the correlations removed (Standardization::mixing).
/// automatic: whiten or column, as the data suggest.
enum class Standardize { none, scale, column, whiten, automatic };

struct MeasuredUnits {
  Standardization standardization;
  Standardize standardize = Standardize::none;  // never automatic
};

/// @param rows the table's rows to measure, in this order
/// @param deviation that coordinates of the model have
/// @param noise_steps [columns] or empty: uniform noise of one step will be added to a column that has one, which adds
/// half a step to its mean and step^2 / 12 to its variance; such a column gets no warp
/// @param notes gets a line for each thing that the user should know
/// @throws Error naming DATA if nothing varies, or if a scale or mean is out of float32's range
MeasuredUnits measure_units(const Table& data, const std::vector<std::int64_t>& rows, Standardize standardize,
                            double deviation, const std::vector<double>& noise_steps, std::vector<std::string>& notes);

/// Root mean square of the columns' standard deviations.
double deviation_of(const Table& data);

/// Above this many columns whitening would take long, and each column is scaled alone.
constexpr std::int64_t kMaxWhitened = 1024;

}  // namespace scorematch::cli
