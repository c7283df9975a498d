/// @file
/// A picture to draw on: 8-bit RGB, anti-aliased.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace scorematch::cli {

struct Color {
  std::uint8_t red, green, blue;
};

inline bool operator==(Color a, Color b) { return a.red == b.red && a.green == b.green && a.blue == b.blue; }

struct Point {
  double x, y;  // pixels from the top left; pixel (i, j) has its center at (i + 0.5, j + 0.5)
};

struct Rect {
  int x, y, width, height;  // pixels
};

/// @throws Error invalid_argument unless both extents are 1 to 32768 and there are at most 2^28 pixels
void check_canvas(int width, int height);

/// What is drawn outside the canvas, or at a place that is not finite, is left out. Opacity 1 covers; opacity 0 changes
/// nothing.
class Canvas {
 public:
  /// @throws Error invalid_argument unless both extents are 1 to 32768 and there are at most 2^28 pixels
  Canvas(int width, int height, Color background);

  int width() const { return width_; }
  int height() const { return height_; }
  Color at(int x, int y) const;
  /// [height, width, 3]
  const std::vector<std::uint8_t>& pixels() const { return pixels_; }

  /// Everything that follows is drawn inside `area` only, until unclip().
  void clip(Rect area);
  void unclip() { clip({0, 0, width_, height_}); }

  void fill_rect(Rect area, Color color, double opacity = 1);
  /// One pixel wide, inside `area`.
  void frame(Rect area, Color color);
  /// Part of the pixel column x, from top to bottom in fractions of a pixel.
  void fill_column(int x, double top, double bottom, Color color, double opacity = 1);
  void line(Point from, Point to, double thickness, Color color, double opacity = 1);
  void disc(Point center, double radius, Color color, double opacity = 1);
  /// UTF-8 text with the top of its capitals at `top_left`; capitals are 7 x scale pixels high.
  void text(Point top_left, std::string_view utf8, double scale, Color color);

 private:
  struct Bounds {
    int x0, y0, x1, y1;  // x1 and y1 are just outside
  };
  Bounds clipped(double x0, double y0, double x1, double y1) const;
  void blend(int x, int y, Color color, double opacity);

  int width_, height_;
  Bounds clip_;
  std::vector<std::uint8_t> pixels_;
};

/// Pixels.
double text_width(std::string_view utf8, double scale);

}  // namespace scorematch::cli
