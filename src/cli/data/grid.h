/// @file
/// Columns whose values are offset + k step for whole numbers k: integers, 0/1 columns, or bytes that a program scaled
/// to [0, 1] or [-1, 1].
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// What --dequantize asks for: nothing, step 1 for every column of whole numbers, or one step for all columns.
struct Dequantization {
  enum class Columns { none, whole_numbers, all };
  Columns columns = Columns::none;
  double step = 1;
};

struct Grid {
  // [columns]; all empty if no column is on a grid
  std::vector<double> steps;            // 0: the column is continuous
  std::vector<double> offsets;          // one of the column's grid points; 0 if 0 is one
  std::vector<double> lowest, highest;  // of the data

  bool empty() const { return steps.empty(); }
  std::size_t column_count() const;  ///< of those with a step
  /// ln of the volume of a cell: the sum of ln step.
  double log_cell() const;
  /// "multiples of 1", "-1 plus multiples of 0.0078", "a probability in 2 columns of whole numbers and ..."
  std::string description() const;
};

/// The largest number of steps from a column's offset: in model units float32 resolves 16 values within each step.
constexpr double kGridSpan = 1 << 20;

/// The columns that --dequantize without a value takes: those of whole numbers that span at most kGridSpan.
std::vector<bool> whole_number_columns(const Table& data);

/// The offset is found for each column: 0 if the values are multiples of the step, else the lowest of all values, else
/// the column's lowest.
/// @throws Error naming DATA, the place, the value and its neighbors on the grid, if a column has no offset or, with
/// Columns::whole_numbers, no column has one
Grid find_grid(const Table& data, const Dequantization& how);

/// @throws Error like find_grid()'s, if a value is not on its column's grid
void check_grid(const Table& data, const Grid& grid);

/// Rounds samples of data plus uniform noise down to the next grid point, within the data's range.
void to_grid(Table& samples, const Grid& grid);

/// data.dequantize if all columns have the same step, else data.dequantize.steps; data.grid_offset, data.grid_lowest
/// and data.grid_highest. Each is one number for all columns or a list with commas.
void write_grid(const Grid& grid, std::map<std::string, std::string>& metadata);
/// A column that the model does not vary has no step.
/// @throws Error naming the key, if a list does not have one number per column
Grid read_grid(const Checkpoint& model);

}  // namespace scorematch::cli
