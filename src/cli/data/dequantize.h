/// @file
/// Data on a grid, such as integers, made continuous by uniform noise of one step (Uria, Murray & Larochelle 2013;
/// Theis, van den Oord & Bethge 2016, section 3.1): a density of x + step u, u ~ U(0, 1)^d, averaged over the cell of
/// x, is a probability of x divided by the cell's volume.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/data/table.h"
#include "cli/data/units.h"

namespace scorematch::cli {

/// The noise is a function of (seed, training step, sample, column) by Philox. So a resumed run needs no stored state,
/// and a row has new noise each time it is used.
class Dequantizer {
 public:
  /// @param steps [columns of the data] in their units; 0: no noise
  /// @param units of the model, in which everything else is
  Dequantizer(std::vector<double> steps, const Units& units, std::uint64_t seed);

  /// The rows that a plan would draw for this step by In::draw_rows, with their noise: samples [first, first + count)
  /// of the batch. @param out [count, cols]
  void draw(const Matrix& data, std::int64_t training_step, std::int64_t first, std::int64_t count,
            std::vector<float>& out) const;
  /// Which of `rows` rows those are.
  std::vector<std::int64_t> drawn_rows(std::int64_t rows, std::int64_t training_step, std::int64_t first,
                                       std::int64_t count) const;
  /// Every row of the data once; row i has the noise of sample i of that step.
  Matrix all(const Matrix& data, std::int64_t training_step) const;

 private:
  void add(const float* row, std::int64_t training_step, std::int64_t sample, float* out) const;

  std::vector<double> steps_;
  Units units_;
  std::uint64_t seed_;
};

}  // namespace scorematch::cli
