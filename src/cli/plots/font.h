/// @file
/// A small proportional font: 5x7 dots joined into strokes, so that it stays smooth at any size.
#pragma once
#include <string_view>
#include <vector>

namespace scorematch::cli {

constexpr int kCapHeight = 7;     // dots
constexpr int kDescent = 2;       // dots below the baseline
constexpr int kGlyphSpacing = 1;  // empty dots between glyphs

struct Stroke {
  double x0, y0, x1, y1;  // in dots, from the glyph's top left; a single dot has equal ends
};

struct Glyph {
  std::vector<Stroke> strokes;
  int width = 0;  // dots
};

/// Printable ASCII and U+00B1 (plus or minus); a box for anything else.
const Glyph& find_glyph(char32_t code_point);

/// Removes one code point of UTF-8 from the front; U+FFFD for a malformed byte.
char32_t take_code_point(std::string_view& text);

}  // namespace scorematch::cli
