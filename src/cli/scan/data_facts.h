/// @file
/// What the data alone say about noise levels.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/data/matrix.h"
#include "cli/data/table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// Of the file: below the step of its values, or between equal rows, there is no density.
struct Resolution {
  std::int64_t duplicates = 0;        // rows that are equal to an earlier one
  std::int64_t discrete_columns = 0;  // with at most a quarter as many different values as rows
  double data_step = 0;               // the largest step of a discrete column, data units; 0: there is none
  double model_step = 0;              // the same as a distance in model units
};
Resolution measure_resolution(const Table& table, const Standardization& units, std::int64_t dim);

/// In model units, where noise is added.
struct DataFacts {
  std::int64_t rows = 0;                   // all pairs of so many rows, at equal distances in the data
  double nearest = 0, median_nearest = 0;  // distance to the nearest row that is not equal
  double largest = 0;                      // of all pairs
  std::vector<double> eigenvalues;         // of the covariance, rising; empty above 1,024 columns
  double smallest_scale() const;           // root of the smallest eigenvalue; 0: not known
  /// Whether the covariance is singular, to 1e-6 of its largest eigenvalue.
  bool is_singular() const;
};
/// All pairs of up to 4,096 rows, fewer where there are many columns.
DataFacts measure_data(const Matrix& rows);

}  // namespace scorematch::cli
