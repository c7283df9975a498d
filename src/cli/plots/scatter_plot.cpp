#include "cli/plots/scatter_plot.h"

#include <algorithm>
#include <cmath>

#include "cli/plots/axes.h"
#include "cli/plots/contours.h"
#include "cli/plots/font.h"
#include "cli/plots/palette.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr int kPanel = 540;                       // pixels per side
constexpr int kTop = 104, kBottom = 52;           // pixels above and below the panels
constexpr int kRight = 24;                        // pixels right of a panel
constexpr double kFaintest = 0.12, kFull = 0.75;  // opacity of a point

struct View {
  Interval x, y;
};

void check(const Matrix& points, const char* name) {
  if (points.cols == 2 && points.rows >= 0 && static_cast<std::int64_t>(points.values.size()) == points.rows * 2)
    return;
  if (points.rows == 0 && points.values.empty()) return;
  throw Error(ErrorCode::invalid_argument, name,
              std::string(name) + ": expected [N, 2], got [" + std::to_string(points.rows) + ", " +
                  std::to_string(points.cols) + "] with " + std::to_string(points.values.size()) + " values");
}

std::vector<Point> finite_points(const Matrix& matrix) {
  std::vector<Point> points;
  for (std::size_t i = 0; i + 1 < matrix.values.size(); i += 2) {
    const Point point{static_cast<double>(matrix.values[i]), static_cast<double>(matrix.values[i + 1])};
    if (std::isfinite(point.x) && std::isfinite(point.y)) points.push_back(point);
  }
  return points;
}

/// A square around the points with some space at its sides, with the same unit on both axes.
View choose_view(const std::vector<Point>& data, const std::vector<Point>& samples) {
  const std::vector<Point>& points = data.empty() ? samples : data;
  if (points.empty()) return {{-1, 1}, {-1, 1}};
  const auto by_x = [](Point a, Point b) { return a.x < b.x; };
  const auto by_y = [](Point a, Point b) { return a.y < b.y; };
  const auto x = std::minmax_element(points.begin(), points.end(), by_x);
  const auto y = std::minmax_element(points.begin(), points.end(), by_y);
  const Interval around_x = padded({x.first->x, x.second->x}, 0.12), around_y = padded({y.first->y, y.second->y}, 0.12);
  const double half = std::max(around_x.high - around_x.low, around_y.high - around_y.low) / 2;
  const double centre_x = (around_x.low + around_x.high) / 2, centre_y = (around_y.low + around_y.high) / 2;
  return {{centre_x - half, centre_x + half}, {centre_y - half, centre_y + half}};
}

bool is_inside(Interval interval, double value) { return value >= interval.low && value <= interval.high; }

/// The more points, the fainter and smaller, so that density shows.
void draw_points(Canvas& canvas, const Axes& axes, const std::vector<Point>& points, Color color) {
  const double count = static_cast<double>(std::max<std::size_t>(points.size(), 1));
  const double opacity = std::clamp(1500 / count, kFaintest, kFull);
  const double radius = points.size() <= 200 ? 3.5 : points.size() <= 2000 ? 2.5 : 1.8;
  for (const Point& point : points) canvas.disc(axes.pixel(point.x, point.y), radius, color, opacity);
}

void draw_arrow(Canvas& canvas, Point center, double dx, double dy, double length) {
  const Point tip{center.x + dx * length / 2, center.y + dy * length / 2};
  canvas.line({center.x - dx * length / 2, center.y - dy * length / 2}, tip, 1.6, kInk);
  const double head = std::clamp(length * 0.35, 2.5, 6.0);
  for (const double side : {-0.55, 0.55}) {
    canvas.line(tip, {tip.x - head * (dx + side * dy), tip.y - head * (dy - side * dx)}, 1.6, kInk);
  }
}

/// Lengths from a quarter of the grid's spacing to nearly all of it.
void draw_field(Canvas& canvas, const Axes& axes, const std::vector<Arrow>& field) {
  std::vector<double> norms;
  for (const Arrow& arrow : field) {
    const double norm = std::hypot(arrow.dx, arrow.dy);
    if (std::isfinite(norm) && norm > 0) norms.push_back(norm);
  }
  if (norms.empty()) return;
  std::sort(norms.begin(), norms.end());
  const double median = norms[norms.size() / 2], largest = std::log1p(norms.back() / median);
  const double spacing = std::clamp(kPanel / std::sqrt(static_cast<double>(field.size())), 12.0, 60.0);
  for (const Arrow& arrow : field) {
    const double norm = std::hypot(arrow.dx, arrow.dy);
    if (!std::isfinite(norm)) continue;
    const Point center = axes.pixel(arrow.x, arrow.y);
    if (norm == 0) {
      canvas.disc(center, 1.6, kInk);
    } else {
      const double length = spacing * (0.25 + 0.6 * std::log1p(norm / median) / largest);
      draw_arrow(canvas, center, arrow.dx / norm, -arrow.dy / norm, length);  // pixels count downward
    }
  }
}

int side_of(const std::vector<double>& grid) {
  return static_cast<int>(std::lround(std::sqrt(static_cast<double>(grid.size()))));
}

void draw_contours(Canvas& canvas, const Axes& axes, const std::vector<double>& log_density) {
  double most = -HUGE_VAL;
  for (const double each : log_density)
    if (std::isfinite(each)) most = std::max(most, each);
  const int side = side_of(log_density);
  const auto place = [&](Point at) {  // of a grid of the centers of side x side cells
    return axes.pixel(axes.x.low + (at.x + 0.5) / side * (axes.x.high - axes.x.low),
                      axes.y.low + (at.y + 0.5) / side * (axes.y.high - axes.y.low));
  };
  for (int k = 1; k <= 5; ++k)
    for (const auto& [from, to] : contour_lines(log_density, side, most - 0.5 * k * k))
      canvas.line(place(from), place(to), 1.6, kBlue, 0.8);
}

std::string describe(const char* name, const Matrix& matrix, const std::vector<Point>& points, const View& view) {
  std::string text = std::string(name) + ": " + grouped(matrix.rows) + (matrix.rows == 1 ? " point" : " points");
  const auto outside = std::count_if(points.begin(), points.end(), [&](Point point) {
    return !is_inside(view.x, point.x) || !is_inside(view.y, point.y);
  });
  const auto not_finite = matrix.rows - static_cast<std::int64_t>(points.size());
  if (outside > 0) text += ", " + grouped(outside) + " outside";
  if (not_finite > 0) text += ", " + grouped(not_finite) + " not finite";
  return text;
}

}  // namespace

Canvas scatter_plot(const Matrix& data, const Matrix& samples, const std::vector<Arrow>& field,
                    const std::string& title, const std::vector<double>& log_density) {
  check(data, "data");
  check(samples, "samples");
  const auto side = static_cast<std::size_t>(side_of(log_density));
  if (side * side != log_density.size())
    throw Error(ErrorCode::invalid_argument, "log_density",
                "log_density: expected a square of values, got " + std::to_string(log_density.size()));
  const std::vector<Point> data_points = finite_points(data), sample_points = finite_points(samples);
  const View view = choose_view(data_points, sample_points);
  const Ticks x_ticks = round_ticks(view.x, 5), y_ticks = round_ticks(view.y, 5);
  const int left = static_cast<int>(widest_label(y_ticks)) + 32;

  Canvas canvas(2 * (left + kPanel + kRight), kTop + kPanel + kBottom, kPage);
  canvas.text({24, 22}, fit_text(title, kTitleScale, canvas.width() - 48), kTitleScale, kInk);
  const auto draw_panel = [&](int origin, const std::string& caption, const std::vector<Point>& points, Color color,
                              const std::vector<Arrow>& arrows, const std::vector<double>& heights) {
    const Axes axes{{origin + left, kTop, kPanel, kPanel}, view.x, view.y};
    canvas.text({origin + left + 0.0, kTop - 28.0}, fit_text(caption, 2, kPanel), 2, kInk);
    draw_grid(canvas, axes, x_ticks, y_ticks);
    canvas.clip(axes.area);
    draw_points(canvas, axes, points, color);
    draw_contours(canvas, axes, heights);
    draw_field(canvas, axes, arrows);
    canvas.unclip();
    draw_frame(canvas, axes);
  };
  draw_panel(0, describe("data", data, data_points, view), data_points, kBlue, {}, {});
  std::string model = field.empty() ? "samples" : "samples and score";
  if (!log_density.empty()) model = field.empty() ? "samples and density" : "samples, score and density";
  draw_panel(canvas.width() / 2, describe(model.c_str(), samples, sample_points, view), sample_points, kOrange, field,
             log_density);
  return canvas;
}

Matrix arrow_grid(const Matrix& data, const Matrix& samples, int per_side) {
  check(data, "data");
  check(samples, "samples");
  if (per_side < 1 || per_side > 1000) {
    throw Error(ErrorCode::invalid_argument, "per_side",
                "per_side: expected 1 to 1000, got " + std::to_string(per_side));
  }
  const View view = choose_view(finite_points(data), finite_points(samples));
  Matrix grid{std::int64_t{per_side} * per_side, 2, {}};
  for (int row = 0; row < per_side; ++row) {
    for (int col = 0; col < per_side; ++col) {
      const double share_x = (col + 0.5) / per_side, share_y = (row + 0.5) / per_side;
      grid.values.push_back(static_cast<float>(view.x.low + share_x * (view.x.high - view.x.low)));
      grid.values.push_back(static_cast<float>(view.y.low + share_y * (view.y.high - view.y.low)));
    }
  }
  return grid;
}

}  // namespace scorematch::cli
