#include "cli/plots/contours.h"

#include <cmath>

namespace scorematch::cli {
namespace {

/// The corners of a cell, counterclockwise from the corner with the least row and column.
struct Corner {
  Point at;
  double height;  // above the level
};

/// Where the edge between two corners on different sides crosses the level.
Point crossing(const Corner& a, const Corner& b) {
  const double t = a.height / (a.height - b.height);
  return {a.at.x + t * (b.at.x - a.at.x), a.at.y + t * (b.at.y - a.at.y)};
}

void add_cell(const Corner (&corners)[4], std::vector<std::pair<Point, Point>>& lines) {
  Point crossings[4];
  int count = 0;
  for (int i = 0; i < 4; ++i) {
    const Corner &a = corners[i], &b = corners[(i + 1) % 4];
    if ((a.height >= 0) != (b.height >= 0)) crossings[count++] = crossing(a, b);
  }
  if (count == 2) lines.emplace_back(crossings[0], crossings[1]);
  if (count != 4) return;
  // A saddle: if the middle is on the side of corner 0, the line goes around corners 1 and 3, else around 0 and 2.
  const double middle = corners[0].height + corners[1].height + corners[2].height + corners[3].height;
  const int first = (middle >= 0) == (corners[0].height >= 0) ? 0 : 3;
  lines.emplace_back(crossings[first], crossings[(first + 1) % 4]);
  lines.emplace_back(crossings[(first + 2) % 4], crossings[(first + 3) % 4]);
}

}  // namespace

std::vector<std::pair<Point, Point>> contour_lines(const std::vector<double>& values, int per_side, double level) {
  std::vector<std::pair<Point, Point>> lines;
  const auto corner = [&](int row, int column) {
    const auto at =
        static_cast<std::size_t>(row) * static_cast<std::size_t>(per_side) + static_cast<std::size_t>(column);
    return Corner{{static_cast<double>(column), static_cast<double>(row)}, values[at] - level};
  };
  for (int row = 0; row + 1 < per_side; ++row)
    for (int column = 0; column + 1 < per_side; ++column) {
      const Corner corners[4] = {corner(row, column), corner(row, column + 1), corner(row + 1, column + 1),
                                 corner(row + 1, column)};
      bool finite = true;
      for (const Corner& each : corners) finite = finite && std::isfinite(each.height);
      if (finite) add_cell(corners, lines);
    }
  return lines;
}

}  // namespace scorematch::cli
