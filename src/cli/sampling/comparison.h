/// @file
/// Compares a model's samples with the data, column by column and as a whole.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/data/dataset.h"
#include "cli/report/phrase.h"
#include "cli/training/linear_score.h"

namespace scorematch::cli {

constexpr std::array<double, 5> kProbabilities = {0.05, 0.25, 0.5, 0.75, 0.95};

/// Of one column of the data or of the samples.
struct Summary {
  double mean = 0, deviation = 0;
  double kurtosis = 0;  // fourth moment over the square of the second; 3 for a Gaussian, 0 if nothing varies
  std::array<double, kProbabilities.size()> quantiles{};
};

struct ColumnComparison {
  Summary data, samples;  // data units
  /// Largest difference of the cumulative distributions, where values may be off by a twentieth of a typical column's
  /// deviation: samples of whole numbers are not whole numbers.
  double distance = 0;
  // Each is true only if the difference is large and beyond what chance explains for this many rows and columns.
  bool center_differs = false;  // means, by more than a tenth of the data's deviation
  bool spread_differs = false;  // deviations, by more than a tenth
  bool shape_differs = false;   // distance, by more than a tenth

  bool differs() const { return center_differs || spread_differs || shape_differs; }
  /// How far apart they are, for sorting.
  double severity() const;
};

struct Comparison {
  std::int64_t data_rows = 0, sample_rows = 0;  // compared, each with finite values
  std::int64_t not_finite = 0;                  // samples that are not
  std::vector<ColumnComparison> columns;
  std::vector<std::string> names;    // of the columns; if empty, they are numbered
  std::int64_t rounded_columns = 0;  // whose data are whole numbers: samples are rounded, within the data's range
  /// Of the distances from the mean, in units in which the data's covariance is the identity: differs if the joint
  /// distribution does, even where the columns do not. Only its shape is judged.
  ColumnComparison joint;

  bool matches() const;
  std::size_t differing() const;  // columns
};

/// @param data, samples [N, d], [M, d] in model units; of very many data rows only the first are used
/// @param units of the data
/// @param covariance of the data, in model units
/// @param grid of dequantized columns: data and samples are rounded to it
Comparison compare(const Matrix& data, const Matrix& samples, const Standardization& units,
                   const LinearScore& covariance, const Grid& grid = {});

/// comparison.csv: one row per column, and one for the joint distribution.
std::string comparison_csv(const Comparison& comparison);
/// Lines for the report: a table of all columns if there are few, else of those that differ most.
std::vector<std::string> comparison_table(const Comparison& comparison);
/// The same columns as facts with that key, one object per column, with the names of comparison.csv.
Phrase comparison_facts(const std::string& key, const Comparison& comparison);
/// What differs, one line per column, the worst first and only a few.
std::vector<std::string> describe_differences(const Comparison& comparison);

}  // namespace scorematch::cli
