/// @file
/// Linear axes: the map from values to pixels, and round numbers for labels.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/plots/canvas.h"

namespace scorematch::cli {

constexpr double kTickScale = 1.8;  // text size
constexpr double kTitleScale = 2.4;

struct Interval {
  double low, high;
};

/// The interval extended by `fraction` of its length at each end; a (near) point is first widened by a tenth of its
/// magnitude.
Interval padded(Interval interval, double fraction);

struct Ticks {
  std::vector<double> values;       // multiples of 1, 2 or 5 times a power of ten, inside the interval
  std::vector<std::string> labels;  // all with the same unit and decimals
};

/// About `target` ticks, at least one; at least `least_step` apart if that leaves any.
Ticks round_ticks(Interval interval, int target, double least_step = 0);

struct Axes {
  Rect area;
  Interval x, y;

  Point pixel(double value_x, double value_y) const;
};

/// Grid lines and numbers. Draw the data over the grid, and call draw_frame() after the data.
void draw_grid(Canvas& canvas, const Axes& axes, const Ticks& x_ticks, const Ticks& y_ticks);
void draw_frame(Canvas& canvas, const Axes& axes);

/// Pixels of the widest label.
double widest_label(const Ticks& ticks);

/// The text, or, if it does not fit into `width` pixels, as much of it as fits with "...".
std::string fit_text(std::string_view utf8, double scale, double width);

/// 12345 as "12,345".
std::string grouped(long long value);

}  // namespace scorematch::cli
