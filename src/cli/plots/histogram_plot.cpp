#include "cli/plots/histogram_plot.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/options/refusal.h"
#include "cli/plots/axes.h"
#include "cli/plots/font.h"
#include "cli/plots/palette.h"

namespace scorematch::cli {
namespace {

constexpr int kWidth = 1000, kHeight = 620;  // pixels
constexpr int kTop = 104, kBottom = 60;
constexpr int kMaxBins = 80;

std::vector<double> finite_values(const Matrix& matrix, const char* name) {
  if (matrix.cols != 1 && !matrix.values.empty()) refuse(name, "[N, 1]", "[N, " + std::to_string(matrix.cols) + "]");
  std::vector<double> values;
  for (const float each : matrix.values)
    if (std::isfinite(each)) values.push_back(static_cast<double>(each));
  return values;
}

struct Bins {
  Interval range;
  int count;

  double edge(int i) const { return range.low + (range.high - range.low) * i / count; }
};

/// Up to a quarter beyond the data's middle 99 %, or to the data's ends.
Bins choose_bins(std::vector<double> values) {
  if (values.empty()) return {{-1, 1}, 1};
  std::sort(values.begin(), values.end());
  const std::size_t last = values.size() - 1, tail = last / 200;
  const double low = values[tail], high = values[last - tail], room = (high - low) / 4;
  const Interval range = padded({std::max(values.front(), low - room), std::min(values.back(), high + room)}, 0.08);
  const int count = static_cast<int>(2 * std::cbrt(static_cast<double>(values.size())) + 4);
  return {range, std::min(count, kMaxBins)};
}

struct Histogram {
  std::vector<double> density;  // per bin, of all values: they sum to less than 1 if some are outside
  std::int64_t outside = 0;
};

Histogram count(const std::vector<double>& values, const Bins& bins) {
  Histogram histogram{std::vector<double>(static_cast<std::size_t>(bins.count)), 0};
  const double width = (bins.range.high - bins.range.low) / bins.count;
  for (const double each : values) {
    const double place = (each - bins.range.low) / width;
    if (!(place >= 0) || place >= bins.count) {
      ++histogram.outside;
      continue;
    }
    histogram.density[static_cast<std::size_t>(place)] += 1 / (static_cast<double>(values.size()) * width);
  }
  return histogram;
}

std::string caption(const char* name, std::size_t values, const Histogram& histogram) {
  std::string text = std::string(name) + ": " + grouped(static_cast<long long>(values));
  if (histogram.outside > 0) text += ", " + grouped(histogram.outside) + " outside";
  return text;
}

}  // namespace

Canvas histogram_plot(const Matrix& data, const Matrix& samples, const std::string& title) {
  const std::vector<double> data_values = finite_values(data, "data"), drawn = finite_values(samples, "samples");
  const Bins bins = choose_bins(data_values.empty() ? drawn : data_values);
  const Histogram of_data = count(data_values, bins), of_samples = count(drawn, bins);
  double highest = 1e-300;
  for (const Histogram* each : {&of_data, &of_samples})
    for (const double density : each->density) highest = std::max(highest, density);
  const Interval heights{0, 1.08 * highest};
  const Ticks x_ticks = round_ticks(bins.range, 7), y_ticks = round_ticks(heights, 5);
  const int left = static_cast<int>(widest_label(y_ticks)) + 32;
  const Axes axes{{left, kTop, kWidth - left - 24, kHeight - kTop - kBottom}, bins.range, heights};

  Canvas canvas(kWidth, kHeight, kPage);
  canvas.text({24, 22}, fit_text(title, kTitleScale, kWidth - 48), kTitleScale, kInk);
  const std::string first = caption("data", data_values.size(), of_data);
  canvas.text({left + 0.0, kTop - 34.0}, first, kTickScale, kBlue);
  canvas.text({left + text_width(first, kTickScale) + 40, kTop - 34.0}, caption("samples", drawn.size(), of_samples),
              kTickScale, kOrange);
  draw_grid(canvas, axes, x_ticks, y_ticks);
  canvas.clip(axes.area);
  Point before = axes.pixel(bins.range.low, 0);
  for (int i = 0; i < bins.count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double bottom = axes.pixel(0, 0).y;
    const Point from = axes.pixel(bins.edge(i), of_data.density[at]), to = axes.pixel(bins.edge(i + 1), 0);
    for (int x = static_cast<int>(std::ceil(from.x - 0.5)); x + 0.5 < to.x; ++x)
      canvas.fill_column(x, from.y, bottom, kBlue, 0.35);
    const Point top = axes.pixel(bins.edge(i), of_samples.density[at]);
    canvas.line(before, top, 2.5, kOrange);
    before = {to.x, top.y};
    canvas.line(top, before, 2.5, kOrange);
  }
  canvas.line(before, {before.x, axes.pixel(0, 0).y}, 2.5, kOrange);
  canvas.unclip();
  draw_frame(canvas, axes);
  return canvas;
}

}  // namespace scorematch::cli
