#include "cli/plots/canvas.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cli/plots/font.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr int kMaxExtent = 32768;  // pixels
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;

bool is_finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

double distance_to_segment(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double squared_length = dx * dx + dy * dy;
  const double along = squared_length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / squared_length : 0;
  const double t = std::clamp(along, 0.0, 1.0);
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/// The fraction of a pixel that is covered by a shape whose edge is `inside` pixels beyond the pixel's center.
double coverage(double inside) { return std::clamp(inside + 0.5, 0.0, 1.0); }

}  // namespace

void check_canvas(int width, int height) {
  if (width < 1 || height < 1 || width > kMaxExtent || height > kMaxExtent ||
      std::int64_t{width} * height > kMaxPixels) {
    throw Error(ErrorCode::invalid_argument, "canvas",
                "canvas: expected a picture of 1 to 32768 pixels per side and at most 2^28 in all, got " +
                    std::to_string(width) + " x " + std::to_string(height));
  }
}

Canvas::Canvas(int width, int height, Color background) : width_(width), height_(height), clip_{0, 0, width, height} {
  check_canvas(width, height);
  pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  fill_rect({0, 0, width, height}, background);
}

Color Canvas::at(int x, int y) const {
  const std::size_t first =
      (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)) * 3;
  return {pixels_[first], pixels_[first + 1], pixels_[first + 2]};
}

void Canvas::clip(Rect area) {
  clip_ = {0, 0, width_, height_};
  clip_ = clipped(area.x, area.y, double{0} + area.x + area.width, double{0} + area.y + area.height);
}

/// The pixels that a box touches, inside the clip; clamped before the cast, because the box may be anywhere.
Canvas::Bounds Canvas::clipped(double x0, double y0, double x1, double y1) const {
  const auto clamp_to = [](double value, int low, int high) {
    return static_cast<int>(std::clamp(value, static_cast<double>(low), static_cast<double>(high)));
  };
  return {clamp_to(std::floor(x0), clip_.x0, clip_.x1), clamp_to(std::floor(y0), clip_.y0, clip_.y1),
          clamp_to(std::ceil(x1), clip_.x0, clip_.x1), clamp_to(std::ceil(y1), clip_.y0, clip_.y1)};
}

void Canvas::blend(int x, int y, Color color, double opacity) {
  const std::size_t first =
      (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)) * 3;
  const auto mix = [&](std::uint8_t& channel, std::uint8_t target) {
    channel = static_cast<std::uint8_t>(std::lround(channel + (target - channel) * opacity));
  };
  mix(pixels_[first], color.red);
  mix(pixels_[first + 1], color.green);
  mix(pixels_[first + 2], color.blue);
}

void Canvas::fill_rect(Rect area, Color color, double opacity) {
  const Bounds box = clipped(area.x, area.y, double{0} + area.x + area.width, double{0} + area.y + area.height);
  for (int y = box.y0; y < box.y1; ++y) {
    for (int x = box.x0; x < box.x1; ++x) blend(x, y, color, opacity);
  }
}

void Canvas::frame(Rect area, Color color) {
  fill_rect({area.x, area.y, area.width, 1}, color);
  fill_rect({area.x, area.y + area.height - 1, area.width, 1}, color);
  fill_rect({area.x, area.y, 1, area.height}, color);
  fill_rect({area.x + area.width - 1, area.y, 1, area.height}, color);
}

void Canvas::fill_column(int x, double top, double bottom, Color color, double opacity) {
  if (!is_finite({top, bottom})) return;
  const Bounds box = clipped(x, top, x + 1.0, bottom);
  if (box.x0 == box.x1) return;
  for (int y = box.y0; y < box.y1; ++y) {
    const double covered = std::min(bottom, y + 1.0) - std::max(top, double{0} + y);
    if (covered > 0) blend(x, y, color, opacity * covered);
  }
}

void Canvas::line(Point from, Point to, double thickness, Color color, double opacity) {
  if (!is_finite(from) || !is_finite(to)) return;
  const double reach = thickness / 2 + 1;
  const Bounds box = clipped(std::min(from.x, to.x) - reach, std::min(from.y, to.y) - reach,
                             std::max(from.x, to.x) + reach, std::max(from.y, to.y) + reach);
  for (int y = box.y0; y < box.y1; ++y) {
    for (int x = box.x0; x < box.x1; ++x) {
      const double covered = coverage(thickness / 2 - distance_to_segment({x + 0.5, y + 0.5}, from, to));
      if (covered > 0) blend(x, y, color, opacity * covered);
    }
  }
}

void Canvas::disc(Point center, double radius, Color color, double opacity) {
  line(center, center, 2 * radius, color, opacity);
}

void Canvas::text(Point top_left, std::string_view utf8, double scale, Color color) {
  if (!is_finite(top_left)) return;
  double left = top_left.x;
  while (!utf8.empty()) {
    const Glyph& glyph = find_glyph(take_code_point(utf8));
    const Bounds box = clipped(left - 1, top_left.y - 1, left + glyph.width * scale + 1,
                               top_left.y + (kCapHeight + kDescent) * scale + 1);
    for (int y = box.y0; y < box.y1; ++y) {
      for (int x = box.x0; x < box.x1; ++x) {
        // Only the nearest stroke, so that joints are no darker than strokes.
        double distance = scale + 1;
        for (const Stroke& s : glyph.strokes) {
          const Point from{left + s.x0 * scale, top_left.y + s.y0 * scale};
          const Point to{left + s.x1 * scale, top_left.y + s.y1 * scale};
          distance = std::min(distance, distance_to_segment({x + 0.5, y + 0.5}, from, to));
        }
        const double covered = coverage(scale / 2 - distance);
        if (covered > 0) blend(x, y, color, covered);
      }
    }
    left += (glyph.width + kGlyphSpacing) * scale;
  }
}

double text_width(std::string_view utf8, double scale) {
  int dots = 0;
  while (!utf8.empty()) dots += find_glyph(take_code_point(utf8)).width + kGlyphSpacing;
  return dots > 0 ? (dots - kGlyphSpacing) * scale : 0;
}

}  // namespace scorematch::cli
