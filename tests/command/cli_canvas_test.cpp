// The command's canvas and its font.
#include "cli/plots/canvas.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/plots/font.h"
#include "support/pictures.h"

namespace scorematch::cli {
namespace {

TEST(CanvasTest, RectanglesAndFramesAreExactAndClipped) {
  Canvas canvas(10, 8, kWhite);
  canvas.fill_rect({7, 6, 100, 100}, kBlack);
  canvas.fill_rect({-5, -5, 7, 6}, kRed);
  canvas.frame({3, 2, 4, 3}, kBlue);
  EXPECT_EQ(count_color(canvas, kBlack), 3 * 2);
  EXPECT_EQ(count_color(canvas, kRed), 2 * 1);
  EXPECT_EQ(count_color(canvas, kBlue), 4 * 3 - 2);
  EXPECT_EQ(canvas.at(6, 4), kBlue);
  EXPECT_EQ(canvas.at(4, 3), kWhite);
}

TEST(CanvasTest, InkIsTheAreaOfTheShape) {
  Canvas disc(60, 60, kWhite);
  disc.disc({30.3, 29.6}, 20, kBlack);
  EXPECT_NEAR(ink(disc), 3.14159265 * 400, 0.01 * 1257);
  Canvas line(100, 60, kWhite);
  line.line({10, 10}, {80, 45}, 3, kBlack);
  EXPECT_NEAR(ink(line), std::hypot(70, 35) * 3 + 3.14159265 * 2.25, 0.03 * 240);
  Canvas column(3, 10, kWhite);
  column.fill_column(1, 2.25, 6.75, kBlack);
  EXPECT_NEAR(ink(column), 4.5, 0.01);
  EXPECT_EQ(column.at(0, 4), kWhite);
}

TEST(CanvasTest, OpacityBlends) {
  Canvas canvas(3, 1, kWhite);
  canvas.fill_rect({0, 0, 1, 1}, {55, 155, 255}, 0.5);
  EXPECT_EQ(canvas.at(0, 0), (Color{155, 205, 255}));
}

TEST(CanvasTest, ClipHoldsUntilUnclip) {
  Canvas canvas(20, 20, kWhite);
  canvas.clip({5, 5, 10, 10});
  canvas.disc({10, 10}, 50, kBlack);
  canvas.text({0, 0}, "text", 2, kBlack);
  EXPECT_EQ(count_color(canvas, kBlack), 100);
  canvas.unclip();
  canvas.fill_rect({0, 0, 20, 20}, kBlack);
  EXPECT_EQ(count_color(canvas, kBlack), 400);
}

TEST(CanvasTest, WhatIsFarAwayOrNotFiniteIsLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Canvas canvas(20, 20, kWhite);
  canvas.line({nan, 0}, {5, 5}, 2, kBlack);
  canvas.disc({3, HUGE_VAL}, 2, kBlack);
  canvas.disc({1e300, -1e300}, 5, kBlack);
  canvas.fill_column(3, nan, 7, kBlack);
  canvas.fill_column(1 << 30, 0, 7, kBlack);
  canvas.text({nan, 3}, "text", 2, kBlack);
  canvas.text({-1e6, 1e9}, "text", 2, kBlack);
  EXPECT_EQ(ink(canvas), 0);
}

TEST(CanvasTest, ImpossibleSizesAreRefused) {
  for (const auto& [width, height] : {std::pair{0, 5}, {5, 0}, {-1, 5}, {32769, 1}, {32768, 32768}}) {
    EXPECT_EQ(argument_at_fault([w = width, h = height] { Canvas(w, h, kWhite); }), "canvas");
  }
}

TEST(FontTest, EveryPrintableCharacterHasAGlyphOfItsOwn) {
  std::set<std::vector<std::uint8_t>> pictures;
  for (char c = ' '; c <= '~'; ++c) {
    Canvas canvas(24, 24, kWhite);
    canvas.text({4, 2}, std::string(1, c), 2, kBlack);
    EXPECT_EQ(ink(canvas) > 0, c != ' ') << c;
    EXPECT_NE(&find_glyph(static_cast<char32_t>(c)), &find_glyph(U'\ufffd')) << c;
    pictures.insert(canvas.pixels());
  }
  EXPECT_EQ(pictures.size(), 94u);  // 95 minus O, which looks like 0
}

TEST(FontTest, WidthScalesAndDigitsAreEqual) {
  EXPECT_EQ(text_width("", 2), 0);
  EXPECT_EQ(text_width("1", 2), 10);
  EXPECT_EQ(text_width("10", 3), 3 * (5 + 1 + 5));
  EXPECT_LT(text_width("il", 2), text_width("mm", 2));
}

TEST(FontTest, Utf8IsTakenACodePointAtATime) {
  const auto decode = [](std::string_view text) {
    std::u32string points;
    while (!text.empty()) points += take_code_point(text);
    return points;
  };
  EXPECT_TRUE(decode("a\u00b1\u2192\U0001f600z") == U"a\u00b1\u2192\U0001f600z");
  EXPECT_TRUE(decode("\xff\xc2") == U"\ufffd\ufffd");
  EXPECT_TRUE(decode("\xe2\x86") == U"\ufffd\ufffd");
  EXPECT_TRUE(decode("\xc2z") == U"\ufffdz");
}

}  // namespace
}  // namespace scorematch::cli
