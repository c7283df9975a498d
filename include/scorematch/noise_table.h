/// @file
/// The distribution of sigma of a process, as a table of ln sigma that a plan makes once (NoiseSchedule::Kind::vp and
/// the following). Functions for host and device, like philox.h, so every engine interpolates alike.
///
/// A continuous schedule has knots at equal distances in y = ln(u/(1 - u)), where u is uniform in (0, 1): ln sigma is a
/// smooth function of y even where sigma is a power of t or of 1 - t. A discrete one has a value per step.
#pragma once
#include "scorematch/philox.h"

namespace scorematch {
namespace noise_table {

/// |y| is below kReach, as u has 23 bits (philox::uniform). Cells are between -kReach and kReach.
constexpr int kCells = 2048;
constexpr double kReach = 17;
constexpr double kCellsPerUnit = kCells / (2 * kReach);
/// Knots; the first is one cell before -kReach, and the last one after kReach.
constexpr int kKnots = kCells + 3;
constexpr double knot(int i) { return (i - 1) / kCellsPerUnit - kReach; }

/// ln sigma at y, by the cubic through the four knots around it: an error of at most 3/128 of the fourth power of a
/// cell times the fourth derivative. @param table [kKnots]
SCOREMATCH_HOST_DEVICE constexpr double log_sigma(const double* table, double y) {
  const double place = (y + kReach) * kCellsPerUnit;
  const int cell = static_cast<int>(place);
  const double f = place - cell;
  const double a = table[cell], b = table[cell + 1], c = table[cell + 2], d = table[cell + 3];
  const double first = c - b / 2 - a / 3 - d / 6, second = (a + c) / 2 - b, third = (d - a) / 6 + (b - c) / 2;
  return b + f * (first + f * (second + f * third));
}

}  // namespace noise_table
}  // namespace scorematch
