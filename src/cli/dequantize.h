/// @file
/// Data on a grid, as integers are, made continuous by uniform noise of one step (Uria, Murray & Larochelle 2013;
/// Theis, van den Oord & Bethge 2016, section 3.1): a density of x + step u, u ~ U(0, 1)^d, averaged over the cell of
/// x, is a probability of x divided by step^d.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/table.h"
#include "cli/units.h"

namespace scorematch::cli {

/// @throws Error naming DATA, the place, the value and its neighbours on the grid, unless every value is a whole
/// multiple of `step`, up to 2^20 of it and as nearly as float32 has it
void check_grid(const Table& data, double step);

/// The noise, a function of (seed, step of training, sample, coordinate) by Philox: no stream, so nothing has to be
/// kept for a run that is taken up again, and no visit of a row has the same as another.
class Dequantizer {
 public:
  /// @param step of the data, in their units @param units the model's, in which all else here is
  Dequantizer(double step, const Units& units, std::uint64_t seed);

  /// The rows that a plan would draw for this step by In::draw_rows, with their noise. @param out [batch, cols]
  void draw(const Matrix& data, std::int64_t training_step, std::int64_t batch, std::vector<float>& out) const;
  /// Every row of the data once, row i being sample i of that step's noise.
  Matrix all(const Matrix& data, std::int64_t training_step) const;

 private:
  void add(const float* row, std::int64_t training_step, std::int64_t sample, float* out) const;

  double step_;
  Units units_;
  std::uint64_t seed_;
};

/// Back onto the grid, in data units: floor(x / step) step, within the data's range. In place.
void to_grid(Table& samples, double step, double lowest, double highest);

}  // namespace scorematch::cli
