// The comparison of samples with data: which differences it finds, which it ignores, and how it describes them.
#include "cli/sampling/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "cli/plots/histogram_plot.h"
#include "cli/plots/palette.h"
#include "support/arrays.h"
#include "support/refusal.h"

namespace scorematch::testing_support {
namespace {

using cli::Comparison;
using cli::Matrix;

/// Independent normal columns.
Matrix normal(std::int64_t rows, std::int64_t cols, unsigned seed) {
  Matrix matrix{rows, cols, {}};
  for (const double each : normal_values(rows * cols, seed)) matrix.values.push_back(static_cast<float>(each));
  return matrix;
}

/// factor * value + shift in one column.
Matrix changed(Matrix matrix, std::int64_t col, float factor, float shift) {
  for (std::int64_t i = col; i < matrix.rows * matrix.cols; i += matrix.cols) {
    float& value = matrix.values[static_cast<std::size_t>(i)];
    value = factor * value + shift;
  }
  return matrix;
}

Comparison compare(const Matrix& data, const Matrix& samples, const Standardization& units = {}) {
  return cli::compare(data, samples, units, cli::fit_linear_score(data));
}

std::vector<std::size_t> differing(const Comparison& comparison) {
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < comparison.columns.size(); ++j)
    if (comparison.columns[j].differs()) columns.push_back(j);
  return columns;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Comparison, ADistributionMatchesItself) {
  for (const std::int64_t cols : {1, 2, 30}) {
    const Comparison result = compare(normal(3000, cols, 1), normal(2000, cols, 2));
    EXPECT_TRUE(result.matches()) << cols;
    EXPECT_TRUE(cli::describe_differences(result).empty());
    EXPECT_EQ(result.data_rows, 3000);
    EXPECT_EQ(result.sample_rows, 2000);
  }
}

TEST(Comparison, NamesTheColumnWhoseSpreadOrMeanIsOff) {
  const Matrix data = normal(3000, 6, 1), samples = normal(2000, 6, 2);
  const Comparison wide = compare(data, changed(samples, 3, 1.25f, 0));
  EXPECT_EQ(differing(wide), (std::vector<std::size_t>{3}));
  EXPECT_TRUE(wide.columns[3].spread_differs);
  EXPECT_FALSE(wide.columns[3].center_differs);
  ASSERT_EQ(cli::describe_differences(wide).size(), 1u);
  EXPECT_TRUE(contains(cli::describe_differences(wide)[0], "column 3: standard deviation 1.2"));
  EXPECT_FALSE(compare(data, changed(samples, 3, 1.05f, 0)).columns[3].differs());

  const Comparison moved = compare(data, changed(samples, 4, 1, -0.3f));
  EXPECT_EQ(differing(moved), (std::vector<std::size_t>{4}));
  EXPECT_TRUE(moved.columns[4].center_differs);
  EXPECT_TRUE(contains(cli::describe_differences(moved)[0], "column 4: mean -0."));
  EXPECT_FALSE(compare(data, changed(samples, 4, 1, 0.05f)).columns[4].differs());
}

// The deviation of 10 rows varies by a third, so a difference of 20 % is not significant.
TEST(Comparison, FewRowsDoNotTell) {
  EXPECT_TRUE(compare(normal(10, 3, 1), changed(normal(10, 3, 2), 1, 1.2f, 0)).matches());
  EXPECT_TRUE(compare(normal(1, 3, 1), normal(1, 3, 2)).matches());
}

// One row in 500 determines the spread of the column, and 100 samples contain it only by chance.
TEST(Comparison, RareValuesDoNotTell) {
  Matrix data = normal(2000, 2, 1), samples = normal(100, 2, 2);
  for (std::size_t i = 1; i < data.values.size(); i += 2) data.values[i] = i % 1000 == 1 ? 5.0f : 0.0f;
  for (std::size_t i = 1; i < samples.values.size(); i += 2) samples.values[i] *= 0.01f;
  EXPECT_FALSE(compare(data, samples).columns[1].spread_differs);
}

// The same mean and deviation but another shape, in a column alone or only in the joint distribution.
TEST(Comparison, FindsAnotherShape) {
  Matrix two_peaks = normal(3000, 1, 1);
  for (float& each : two_peaks.values) each = (each > 0 ? 0.85f : -0.85f) + 0.18f * each;
  const Comparison shape = compare(two_peaks, normal(2000, 1, 2));
  EXPECT_TRUE(shape.columns[0].shape_differs);
  EXPECT_FALSE(shape.columns[0].center_differs || shape.columns[0].spread_differs);
  EXPECT_TRUE(contains(cli::describe_differences(shape)[0], "% quantile"));

  Matrix circle{3000, 2, {}};
  for (int i = 0; i < 3000; ++i) {
    const double t = 2 * 3.14159265358979 * i / 3000;
    circle.values.push_back(static_cast<float>(std::sqrt(2) * std::cos(t)));
    circle.values.push_back(static_cast<float>(std::sqrt(2) * std::sin(t)));
  }
  EXPECT_TRUE(compare(circle, normal(2000, 2, 2)).joint.shape_differs);
}

TEST(Comparison, FindsAMissingCorrelation) {
  Matrix data = normal(3000, 2, 1);
  for (std::size_t i = 0; i < data.values.size(); i += 2)
    data.values[i + 1] = 0.95f * data.values[i] + 0.3122f * data.values[i + 1];
  const Comparison result = compare(data, normal(2000, 2, 2));
  EXPECT_TRUE(differing(result).empty());
  EXPECT_FALSE(result.matches());
  ASSERT_EQ(cli::describe_differences(result).size(), 1u);
  EXPECT_TRUE(contains(cli::describe_differences(result)[0], "not the columns together"));
}

// Half the values are exactly 0. Samples slightly off on both sides are equally good.
TEST(Comparison, WholeNumbersMayBeALittleOff) {
  Matrix data = normal(3000, 2, 1), samples = normal(2000, 2, 2);
  for (float& each : data.values) each = each > 0 ? 1.0f : 0.0f;
  for (float& each : samples.values) each = (each > 0 ? 1.0f : 0.0f) + 0.003f * each;
  EXPECT_TRUE(compare(data, samples).matches());
}

// Values from 0 to 16, mostly 0, as in pixels. Rounding removes noise of less than a half.
TEST(Comparison, SamplesOfWholeNumbersAreRounded) {
  Matrix data = normal(3000, 2, 1), samples = normal(2000, 2, 2);
  const auto level = [](float z) { return z > 0.5f ? std::min(16.0f, std::round(8 * z)) : 0.0f; };
  for (float& each : data.values) each = level(each);
  const std::vector<double> noise = normal_values(4000, 3);
  for (std::size_t i = 0; i < samples.values.size(); ++i)
    samples.values[i] = level(samples.values[i]) + 0.12f * static_cast<float>(noise[i]);
  const Comparison rounded = compare(data, samples);
  EXPECT_EQ(rounded.rounded_columns, 2);
  EXPECT_TRUE(rounded.matches());
  EXPECT_EQ(rounded.columns[0].samples.quantiles[1], 0);
  EXPECT_EQ(compare(samples, data).rounded_columns, 0);
}

// Both have dequantization noise and are moved back to the grid, which need not consist of whole numbers.
TEST(Comparison, DequantizedColumnsGoBackToTheirGrid) {
  Matrix data = normal(3000, 2, 1), samples = normal(2000, 2, 2);
  const auto noisy = [](Matrix& matrix, unsigned seed) {
    const std::vector<double> u = uniform_values(static_cast<std::int64_t>(matrix.values.size()), seed, 0, 0.999);
    for (std::size_t i = 0; i < u.size(); i += 2)
      matrix.values[i] = (matrix.values[i] > 0.5f ? 0.75f : 0.25f) + 0.5f * static_cast<float>(u[i]);
  };
  noisy(data, 4), noisy(samples, 5);
  const cli::Grid grid{{0.5, 0}, {0.25, 0}, {0.25, 0}, {0.75, 0}};
  const Comparison compared = cli::compare(data, samples, {}, cli::fit_linear_score(data), grid);
  EXPECT_TRUE(compared.matches());
  EXPECT_EQ(compared.columns[0].data.quantiles[0], 0.25);
  EXPECT_EQ(compared.columns[0].samples.quantiles[4], 0.75);
  EXPECT_NEAR(compared.columns[0].data.mean, 0.25 + 0.5 * 0.3085, 0.02);
  EXPECT_EQ(compared.columns[1].data.mean, compare(data, samples).columns[1].data.mean);
}

TEST(Comparison, AConstantColumnNeedsOnlyBeClose) {
  const Matrix data = changed(normal(3000, 2, 1), 1, 0, 7), samples = normal(2000, 2, 2);
  EXPECT_TRUE(compare(data, changed(samples, 1, 0.01f, 7)).matches());
  EXPECT_TRUE(compare(data, changed(samples, 1, 0.3f, 7)).columns[1].spread_differs);
  EXPECT_TRUE(compare(data, changed(samples, 1, 0.001f, 7.2f)).columns[1].center_differs);
}

TEST(Comparison, SamplesThatAreNotFiniteAreCounted) {
  Matrix samples = normal(2000, 2, 2);
  samples.values[11] = INFINITY;
  samples.values[20] = NAN;
  const Comparison some = compare(normal(3000, 2, 1), samples);
  EXPECT_EQ(some.sample_rows, 1998);
  EXPECT_FALSE(some.matches());
  EXPECT_EQ(cli::describe_differences(some)[0], "2 of 2000 samples are not finite numbers");
  for (float& each : samples.values) each = NAN;
  const Comparison none = compare(normal(3000, 2, 1), samples);
  EXPECT_EQ(none.not_finite, 2000);
  EXPECT_FALSE(none.matches());
  EXPECT_TRUE(cli::comparison_table(none).empty());
}

TEST(Comparison, NumbersAreInTheUnitsOfTheData) {
  Standardization units;
  units.mean = {100, -5};
  units.scale = {2, 0.5};
  const Comparison plain = compare(normal(3000, 2, 1), normal(2000, 2, 2)),
                   scaled = compare(normal(3000, 2, 1), normal(2000, 2, 2), units);
  EXPECT_NEAR(scaled.columns[0].data.mean, 100 + 2 * plain.columns[0].data.mean, 1e-9);
  EXPECT_NEAR(scaled.columns[1].samples.deviation, 0.5 * plain.columns[1].samples.deviation, 1e-12);
  EXPECT_NEAR(scaled.columns[1].data.quantiles[4], -5 + 0.5 * plain.columns[1].data.quantiles[4], 1e-9);
  EXPECT_EQ(scaled.columns[0].distance, plain.columns[0].distance);
}

TEST(Comparison, QuantilesAreThoseOfTheNormalDistribution) {
  const cli::Summary summary = compare(normal(20000, 1, 1), normal(2000, 1, 2)).columns[0].data;
  const double normal_quantiles[] = {-1.6449, -0.6745, 0, 0.6745, 1.6449};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(summary.quantiles[i], normal_quantiles[i], 0.06);
  EXPECT_NEAR(summary.kurtosis, 3, 0.2);
}

TEST(Comparison, ATableHasAllColumnsOrTheWorst) {
  const Matrix data = normal(3000, 12, 1), samples = normal(2000, 12, 2);
  EXPECT_EQ(cli::comparison_table(compare(data, samples)).size(), 25u);
  const Comparison many = compare(normal(3000, 40, 1), changed(changed(normal(2000, 40, 2), 29, 2, 0), 17, 1.5f, 0));
  const std::vector<std::string> table = cli::comparison_table(many);
  ASSERT_EQ(table.size(), 11u);
  EXPECT_TRUE(contains(table[0], "column"));
  EXPECT_TRUE(contains(table[1], "29  data")) << table[1];
  EXPECT_TRUE(contains(table[3], "17  data")) << table[3];
  for (const std::string& line : table) EXPECT_EQ(line.size(), table[0].size());
}

// A year and a small number, for which four digits would be too few or hide the differences.
TEST(Comparison, NumbersShowAHundredthOfTheDeviation) {
  Standardization units;
  units.mean = {2024, 1e-5};
  units.scale = {0.02, 3e-6};
  const Comparison result = compare(normal(3000, 2, 1), changed(normal(2000, 2, 2), 0, 2, 0), units);
  const std::vector<std::string> table = cli::comparison_table(result);
  EXPECT_TRUE(contains(table[1], "2024.00") || contains(table[1], "2023.99")) << table[1];
  EXPECT_TRUE(contains(table[1], "  2023.96")) << table[1];  // the quantile at 5 %
  EXPECT_TRUE(contains(table[3], "e-0")) << table[3];
  EXPECT_TRUE(contains(cli::describe_differences(result)[0], "standard deviation 0.03")) << table[2];
}

TEST(Comparison, NamesNoMoreThanAFewColumns) {
  Matrix samples = normal(2000, 9, 2);
  for (float& each : samples.values) each *= 2;
  const std::vector<std::string> lines = cli::describe_differences(compare(normal(3000, 9, 1), samples));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines.back(), "and 4 more columns");
}

TEST(Comparison, TheTextFileHasARowPerColumnAndOneForAll) {
  const Comparison result = compare(normal(3000, 3, 1), changed(normal(2000, 3, 2), 1, 2, 0));
  const std::vector<std::string> lines = lines_of(cli::comparison_csv(result));
  ASSERT_EQ(lines.size(), 5u);
  const auto cells = std::count(lines[0].begin(), lines[0].end(), ',');
  EXPECT_EQ(cells, 16);
  for (const std::string& line : lines) EXPECT_EQ(std::count(line.begin(), line.end(), ','), cells) << line;
  EXPECT_EQ(lines[2].substr(0, 2), "1,");
  EXPECT_TRUE(contains(lines[2].substr(lines[2].rfind(',')), "spread")) << lines[2];
  EXPECT_EQ(lines[1].back(), ',');
  EXPECT_EQ(lines[4].rfind("joint,", 0), 0u);
}

TEST(Comparison, ColumnsGoByTheirNames) {
  Comparison result = compare(normal(3000, 2, 1), changed(normal(2000, 2, 2), 1, 2, 0));
  result.names = {"age", "weight, kg"};
  EXPECT_EQ(cli::describe_differences(result)[0].rfind("column weight, kg: standard deviation", 0), 0u);
  const std::vector<std::string> table = cli::comparison_table(result), lines = lines_of(cli::comparison_csv(result));
  EXPECT_TRUE(contains(table[1], " age ")) << table[1];
  EXPECT_EQ(lines[1].rfind("age,", 0), 0u);
  EXPECT_EQ(lines[2].rfind("\"weight, kg\",", 0), 0u) << lines[2];
}

TEST(HistogramPlot, DrawsBothAndTakesOddInput) {
  const Matrix data = normal(3000, 1, 1);
  const cli::Canvas canvas = cli::histogram_plot(data, changed(data, 0, 1, 0.5f), "title");
  int orange = 0, bars = 0;
  for (int y = 110; y < canvas.height() - 70; ++y)
    for (int x = 120; x < canvas.width() - 40; ++x) {
      const cli::Color at = canvas.at(x, y);
      orange += at == cli::kOrange;
      bars += at.blue > at.red + 20 && at.red > 120;
    }
  EXPECT_GT(orange, 500);
  EXPECT_GT(bars, 20000);
  for (const Matrix& odd : {Matrix{0, 1, {}}, Matrix{1, 1, {3}}, Matrix{2, 1, {3, 3}}, Matrix{2, 1, {NAN, INFINITY}},
                            Matrix{2, 1, {-3e38f, 3e38f}}}) {
    cli::histogram_plot(odd, data, "odd");
    cli::histogram_plot(data, odd, "odd");
  }
  test::expect_refused({"samples", "[N, 1]", "[N, 2]"}, [&] { cli::histogram_plot(data, normal(5, 2, 1), ""); });
}

}  // namespace
}  // namespace scorematch::testing_support
