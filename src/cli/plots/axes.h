/// @file
/// Linear axes: what maps values to pixels, and the round numbers beside it.
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

/// The interval grown by `share` of its length at each end; a (near) point is first widened by a tenth of its
/// magnitude.
Interval padded(Interval interval, double share);

struct Ticks {
  std::vector<double> values;       // multiples of 1, 2 or 5 times a power of ten, inside the interval
  std::vector<std::string> labels;  // all with the same unit and decimals
};

/// About `target` ticks, at least one; `least_step` apart or more where that leaves any.
Ticks round_ticks(Interval interval, int target, double least_step = 0);

struct Axes {
  Rect area;
  Interval x, y;

  Point pixel(double value_x, double value_y) const;
};

/// Grid lines and numbers; then the data is drawn over the grid, then draw_frame() over the data.
void draw_grid(Canvas& canvas, const Axes& axes, const Ticks& x_ticks, const Ticks& y_ticks);
void draw_frame(Canvas& canvas, const Axes& axes);

/// Pixels of the widest label.
double widest_label(const Ticks& ticks);

/// The text, or as much of it as fits `width` pixels with "..." after it.
std::string fit_text(std::string_view utf8, double scale, double width);

/// 12345 as "12,345".
std::string grouped(long long value);

}  // namespace scorematch::cli
