/// @file
/// Lines of equal height of a function given on a square grid.
#pragma once
#include <utility>
#include <vector>

#include "cli/plots/canvas.h"

namespace scorematch::cli {

/// Straight pieces, in units of the grid: value (row, column) is at (x, y) = (column, row). Cells with a corner that is
/// not finite have none. (Lorensen & Cline 1987 in the plane; a saddle's middle decides how its pieces go)
/// @param values [per_side, per_side]
std::vector<std::pair<Point, Point>> contour_lines(const std::vector<double>& values, int per_side, double level);

}  // namespace scorematch::cli
