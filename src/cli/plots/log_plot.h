/// @file
/// Curves and points on logarithmic axes.
#pragma once
#include <string>
#include <vector>

#include "cli/plots/canvas.h"

namespace scorematch::cli {

struct LogPoint {
  double x, y;
  double low, high;  // of an interval around y; equal to y: none
};

/// Points that are not finite and positive are left out. An interval that reaches 0 or below ends at the plot's edge.
struct LogSeries {
  enum class Style { line, dots };
  std::string name;
  Color color;
  Style style = Style::line;
  std::vector<LogPoint> points;  // by rising x
};

/// A vertical line with a label.
struct LogMark {
  double x;
  std::string label;
};

/// A line has its interval as a band, dots have theirs as bars.
Canvas log_plot(const std::vector<LogSeries>& series, const std::vector<LogMark>& marks, const std::string& title,
                const std::string& x_label, const std::string& y_label);

}  // namespace scorematch::cli
