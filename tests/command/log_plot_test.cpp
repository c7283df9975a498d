// Plots on logarithmic axes: what is drawn where, and that every input works.
#include "cli/plots/log_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cli/plots/palette.h"

namespace scorematch::cli {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

struct Extent {
  int left = 1 << 20, right = -1, top = 1 << 20, bottom = -1, count = 0;
};

Extent extent_of(const Canvas& canvas, Color color, int from_top = 0) {
  Extent found;
  for (int y = from_top; y < canvas.height(); ++y)
    for (int x = 0; x < canvas.width(); ++x)
      if (canvas.at(x, y) == color) {
        found.left = std::min(found.left, x), found.right = std::max(found.right, x);
        found.top = std::min(found.top, y), found.bottom = std::max(found.bottom, y);
        ++found.count;
      }
  return found;
}

constexpr int kBelowLegend = 120;

TEST(LogPlot, APowerIsAStraightLine) {
  LogSeries power{"power", kBlue, LogSeries::Style::line, {}};
  for (double x = 1; x < 2e4; x *= 10) power.points.push_back({x, 5 / (x * x), 5 / (x * x), 5 / (x * x)});
  const Canvas canvas = log_plot({power}, {}, "title", "x", "y");
  const Extent all = extent_of(canvas, kBlue, kBelowLegend);
  ASSERT_GT(all.count, 500);
  for (int x = all.left + 5; x < all.right - 5; x += 17) {
    double sum = 0, weight = 0;
    for (int y = kBelowLegend; y < canvas.height(); ++y)
      if (canvas.at(x, y) == kBlue) sum += y, weight += 1;
    if (weight == 0) continue;  // between two pixels
    const double t = double(x - all.left) / (all.right - all.left);
    EXPECT_NEAR(sum / weight, all.top + t * (all.bottom - all.top), 2.5) << x;
  }
}

TEST(LogPlot, MarksStandAtTheirValue) {
  const LogSeries line{"line", kBlue, LogSeries::Style::line, {{1, 1, 1, 1}, {100, 1, 1, 1}}};
  const Canvas canvas = log_plot({line}, {{10, ""}}, "", "x", "y");
  const Extent mark = extent_of(canvas, kRed), blue = extent_of(canvas, kBlue, kBelowLegend);
  ASSERT_GT(mark.count, 100);
  EXPECT_LE(mark.right - mark.left, 2);
  EXPECT_NEAR((mark.left + mark.right) / 2.0, (blue.left + blue.right) / 2.0, 2);  // halfway from 1 to 100
}

TEST(LogPlot, AnIntervalThatReachesZeroEndsAtTheEdge) {
  const LogSeries dot{"dot", kOrange, LogSeries::Style::dots, {{1, 1, -1, 2}, {10, 3, 2, 4}}};
  const Extent bar = extent_of(log_plot({dot}, {}, "", "x", "y"), kOrange, kBelowLegend);
  EXPECT_GT(bar.bottom, 600);
}

TEST(LogPlot, EveryInputGivesAPicture) {
  const LogSeries bad{"bad",
                      kBlue,
                      LogSeries::Style::line,
                      {{kNan, 1, 1, 1}, {0, 1, 1, 1}, {1, -1, -2, 0}, {2, kInf, kInf, kInf}, {3, kNan, 1, 2}}};
  const LogSeries one{"one", kBlue, LogSeries::Style::dots, {{1e-30, 1e30, 0, kInf}}};
  const LogSeries wide{"wide", kBlue, LogSeries::Style::line, {{1e-30, 1e-30, 0, 1}, {1e30, 1e30, 1, kNan}}};
  const std::vector<LogMark> marks = {{kNan, "nowhere"}, {1e30, "a label at the right edge"}, {1e-30, "left"}};
  for (const auto& series : std::vector<std::vector<LogSeries>>{{}, {bad}, {one}, {wide}, {bad, one, wide}})
    EXPECT_EQ(log_plot(series, marks, "title", "x", "y").width(), 1200);
}

}  // namespace
}  // namespace scorematch::cli
