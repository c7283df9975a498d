#include "cli/plots/log_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/plots/axes.h"
#include "cli/plots/font.h"
#include "cli/plots/palette.h"

namespace scorematch::cli {
namespace {

constexpr int kWidth = 1200, kHeight = 760, kLegendTop = 64, kLegendRow = 26, kRightMargin = 36;  // pixels
constexpr double kBandOpacity = 0.2;
constexpr double kFewDecades = 2.2;  // up to here 2 and 5 have ticks, too
constexpr double kNarrow = 0.8;      // up to here ticks are as on a linear axis

bool is_drawn(double value) { return std::isfinite(value) && value > 0; }
bool is_drawn(const LogPoint& point) { return is_drawn(point.x) && is_drawn(point.y); }

void include(Interval& range, double value) {
  if (!is_drawn(value)) return;
  range.low = std::min(range.low, std::log10(value));
  range.high = std::max(range.high, std::log10(value));
}

Interval widened(Interval range, double least, double fraction) {
  if (range.low > range.high) range = {0, 1};
  const double missing = std::max(0.0, least - (range.high - range.low)) / 2;
  const double length = std::max(least, range.high - range.low);
  return {range.low - missing - fraction * length, range.high + missing + fraction * length};
}

Ticks log_ticks(Interval decades, int target) {
  if (decades.high - decades.low <= kNarrow) {
    Ticks ticks = round_ticks({std::pow(10, decades.low), std::pow(10, decades.high)}, target);
    for (double& each : ticks.values) each = std::log10(each);
    return ticks;
  }
  const bool is_fine = decades.high - decades.low <= kFewDecades;
  const int every = std::max(1, static_cast<int>(std::ceil((decades.high - decades.low) / target)));
  Ticks ticks;
  for (int power = static_cast<int>(std::floor(decades.low)); power <= decades.high; ++power) {
    if (power % every != 0) continue;
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double at = power + std::log10(factor);
      if (at < decades.low || at > decades.high || (factor > 1 && !is_fine)) continue;
      char label[32];
      std::snprintf(label, sizeof label, "%.6g", factor * std::pow(10, power));
      ticks.values.push_back(at);
      ticks.labels.emplace_back(label);
    }
  }
  return ticks;
}

Point pixel(const Axes& axes, double x, double y) {
  return axes.pixel(std::log10(x), is_drawn(y) ? std::log10(y) : -1e3);
}

void draw_band(Canvas& canvas, const Axes& axes, const LogPoint& a, const LogPoint& b, Color color) {
  if (a.low == a.high && b.low == b.high) return;
  const Point a_top = pixel(axes, a.x, a.high), b_top = pixel(axes, b.x, b.high);
  const double a_bottom = pixel(axes, a.x, a.low).y, b_bottom = pixel(axes, b.x, b.low).y;
  for (int x = static_cast<int>(std::ceil(a_top.x - 0.5)); x + 0.5 < b_top.x; ++x) {
    const double t = (x + 0.5 - a_top.x) / (b_top.x - a_top.x);
    canvas.fill_column(x, a_top.y + t * (b_top.y - a_top.y), a_bottom + t * (b_bottom - a_bottom), color, kBandOpacity);
  }
}

void draw_series(Canvas& canvas, const Axes& axes, const LogSeries& series) {
  const bool is_line = series.style == LogSeries::Style::line;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const LogPoint& point = series.points[i];
    if (!is_drawn(point)) continue;
    const Point at = pixel(axes, point.x, point.y);
    if (!is_line) {
      if (point.low != point.high)
        canvas.line(pixel(axes, point.x, point.low), pixel(axes, point.x, point.high), 1.5, series.color);
      canvas.disc(at, 6.2, kPage);
      canvas.disc(at, 5, series.color);
    } else if (i > 0 && is_drawn(series.points[i - 1])) {
      const LogPoint& before = series.points[i - 1];
      draw_band(canvas, axes, before, point, series.color);
      canvas.line(pixel(axes, before.x, before.y), at, 2, series.color);
    }
  }
}

/// Entries from left to right, in rows; returns the first free pixel below. Without a canvas nothing is drawn.
int draw_legend(Canvas* canvas, const std::vector<LogSeries>& all) {
  constexpr int kLeft = 24, kSample = 40, kGap = 36;
  double left = kLeft;
  int top = kLegendTop;
  for (const LogSeries& series : all) {
    const double width = kSample + text_width(series.name, kTickScale);
    if (left > kLeft && left + width > kWidth - kRightMargin) left = kLeft, top += kLegendRow;
    if (canvas != nullptr) {
      const double middle = top + kCapHeight * kTickScale / 2;
      if (series.style == LogSeries::Style::line)
        canvas->line({left, middle}, {left + 28, middle}, 3, series.color);
      else
        canvas->disc({left + 14, middle}, 5, series.color);
      canvas->text({left + kSample, static_cast<double>(top)}, series.name, kTickScale, kInk);
    }
    left += width + kGap;
  }
  return top + kLegendRow;
}

/// Labels go to the right of their line if there is room, the next one below the one before.
void draw_marks(Canvas& canvas, const Axes& axes, const std::vector<LogMark>& marks) {
  double top = axes.area.y + 10;
  for (const LogMark& mark : marks) {
    if (!is_drawn(mark.x)) continue;
    const double x = axes.pixel(std::log10(mark.x), axes.y.low).x;
    canvas.line({x, static_cast<double>(axes.area.y)}, {x, static_cast<double>(axes.area.y + axes.area.height)}, 1.5,
                kRed);
    const double width = text_width(mark.label, kTickScale), right = axes.area.x + axes.area.width;
    const double left = x + 8 + width < right ? x + 8 : x - 8 - width;
    const Rect behind{static_cast<int>(left) - 3, static_cast<int>(top) - 4, static_cast<int>(width) + 6,
                      static_cast<int>((kCapHeight + kDescent) * kTickScale) + 6};
    canvas.fill_rect(behind, kPage, 0.85);
    canvas.text({left, top}, mark.label, kTickScale, kRed);
    top += kLegendRow;
  }
}

}  // namespace

Canvas log_plot(const std::vector<LogSeries>& series, const std::vector<LogMark>& marks, const std::string& title,
                const std::string& x_label, const std::string& y_label) {
  Interval x{HUGE_VAL, -HUGE_VAL}, y = x;
  for (const LogSeries& each : series)
    for (const LogPoint& point : each.points) {
      if (!is_drawn(point)) continue;
      include(x, point.x);
      include(y, point.y);
      include(y, point.high);
      if (point.low > point.y / 10) include(y, point.low);  // one that reaches 0 may leave the plot
    }
  for (const LogMark& each : marks) include(x, each.x);

  const int label_top = draw_legend(nullptr, series);
  const int area_top = label_top + kLegendRow;
  Axes axes{{0, area_top, 0, kHeight - area_top - 72}, widened(x, 0.3, 0.03), widened(y, 0.3, 0.06)};
  const Ticks y_ticks = log_ticks(axes.y, 8);
  axes.area.x = static_cast<int>(32 + widest_label(y_ticks));
  axes.area.width = kWidth - axes.area.x - kRightMargin;

  Canvas canvas(kWidth, kHeight, kPage);
  canvas.text({24, 24}, fit_text(title, kTitleScale, kWidth - 48), kTitleScale, kInk);
  draw_legend(&canvas, series);
  canvas.text({24, label_top + 2.0}, y_label, kTickScale, kMuted);
  const double middle = axes.area.x + axes.area.width / 2.0;
  canvas.text({std::round(middle - text_width(x_label, kTickScale) / 2), kHeight - 30.0}, x_label, kTickScale, kMuted);
  draw_grid(canvas, axes, log_ticks(axes.x, 12), y_ticks);
  canvas.clip(axes.area);
  for (const auto style : {LogSeries::Style::line, LogSeries::Style::dots})
    for (const LogSeries& each : series)
      if (each.style == style) draw_series(canvas, axes, each);
  canvas.unclip();
  draw_marks(canvas, axes, marks);
  draw_frame(canvas, axes);
  return canvas;
}

}  // namespace scorematch::cli
