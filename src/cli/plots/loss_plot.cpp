#include "cli/plots/loss_plot.h"

#include <algorithm>
#include <cmath>

#include "cli/plots/axes.h"
#include "cli/plots/font.h"
#include "cli/plots/palette.h"

namespace scorematch::cli {
namespace {

constexpr int kWidth = 1200, kHeight = 700;  // pixels
constexpr std::size_t kMaxDrawn = 400;       // points of a curve
constexpr double kLargestLoss = 1e100;       // differences of larger losses may overflow
constexpr double kBandOpacity = 0.22;

struct DrawnPoint {
  double step, loss, error;
  bool follows;  // joined to the previous point
};

struct Curve {
  std::vector<DrawnPoint> points;
  std::size_t merged = 1;   // points in each mean
  std::size_t skipped = 0;  // points that were not finite
};

Curve make_curve(std::vector<LossPoint> points) {
  std::stable_sort(points.begin(), points.end(),
                   [](const LossPoint& a, const LossPoint& b) { return a.step < b.step; });
  Curve curve;
  curve.merged = std::max<std::size_t>(1, (points.size() + kMaxDrawn - 1) / kMaxDrawn);
  bool follows = false;
  for (std::size_t first = 0; first < points.size(); first += curve.merged) {
    double count = 0, step = 0, loss = 0, variance = 0;
    for (std::size_t i = first; i < std::min(first + curve.merged, points.size()); ++i) {
      const LossPoint& point = points[i];
      if (!(std::abs(point.loss) < kLargestLoss)) {
        ++curve.skipped;
        continue;
      }
      const bool has_error = point.standard_error > 0 && point.standard_error < kLargestLoss;
      count += 1;
      step += static_cast<double>(point.step);
      loss += point.loss;
      variance += has_error ? point.standard_error * point.standard_error : 0;
    }
    if (count > 0) curve.points.push_back({step / count, loss / count, std::sqrt(variance) / count, follows});
    follows = count > 0;
  }
  return curve;
}

/// From the lowest to the highest end of an error bar, over the points from `first_step` on.
Interval loss_range(const Curve& training, const Curve& held_out, double first_step) {
  Interval range{HUGE_VAL, -HUGE_VAL};
  for (const Curve* curve : {&training, &held_out}) {
    for (const DrawnPoint& point : curve->points) {
      if (point.step < first_step) continue;
      range.low = std::min(range.low, point.loss - point.error);
      range.high = std::max(range.high, point.loss + point.error);
    }
  }
  return range;
}

/// All of the losses, unless the first twentieth of the steps would press the rest into less than a third of the
/// height.
Interval choose_loss_range(const Curve& training, const Curve& held_out, Interval steps) {
  const Interval all = loss_range(training, held_out, steps.low);
  const Interval late = loss_range(training, held_out, steps.low + (steps.high - steps.low) / 20);
  const double late_length = late.high - late.low;
  if (training.points.size() < 20 || !(late_length > 0) || late_length > (all.high - all.low) / 3) return all;
  return {std::min(late.low, all.low), std::min(all.high, late.high + late_length / 2)};
}

void draw_band(Canvas& canvas, const Axes& axes, const Curve& curve, Color color) {
  for (std::size_t i = 1; i < curve.points.size(); ++i) {
    const DrawnPoint &a = curve.points[i - 1], &b = curve.points[i];
    if (!b.follows || (a.error == 0 && b.error == 0)) continue;
    const Point a_top = axes.pixel(a.step, a.loss + a.error), b_top = axes.pixel(b.step, b.loss + b.error);
    const double a_bottom = axes.pixel(a.step, a.loss - a.error).y, b_bottom = axes.pixel(b.step, b.loss - b.error).y;
    for (int x = static_cast<int>(std::ceil(a_top.x - 0.5)); x + 0.5 < b_top.x; ++x) {
      const double t = (x + 0.5 - a_top.x) / (b_top.x - a_top.x);
      canvas.fill_column(x, a_top.y + t * (b_top.y - a_top.y), a_bottom + t * (b_bottom - a_bottom), color,
                         kBandOpacity);
    }
  }
}

void draw_curve(Canvas& canvas, const Axes& axes, const Curve& curve, Color color) {
  for (std::size_t i = 1; i < curve.points.size(); ++i) {
    const DrawnPoint &a = curve.points[i - 1], &b = curve.points[i];
    if (b.follows) canvas.line(axes.pixel(a.step, a.loss), axes.pixel(b.step, b.loss), 2, color);
  }
}

/// An error bar if no band shows the error.
void draw_dots(Canvas& canvas, const Axes& axes, const Curve& curve, double radius, bool has_band, Color color) {
  for (std::size_t i = 0; i < curve.points.size(); ++i) {
    const DrawnPoint& point = curve.points[i];
    const bool is_joined = point.follows || (i + 1 < curve.points.size() && curve.points[i + 1].follows);
    if (point.error > 0 && !(has_band && is_joined)) {
      canvas.line(axes.pixel(point.step, point.loss - point.error), axes.pixel(point.step, point.loss + point.error),
                  1.5, color);
    }
    const Point center = axes.pixel(point.step, point.loss);
    canvas.disc(center, radius + 1.2, kPage);
    canvas.disc(center, radius, color);
  }
}

bool has_errors(const Curve& curve) {
  return std::any_of(curve.points.begin(), curve.points.end(), [](const DrawnPoint& point) { return point.error > 0; });
}

/// Right-aligned above the plot, where it covers no data.
void draw_legend(Canvas& canvas, double right, double top, const Curve& training, const Curve& held_out) {
  const auto draw_entry = [&](const std::string& name, const Curve& curve, Color color, bool has_dot) {
    if (curve.points.empty()) return;
    std::string label = name + (has_errors(curve) ? " \u00b1 standard error" : "");
    if (curve.merged > 1) label += ", means of " + std::to_string(curve.merged);
    right = std::round(right - text_width(label, kTickScale));
    canvas.text({right, top}, label, kTickScale, kInk);
    const double middle = top + kCapHeight * kTickScale / 2;
    canvas.line({right - 38, middle}, {right - 12, middle}, 2, color);
    if (has_dot) {
      canvas.disc({right - 25, middle}, 4, color);
    } else if (has_errors(curve)) {
      canvas.fill_rect({static_cast<int>(right) - 39, static_cast<int>(middle) - 7, 28, 15}, color, kBandOpacity);
    }
    right -= 70;
  };
  draw_entry("held-out", held_out, kOrange, true);
  draw_entry("training", training, kBlue, false);
}

std::string plot_note(const Curve& training, const Curve& held_out, const Axes& axes) {
  std::string note;
  double last_above = -HUGE_VAL;
  for (const DrawnPoint& point : training.points) {
    if (point.loss > axes.y.high) last_above = point.step;
  }
  if (std::isfinite(last_above)) {
    note = "training loss is off the top until step " + grouped(static_cast<long long>(last_above));
  }
  const std::size_t skipped = training.skipped + held_out.skipped;
  if (skipped > 0) {
    note += (note.empty() ? "" : "; ") + grouped(static_cast<long long>(skipped)) +
            (skipped == 1 ? " loss is not finite" : " losses are not finite");
  }
  return note;
}

}  // namespace

Canvas loss_plot(const std::vector<LossPoint>& training_points, const std::vector<LossPoint>& held_out_points,
                 const std::string& title) {
  const Curve training = make_curve(training_points), held_out = make_curve(held_out_points);
  const bool is_empty = training.points.empty() && held_out.points.empty();
  Interval steps{HUGE_VAL, -HUGE_VAL};
  for (const Curve* curve : {&training, &held_out}) {
    if (curve->points.empty()) continue;
    steps = {std::min(steps.low, curve->points.front().step), std::max(steps.high, curve->points.back().step)};
  }
  if (is_empty) steps = {0, 1};
  const Interval losses = is_empty ? Interval{0, 1} : choose_loss_range(training, held_out, steps);

  Axes axes{{0, 100, 0, kHeight - 100 - 72}, padded(steps, 0.015), padded(losses, 0.06)};
  const Ticks y_ticks = round_ticks(axes.y, 6);
  axes.area.x = static_cast<int>(32 + widest_label(y_ticks));
  axes.area.width = kWidth - axes.area.x - 36;
  const double right = axes.area.x + axes.area.width;

  Canvas canvas(kWidth, kHeight, kPage);
  canvas.text({24, 24}, fit_text(title, kTitleScale, kWidth - 48), kTitleScale, kInk);
  canvas.text({24, 66}, "loss", kTickScale, kMuted);
  canvas.text({std::round((axes.area.x + right - text_width("step", kTickScale)) / 2), kHeight - 30.0}, "step",
              kTickScale, kMuted);
  draw_legend(canvas, right, 66, training, held_out);
  draw_grid(canvas, axes, round_ticks(axes.x, 8, 1), y_ticks);

  canvas.clip(axes.area);
  draw_band(canvas, axes, training, kBlue);
  draw_curve(canvas, axes, training, kBlue);
  if (training.points.size() <= 30) draw_dots(canvas, axes, training, 3, true, kBlue);
  draw_curve(canvas, axes, held_out, kOrange);
  draw_dots(canvas, axes, held_out, held_out.points.size() <= 60 ? 4 : 2, false, kOrange);
  canvas.unclip();
  draw_frame(canvas, axes);

  if (is_empty) {
    const std::string message = "no finite loss to draw";
    canvas.text({(axes.area.x + right - text_width(message, kTitleScale)) / 2, axes.area.y + axes.area.height / 2.0},
                message, kTitleScale, kMuted);
  }
  const std::string note = plot_note(training, held_out, axes);
  canvas.text({std::round(right - text_width(note, kTickScale)), kHeight - 30.0}, note, kTickScale, kMuted);
  return canvas;
}

}  // namespace scorematch::cli
