// The plots of the command: what is drawn where, and that every input works.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/plots/axes.h"
#include "cli/plots/contact_sheet.h"
#include "cli/plots/contours.h"
#include "cli/plots/loss_plot.h"
#include "cli/plots/scatter_plot.h"
#include "support/pictures.h"

namespace scorematch::cli {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

TEST(AxesTest, TicksAreRoundAndInside) {
  const auto labels = [](double low, double high, int target) { return round_ticks({low, high}, target).labels; };
  using Labels = std::vector<std::string>;
  EXPECT_EQ(labels(0, 1, 5), (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels(-41.3, 3.9, 5), (Labels{"-40", "-30", "-20", "-10", "0"}));
  EXPECT_EQ(labels(0, 20000, 4), (Labels{"0", "5k", "10k", "15k", "20k"}));
  EXPECT_EQ(labels(1.2e6, 1.31e6, 3), (Labels{"1.20M", "1.25M", "1.30M"}));
  EXPECT_EQ(labels(-3e-5, 3e-5, 3), (Labels{"-2e-05", "0", "2e-05"}));
  EXPECT_EQ(labels(1e15, 3e15, 2), (Labels{"1e+15", "2e+15", "3e+15"}));
  EXPECT_EQ(round_ticks({-0.1, 2.1}, 9, 1).labels, (Labels{"0", "1", "2"}));
  EXPECT_EQ(round_ticks({0.3, 0.8}, 9, 1).values.empty(), false);
}

TEST(AxesTest, TicksStayFewDistinctAndSortedWhateverTheInterval) {
  for (double magnitude = 1e-90; magnitude < 1e90; magnitude *= 7.3) {
    for (const double relative : {1e-8, 1e-3, 0.7, 30.0}) {
      const Interval interval = padded({magnitude, magnitude * (1 + relative)}, 0.05);
      const Ticks ticks = round_ticks(interval, 7);
      ASSERT_GE(ticks.values.size(), 3u) << magnitude << ' ' << relative;
      ASSERT_LE(ticks.values.size(), 12u) << magnitude << ' ' << relative;
      EXPECT_EQ(std::set<std::string>(ticks.labels.begin(), ticks.labels.end()).size(), ticks.values.size());
      EXPECT_GE(ticks.values.front(), interval.low - 1e-9 * (interval.high - interval.low));
      EXPECT_LE(ticks.values.back(), interval.high + 1e-9 * (interval.high - interval.low));
    }
  }
}

TEST(AxesTest, APointIsWidened) {
  for (const double value : {0.0, 5.0, -1e90, 1e-300}) {
    const Interval interval = padded({value, value}, 0);
    EXPECT_LT(interval.low, value);
    EXPECT_GT(interval.high, value);
    EXPECT_FALSE(round_ticks(interval, 5).values.empty());
  }
}

TEST(AxesTest, TextIsCutToFit) {
  EXPECT_EQ(fit_text("short", 2, 500), "short");
  const std::string cut = fit_text("a title that is far too long", 2, 100);
  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
  EXPECT_LE(text_width(cut, 2), 100);
  EXPECT_GT(text_width(cut, 2), 70);
  EXPECT_EQ(fit_text("none", 2, 5), "");
}

TEST(AxesTest, GroupedHasCommas) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1797), "1,797");
  EXPECT_EQ(grouped(-123456), "-123,456");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(ContactSheetTest, EveryValueIsASquareOfItsGrey) {
  const Matrix samples{3, 2, {0, 16, 8, -5, 99, kNan}};
  const SheetOptions options{0, 16, 2, 10};
  const Canvas sheet = contact_sheet(samples, 1, 2, options);  // gaps of 4 pixels and a margin of 16
  EXPECT_EQ(sheet.width(), 2 * 16 + 4 + 2 * (20 + 4));
  EXPECT_EQ(sheet.height(), 2 * 16 + 4 + 2 * (10 + 4));
  const Color grey{128, 128, 128};
  EXPECT_EQ(count_color(sheet, kBlack), 200);  // 0 and -5
  EXPECT_EQ(count_color(sheet, grey), 100);
  EXPECT_EQ(count_color(sheet, kRed), 100);
  for (const int offset : {0, 9}) {
    EXPECT_EQ(sheet.at(20 + offset, 20 + offset), kBlack);
    EXPECT_EQ(sheet.at(30 + offset, 20 + offset), kWhite);
    EXPECT_EQ(sheet.at(44 + offset, 20 + offset), grey);
    EXPECT_EQ(sheet.at(20 + offset, 34 + offset), kWhite);
    EXPECT_EQ(sheet.at(30 + offset, 34 + offset), kRed);
  }
  EXPECT_FALSE(sheet.at(17, 17) == kWhite);
  EXPECT_FALSE(sheet.at(41, 25) == kWhite);  // a gap
  EXPECT_EQ(sheet.at(55, 40), kWhite);       // there is no fourth picture
}

TEST(ContactSheetTest, BlackAndWhiteMayBeSwapped) {
  SheetOptions options;
  options.black = 1, options.white = 0, options.zoom = 3;
  EXPECT_EQ(count_color(contact_sheet({1, 2, {1, 0}}, 1, 2, options), kBlack), 9);
}

TEST(ContactSheetTest, SizesAreChosenForAnyNumber) {
  EXPECT_EQ(contact_sheet({64, 64, std::vector<float>(4096)}, 8, 8).width(), 2 * 16 + 4 + 8 * (64 + 4));
  EXPECT_EQ(contact_sheet({10, 1, std::vector<float>(10)}, 1, 1).width(), 2 * 16 + 4 + 5 * (64 + 4));
  EXPECT_GT(contact_sheet({1, 1, {0.5f}}, 1, 1).width(), 64);
  EXPECT_GT(contact_sheet({0, 64, {}}, 8, 8).width(), 64);
  EXPECT_LT(contact_sheet({20000, 4, std::vector<float>(80000)}, 2, 2).width(), 2000);
}

TEST(ContactSheetTest, MisuseIsNamed) {
  const auto fault = [](const Matrix& samples, int height, int width, const SheetOptions& options) {
    return argument_at_fault([&] { contact_sheet(samples, height, width, options); });
  };
  const Matrix one{1, 4, {0, 0, 0, 0}};
  EXPECT_EQ(fault(one, 2, 2, {}), "none");
  EXPECT_EQ(fault(one, 2, 3, {}), "samples");
  EXPECT_EQ(fault(one, -2, -2, {}), "samples");
  EXPECT_EQ(fault({2, 4, {0, 0, 0, 0}}, 2, 2, {}), "samples");
  EXPECT_EQ(fault(one, 2, 2, {1, 1, 0, 0}), "black");
  EXPECT_EQ(fault(one, 2, 2, {kNan, 1, 0, 0}), "black");
  EXPECT_EQ(fault(one, 2, 2, {0, 1, -1, 0}), "columns");
  EXPECT_EQ(fault(one, 2, 2, {0, 1, 0, -1}), "zoom");
  EXPECT_EQ(fault(one, 2, 2, {0, 1, 0, std::numeric_limits<int>::max()}), "canvas");
}

std::vector<LossPoint> decay(int count, double spike) {
  std::vector<LossPoint> points;
  for (int i = 0; i < count; ++i) points.push_back({10 * i, -5 + std::exp(-i / 30.0) + (i < 2 ? spike : 0), 0.1});
  return points;
}

TEST(LossPlotTest, CurvesAreDrawnInTheirColors) {
  const Canvas both = loss_plot(decay(100, 0), {{0, -4, 0.2}, {900, -5, 0.2}}, "title");
  EXPECT_EQ(both.width(), 1200);
  EXPECT_EQ(both.height(), 700);
  EXPECT_GT(count_color(both, kBlue), 500);
  EXPECT_GT(count_color(both, kOrange), 500);
  const Canvas training = loss_plot(decay(100, 0), {}, "title");
  EXPECT_GT(count_color(training, kBlue), 500);
  EXPECT_EQ(count_color(training, kOrange), 0);
}

TEST(LossPlotTest, TheBandIsDrawnForErrorsOnly) {
  std::vector<LossPoint> exact = decay(100, 0);
  for (LossPoint& point : exact) point.standard_error = 0;
  const double with = ink(loss_plot(decay(100, 0), {}, "")), without = ink(loss_plot(exact, {}, ""));
  EXPECT_GT(with, without + 1000);
}

TEST(LossPlotTest, ASteepStartDoesNotFlattenTheRest) {
  // To the right of the start, a flattened curve would be only a few pixels high.
  const auto blue_height = [](const Canvas& canvas) {
    int top = canvas.height(), bottom = 0;
    for (int y = 110; y < 620; ++y) {
      for (int x = 200; x < 1100; ++x) {
        if (canvas.at(x, y) == kBlue) top = std::min(top, y), bottom = std::max(bottom, y);
      }
    }
    return bottom - top;
  };
  EXPECT_GT(blue_height(loss_plot(decay(100, 1e6), {}, "")), 100);
  EXPECT_GT(blue_height(loss_plot(decay(100, 1e40), {}, "")), 100);
}

TEST(LossPlotTest, OddInputsAreDrawn) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = HUGE_VAL, most = 1.7e308;
  const std::vector<std::vector<LossPoint>> odd = {
      {},
      {{0, nan, nan}},
      {{0, -3, 0}},
      {{0, -3, infinity}, {1, infinity, 1}, {2, -3.5, nan}, {3, -infinity, -1}},
      {{5, 2, 0}, {5, 2, 0}, {5, 2, 0}},
      {{0, 0, 0}, {1, 0, 0}},
      {{0, 1e8, 0}, {100, 1e8, 0}},
      {{3, 1, 0.5}, {1, 2, 0.5}, {2, 3, 0.5}},
      {{0, most, most}, {1, -most, most}, {2, 1e99, 1e99}, {3, -1e99, 0}},
      {{0, 1e-310, 0}, {1, 2e-310, 0}},
      {{-9000000000000000000, 1, 0}, {9000000000000000000, 2, 0}},
      decay(401, 1e90),
      decay(5000, 0),
  };
  for (std::size_t i = 0; i < odd.size(); ++i) {
    for (const Canvas& canvas : {loss_plot(odd[i], {}, "odd"), loss_plot({}, odd[i], "odd")}) {
      const int drawn = count_color(canvas, kBlue) + count_color(canvas, kOrange);
      EXPECT_EQ(drawn > 0, i > 1) << i;
    }
    EXPECT_NO_THROW(loss_plot(odd[i], odd[odd.size() - 1 - i], std::string(500, 'W') + "\xff")) << i;
  }
}

Matrix ring(int count) {
  Matrix points{count, 2, {}};
  for (int i = 0; i < count; ++i) {
    points.values.push_back(3 * std::cos(static_cast<float>(i)));
    points.values.push_back(std::sin(static_cast<float>(i)));
  }
  return points;
}

TEST(ScatterPlotTest, PanelsHaveTheirColoursAndArrows) {
  const std::vector<Arrow> field = {{0, 0, 1, 1}, {2, 2, 0, -5}};
  const Canvas plain = scatter_plot(ring(300), ring(200), {}, "ring"),
               arrows = scatter_plot(ring(300), ring(200), field, "ring");
  int blue_left = 0, blue_right = 0, orange_left = 0, orange_right = 0;
  for (int y = 110; y < plain.height() - 60; ++y) {
    for (int x = 0; x < plain.width(); ++x) {
      const Color color = plain.at(x, y);
      const bool is_left = x < plain.width() / 2;
      if (color.blue > color.red + 60) ++(is_left ? blue_left : blue_right);
      if (color.red > color.blue + 60) ++(is_left ? orange_left : orange_right);
    }
  }
  EXPECT_GT(blue_left, 500);
  EXPECT_GT(orange_right, 500);
  EXPECT_EQ(blue_right, 0);
  EXPECT_EQ(orange_left, 0);
  EXPECT_GT(ink(arrows), ink(plain));
}

TEST(ScatterPlotTest, ArrowsPointAsTheScoreDoes) {
  // One arrow at the center of the view points up. Its head makes the upper half darker.
  const Matrix data{2, 2, {-1, -1, 1, 1}};
  const Canvas canvas = scatter_plot(data, {0, 2, {}}, {{0, 0, 0, 1}}, "");
  double above = 0, below = 0;
  const int center_x = canvas.width() - 24 - 270, centre_y = 104 + 270;
  for (int x = center_x - 12; x < center_x + 12; ++x) {
    for (int i = 5; i < 40; ++i) {
      above += 255 - canvas.at(x, centre_y - 1 - i).green;
      below += 255 - canvas.at(x, centre_y + i).green;
    }
  }
  EXPECT_GT(above, below * 1.1);
}

TEST(ScatterPlotTest, OddInputsAreDrawn) {
  const std::vector<Matrix> odd = {{0, 0, {}},
                                   {0, 2, {}},
                                   {1, 2, {5, 5}},
                                   {1, 2, {kNan, 1}},
                                   {3, 2, {0, 0, kInf, 1, -kInf, kNan}},
                                   {2, 2, {1e30f, 0, -1e30f, 0}},
                                   {2, 2, {3.4e38f, 3.4e38f, -3.4e38f, -3.4e38f}},
                                   {2, 2, {1e-45f, 0, 0, 1e-45f}},
                                   ring(5000)};
  const std::vector<Arrow> field = {{0, 0, 0, 0},        {0, 1, 1e308, 1e308}, {0, 0, 1e-320, 0},    {1, 1, 3, 4},
                                    {HUGE_VAL, 0, 1, 1}, {0, 0, HUGE_VAL, 1},  {1e300, 1e300, 1, 1}, {0, NAN, NAN, 1}};
  for (const Matrix& data : odd) {
    for (const Matrix& samples : odd) {
      EXPECT_NO_THROW(scatter_plot(data, samples, field, "odd"));
      EXPECT_EQ(arrow_grid(data, samples, 3).values.size(), 18u);
    }
  }
}

TEST(ScatterPlotTest, TheGridCoversTheData) {
  const Matrix grid = arrow_grid(ring(500), {0, 2, {}}, 10);
  ASSERT_EQ(grid.rows, 100);
  float least = kInf, most = -kInf;
  for (std::size_t i = 0; i < grid.values.size(); ++i) {
    least = std::min(least, grid.values[i]);
    most = std::max(most, grid.values[i]);
  }
  EXPECT_NEAR(static_cast<double>(least), -3.3, 0.1);
  EXPECT_NEAR(static_cast<double>(most), 3.3, 0.1);
}

/// x^2 + 2 y^2 about (x0, y0) on a grid.
std::vector<double> bowl(int side, double x0, double y0) {
  std::vector<double> values;
  for (int row = 0; row < side; ++row)
    for (int column = 0; column < side; ++column)
      values.push_back((column - x0) * (column - x0) + 2 * (row - y0) * (row - y0));
  return values;
}

// Contours are linear between grid points, so they are off the ellipse by at most an eighth of the second derivative.
TEST(Contours, AreClosedWhereTheFunctionHasTheLevel) {
  const auto lines = contour_lines(bowl(41, 20.3, 19.6), 41, 150);
  ASSERT_GT(lines.size(), 30u);
  std::map<std::pair<double, double>, int> ends;
  for (const auto& [from, to] : lines)
    for (const Point& at : {from, to}) {
      const double height = (at.x - 20.3) * (at.x - 20.3) + 2 * (at.y - 19.6) * (at.y - 19.6);
      EXPECT_NEAR(height, 150, 0.5 + 1e-9);
      ++ends[{at.x, at.y}];
    }
  for (const auto& [place, count] : ends) EXPECT_EQ(count, 2) << place.first << ", " << place.second;
}

TEST(Contours, OfASaddleGoRoundTheCornersThatTheMiddleIsNotLike) {
  for (const double lift : {-0.1, 0.1}) {  // raises the middle of x y on [-1, 1]^2
    const auto lines = contour_lines({1 + lift, -1 + lift, -1 + lift, 1 + lift}, 2, 0);
    ASSERT_EQ(lines.size(), 2u);
    for (const auto& [from, to] : lines) {
      const double product =
          (from.x + to.x - 1) * (from.y + to.y - 1);  // its sign says which corners are near the middle of the piece
      EXPECT_GT(lift > 0 ? -product : product, 0);
    }
  }
}

TEST(Contours, NeedFiniteCorners) {
  std::vector<double> values = bowl(11, 5, 5);
  const auto whole = contour_lines(values, 11, 8);
  for (const double odd : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    values[5 * 11 + 7] = odd;  // on the contour
    const auto lines = contour_lines(values, 11, 8);
    EXPECT_LT(lines.size(), whole.size());
    EXPECT_GT(lines.size(), whole.size() / 2);
  }
  EXPECT_TRUE(contour_lines({}, 0, 0).empty());
  EXPECT_TRUE(contour_lines({1}, 1, 0).empty());
  EXPECT_TRUE(contour_lines(bowl(5, 2, 2), 5, -1).empty());
}

TEST(ScatterPlotTest, ContoursAreDrawnInTheRightPanel) {
  const Matrix data = ring(300);
  std::vector<double> heights;
  const Matrix grid = arrow_grid(data, {0, 2, {}}, 60);
  for (std::size_t i = 0; i < grid.values.size(); i += 2)
    heights.push_back(-0.5 *
                      static_cast<double>(grid.values[i] * grid.values[i] + grid.values[i + 1] * grid.values[i + 1]));
  const Canvas plain = scatter_plot(data, {0, 2, {}}, {}, "ring"),
               contours = scatter_plot(data, {0, 2, {}}, {}, "ring", heights);
  int left = 0, right = 0;
  for (int y = 110; y < plain.height() - 60; ++y)
    for (int x = 0; x < plain.width(); ++x)
      if (!(plain.at(x, y) == contours.at(x, y))) ++(x < plain.width() / 2 ? left : right);
  EXPECT_EQ(left, 0);
  EXPECT_GT(right, 1000);
}

TEST(ScatterPlotTest, MisuseIsNamed) {
  EXPECT_EQ(argument_at_fault([] { scatter_plot({}, {}, {}, "", {1, 2, 3}); }), "log_density");
  EXPECT_EQ(argument_at_fault([] { scatter_plot({1, 3, {1, 2, 3}}, {}, {}, ""); }), "data");
  EXPECT_EQ(argument_at_fault([] { scatter_plot({}, {2, 2, {1, 2, 3}}, {}, ""); }), "samples");
  EXPECT_EQ(argument_at_fault([] { arrow_grid({}, {}, 0); }), "per_side");
}

}  // namespace
}  // namespace scorematch::cli
