#include "cli/plots/axes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/plots/font.h"
#include "cli/plots/palette.h"

namespace scorematch::cli {
namespace {

constexpr double kLeastLength = 1e-200;  // of an axis: below it powers of ten soon underflow
constexpr double kLabelGap = 10;         // pixels between labels of the x axis, at least
constexpr double kFarthest = 1e7;        // pixels: beyond it a line's geometry loses its digits

std::string format(const char* pattern, int decimals, double value, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, decimals, value);
  return std::string(text) + unit;
}

/// 1, 2 or 5 times a power of ten: the one whose ratio to length / target is nearest 1.
double round_step(double length, int target) {
  const double rough = length / target;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double factor = rough / power;
  return power * (factor < std::sqrt(2) ? 1 : factor < std::sqrt(10) ? 2 : factor < std::sqrt(50) ? 5 : 10);
}

std::vector<std::string> tick_labels(const std::vector<double>& values, double step) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  double unit = 1;
  const char* suffix = "";
  if (largest >= 1e9) {
    unit = 1e9, suffix = "G";
  } else if (largest >= 1e6) {
    unit = 1e6, suffix = "M";
  } else if (largest >= 1e4) {
    unit = 1e3, suffix = "k";
  }
  const int step_exponent = static_cast<int>(std::floor(std::log10(step) + 1e-9));
  const int unit_exponent = static_cast<int>(std::lround(std::log10(unit)));
  const int decimals = std::max(0, unit_exponent - step_exponent);

  std::vector<std::string> labels;
  for (const double value : values) {
    if (value == 0) {
      labels.emplace_back("0");
    } else if (largest >= 1e13 || largest < 1e-3) {
      const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
      labels.push_back(format("%.*e", std::max(0, exponent - step_exponent), value, ""));
    } else {
      labels.push_back(format("%.*f", decimals, value / unit, suffix));
    }
  }
  return labels;
}

}  // namespace

Interval padded(Interval interval, double fraction) {
  const double magnitude = std::max(std::abs(interval.low), std::abs(interval.high));
  double length = interval.high - interval.low;
  if (length <= magnitude * 1e-9 + kLeastLength) {
    const double half = magnitude > kLeastLength ? magnitude * 0.05 : 0.5;
    interval = {interval.low - half, interval.high + half};
    length = interval.high - interval.low;
  }
  return {interval.low - length * fraction, interval.high + length * fraction};
}

Ticks round_ticks(Interval interval, int target, double least_step) {
  double step = std::max(least_step, round_step(interval.high - interval.low, target));
  Ticks ticks;
  while (ticks.values.empty()) {
    const double first = std::ceil(interval.low / step - 1e-9), last = std::floor(interval.high / step + 1e-9);
    for (double i = first; i <= last; ++i) ticks.values.push_back(i * step);
    if (ticks.values.empty()) step /= 10;
  }
  ticks.labels = tick_labels(ticks.values, step);
  return ticks;
}

Point Axes::pixel(double value_x, double value_y) const {
  const double right = (value_x - x.low) / (x.high - x.low) * area.width;
  const double down = (y.high - value_y) / (y.high - y.low) * area.height;
  return {area.x + std::clamp(right, -kFarthest, kFarthest), area.y + std::clamp(down, -kFarthest, kFarthest)};
}

void draw_grid(Canvas& canvas, const Axes& axes, const Ticks& x_ticks, const Ticks& y_ticks) {
  const Rect& area = axes.area;
  const double text_height = kCapHeight * kTickScale;
  double last_right = -kFarthest;
  for (std::size_t i = 0; i < x_ticks.values.size(); ++i) {
    const double x = axes.pixel(x_ticks.values[i], axes.y.low).x;
    canvas.fill_rect({static_cast<int>(std::lround(x - 0.5)), area.y, 1, area.height}, kGrid);
    const double width = text_width(x_ticks.labels[i], kTickScale);
    const double left = std::round(x - width / 2);
    if (left < last_right + kLabelGap) continue;
    canvas.text({left, area.y + area.height + 10.0}, x_ticks.labels[i], kTickScale, kMuted);
    last_right = left + width;
  }
  for (std::size_t i = 0; i < y_ticks.values.size(); ++i) {
    const double y = axes.pixel(axes.x.low, y_ticks.values[i]).y;
    canvas.fill_rect({area.x, static_cast<int>(std::lround(y - 0.5)), area.width, 1}, kGrid);
    const double width = text_width(y_ticks.labels[i], kTickScale);
    canvas.text({std::round(area.x - 10 - width), std::round(y - text_height / 2)}, y_ticks.labels[i], kTickScale,
                kMuted);
  }
}

void draw_frame(Canvas& canvas, const Axes& axes) { canvas.frame(axes.area, kAxis); }

double widest_label(const Ticks& ticks) {
  double widest = 0;
  for (const std::string& label : ticks.labels) widest = std::max(widest, text_width(label, kTickScale));
  return widest;
}

std::string fit_text(std::string_view utf8, double scale, double width) {
  if (text_width(utf8, scale) <= width) return std::string(utf8);
  const std::string_view whole = utf8;
  std::string fitting;
  while (!utf8.empty()) {
    take_code_point(utf8);
    std::string longer(whole.substr(0, whole.size() - utf8.size()));
    longer += "...";
    if (text_width(longer, scale) > width) break;
    fitting = std::move(longer);
  }
  return fitting;
}

std::string grouped(long long value) {
  std::string text = std::to_string(value);
  for (std::size_t i = text.size(); i > 3 && text[i - 4] != '-';) text.insert(i -= 3, ",");
  return text;
}

}  // namespace scorematch::cli
