/// @file
/// Between the units of the data and those of the model, in double: see Standardization.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/data/table.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// Where a row leaves what a model can give: a column that was constant in training has another value, or columns that
/// depended on each other linearly no longer do.
struct OffSupport {
  std::int64_t row = 0;
  std::size_t column = 0;
  double value = 0, expected = 0;
  bool is_constant = false;  // of the column in training
};

class Units {
 public:
  /// @param dim of the model
  Units(const Standardization& standardization, std::int64_t dim);
  explicit Units(const Checkpoint& model) : Units(model.standardization, model.net.dim) {}

  std::int64_t columns() const { return columns_; }  ///< of the data
  std::int64_t dim() const { return dim_; }          ///< coordinates of the model

  /// Constant columns come back; the element is float32.
  /// @param samples [N, dim]
  Table to_data(const Matrix& samples) const;
  /// Constant columns are dropped, whatever their values; infinite if float32 cannot hold a value.
  /// @param data [N, columns]
  Matrix to_model(const Table& data) const;
  /// An offset in data units, converted to model units.
  /// @param offset [columns], 0 in columns with a warp: in the others it does not depend on the value
  /// @param out [dim]
  void offset_to_model(const double* offset, double* out) const;
  /// The score of the data's density, which is 0 in constant columns.
  /// @param model, score [dim] of one sample
  std::vector<double> score_to_data(const float* model, const float* score) const;
  /// ln of the volume of the data per volume of the model at each sample: what to subtract from the model's ln p.
  std::vector<double> log_volumes(const Matrix& samples) const;
  /// The rows that the model cannot give, in order; the likelihood of such a row is 0.
  std::vector<OffSupport> off_support(const Table& data) const;

 private:
  double mixed(const float* model, std::size_t i) const;  // z of coordinate i
  void row_to_data(const float* model, double* data) const;
  void row_to_model(const double* centered, double* model) const;  // centered: data - mean

  std::int64_t columns_, dim_;
  std::vector<double> mean_, scale_, warp_;  // [columns]
  std::vector<std::size_t> coordinates_;     // columns that vary: n
  std::vector<double> mixing_, inverse_;     // [n, dim], [dim, n]; both empty: the identity
};

}  // namespace scorematch::cli
