// Units measured from data: whitening, exact linear relations, heavy tails, and the notes about them.
#include "cli/data/standardize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "cli/data/dataset.h"
#include "cli/data/units.h"
#include "scorematch/error.h"
#include "support/arrays.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using cli::Matrix;
using cli::Standardize;
using cli::Table;
using cli::Units;

constexpr double kSigmaData = 0.5;

struct Measured {
  Standardization standardization;
  std::vector<std::string> notes;
  std::int64_t dim = 0;
};

/// Measures all rows.
Measured measure(const Table& data, Standardize how = Standardize::whiten, const std::vector<double>& steps = {}) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data.rows));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  Measured measured;
  measured.standardization = cli::measure_units(data, rows, how, kSigmaData, steps, measured.notes).standardization;
  measured.dim = cli::dim_of(measured.standardization, data.cols);
  return measured;
}

Table table(std::int64_t rows, std::int64_t cols, const std::function<void(std::size_t, double*)>& fill) {
  Table data{rows, cols, std::vector<double>(static_cast<std::size_t>(rows * cols)), cli::Element::float64};
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i)
    fill(i, data.values.data() + i * static_cast<std::size_t>(cols));
  return data;
}

std::vector<double> column(const Matrix& matrix, std::int64_t j) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < matrix.rows; ++i)
    values.push_back(static_cast<double>(matrix.values[static_cast<std::size_t>(i * matrix.cols + j)]));
  return values;
}

/// Expects the covariance to be sigma_data^2 times the identity, and the mean to be 0.
void expect_white(const Matrix& model, double tolerance) {
  for (std::int64_t j = 0; j < model.cols; ++j) {
    const std::vector<double> a = column(model, j);
    const Moments m = moments(a);
    EXPECT_NEAR(m.mean, 0, tolerance) << j;
    EXPECT_NEAR(m.variance, kSigmaData * kSigmaData, tolerance) << j;
    for (std::int64_t k = 0; k < j; ++k) EXPECT_NEAR(correlation(a, column(model, k)), 0, tolerance) << j << ' ' << k;
  }
}

/// Four columns that are different mixtures of normals with very different scales.
Table correlated(std::int64_t rows) {
  const std::vector<double> z = normal_values(rows * 4, 3);
  return table(rows, 4, [&](std::size_t i, double* row) {
    const double* a = z.data() + 4 * i;
    row[0] = 1e6 + 1000 * (a[0] + 0.9 * a[1]);
    row[1] = 1e-3 * (a[1] - 0.8 * a[0]);
    row[2] = 5 + a[2] + a[0];
    row[3] = -a[3] + 3 * a[2] - 2 * a[1];
  });
}

/// Standard normal rows in model units.
Matrix model_draws(std::int64_t rows, std::int64_t dim) {
  Matrix draws{rows, dim, {}};
  for (const double each : normal_values(rows * dim, 17)) draws.values.push_back(static_cast<float>(each));
  return draws;
}

bool has_note(const std::vector<std::string>& notes, const std::string& part) {
  return std::any_of(notes.begin(), notes.end(),
                     [&](const std::string& each) { return each.find(part) != std::string::npos; });
}

TEST(Whitening, MakesTheCovarianceAMultipleOfTheIdentity) {
  const Table data = correlated(2000);
  const Measured measured = measure(data);
  ASSERT_EQ(measured.dim, 4);
  ASSERT_EQ(measured.standardization.mixing.size(), 16u);
  expect_white(Units(measured.standardization, 4).to_model(data), 1e-4);
  EXPECT_TRUE(measured.notes.empty()) << measured.notes[0];
  // `column` has the same scales and leaves the correlations.
  const Measured alone = measure(data, Standardize::column);
  EXPECT_TRUE(alone.standardization.mixing.empty());
  const Matrix model = Units(alone.standardization, 4).to_model(data);
  EXPECT_GT(std::abs(correlation(column(model, 2), column(model, 3))), 0.2);
}

// The square root of the correlations is symmetric, so each coordinate of the model is as close as possible to its
// column.
TEST(Whitening, IsSymmetric) {
  const std::vector<double> mixing = measure(correlated(500)).standardization.mixing;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GT(mixing[5 * i], 0);
    for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(mixing[4 * i + j], mixing[4 * j + i], 1e-9);
  }
}

TEST(Whitening, LeavesIndependentColumnsAlone) {
  const std::vector<double> z = normal_values(3000, 5);
  const Table data{1000, 3, z, cli::Element::float64};
  EXPECT_TRUE(measure(data).standardization.mixing.empty());
}

// 30 rows span 30 of 40 directions. The others are regularized, not dropped.
TEST(Whitening, OfFewerRowsThanColumnsIsRegularized) {
  const auto rows = [](std::int64_t count, unsigned seed) {
    const std::vector<double> z = normal_values(count * 40, seed), common = normal_values(count, seed + 1);
    return table(count, 40, [&](std::size_t i, double* row) {
      for (std::size_t j = 0; j < 40; ++j) row[j] = 3 * common[i] + z[40 * i + j];
    });
  };
  const Table data = rows(30, 9);
  const Measured measured = measure(data);
  EXPECT_EQ(measured.dim, 40);
  ASSERT_EQ(measured.standardization.mixing.size(), 1600u);
  EXPECT_FALSE(has_note(measured.notes, "depend on each other"));
  const Units units(measured.standardization, 40);
  const Table back = units.to_data(units.to_model(data));
  for (std::size_t i = 0; i < data.values.size(); ++i) EXPECT_NEAR(back.values[i], data.values[i], 1e-4) << i;
  // Other rows of the same distribution are not far away, although they vary in directions in which these do not.
  for (const float each : units.to_model(rows(200, 19)).values) EXPECT_LT(std::abs(each), 10);
}

struct Relation {
  const char* name;
  Table data;
  std::int64_t dim;
  std::function<double(const double*)> residual;  // 0 in the data
  double scale;
};

std::vector<Relation> relations() {
  const std::vector<double> z = normal_values(3 * 400, 21);
  return {
      {"one-hot columns sum to 1",
       table(400, 5,
             [&](std::size_t i, double* row) {
               row[i * 7919 % 11 % 4] = 1;
               row[4] = z[3 * i] + 2 * row[1];
             }),
       4, [](const double* row) { return row[0] + row[1] + row[2] + row[3] - 1; }, 1},
      {"c = a + b",
       table(400, 3,
             [&](std::size_t i, double* row) {
               row[0] = 100 + 10 * z[3 * i], row[1] = -5 + 0.1 * z[3 * i + 1], row[2] = row[0] + row[1];
             }),
       2, [](const double* row) { return row[2] - row[0] - row[1]; }, 0.1},
      {"the same twice in other units",
       table(400, 3,
             [&](std::size_t i, double* row) {
               row[0] = z[3 * i], row[1] = 32 + 1.8 * row[0], row[2] = z[3 * i + 1] - row[0];
             }),
       2, [](const double* row) { return row[1] - 32 - 1.8 * row[0]; }, 1},
  };
}

TEST(Relations, ThatAreExactAreKeptBySamples) {
  for (const Relation& each : relations()) {
    SCOPED_TRACE(each.name);
    const Measured measured = measure(each.data);
    ASSERT_EQ(measured.dim, each.dim);
    EXPECT_TRUE(has_note(measured.notes, "depend on each other exactly and linearly: the model has " +
                                             std::to_string(each.dim) + " coordinates for " +
                                             std::to_string(each.data.cols) + " columns"));
    const Units units(measured.standardization, measured.dim);
    const Matrix model = units.to_model(each.data);
    expect_white(model, 1e-4);
    EXPECT_TRUE(units.off_support(each.data).empty());
    const Table back = units.to_data(model), samples = units.to_data(model_draws(100, each.dim));
    for (std::size_t i = 0; i < back.values.size(); ++i) EXPECT_NEAR(back.values[i], each.data.values[i], 2e-5);
    for (std::size_t i = 0; i < 100; ++i)
      EXPECT_NEAR(each.residual(samples.values.data() + i * static_cast<std::size_t>(each.data.cols)), 0,
                  1e-6 * each.scale)
          << i;
  }
}

// Dequantization noise is independent in each column, so it breaks relations. Those of the other columns remain.
TEST(Relations, OfColumnsWithoutNoiseStayBesideColumnsWithNoise) {
  const std::vector<double> z = normal_values(2 * 400, 23);
  const Table data = table(400, 5, [&](std::size_t i, double* row) {
    row[0] = z[2 * i], row[1] = 3 - 2 * row[0];
    row[2] = std::floor(4 * z[2 * i] + z[2 * i + 1]), row[3] = static_cast<double>(i % 3), row[4] = row[2] + row[3];
  });
  EXPECT_EQ(measure(data).dim, 3);
  const Measured measured = measure(data, Standardize::whiten, {0, 0, 1, 1, 1});
  ASSERT_EQ(measured.dim, 4);
  const Units units(measured.standardization, 4);
  const Table samples = units.to_data(model_draws(50, 4));
  for (std::size_t i = 0; i < 50; ++i) EXPECT_NEAR(samples.values[5 * i + 1], 3 - 2 * samples.values[5 * i], 1e-5) << i;
}

TEST(Constants, AreNotedAndNoCoordinates) {
  Table data = correlated(100);
  for (std::size_t i = 1; i < data.values.size(); i += 4) data.values[i] = 0.1;
  data.columns = {"a", "b", "c", "d"};
  for (const Standardize how : {Standardize::scale, Standardize::column, Standardize::whiten}) {
    const Measured measured = measure(data, how);
    EXPECT_EQ(measured.dim, 3);
    EXPECT_EQ(measured.standardization.scale[1], 0);
    EXPECT_EQ(measured.standardization.mean[1], 0.1);
    EXPECT_TRUE(has_note(measured.notes, "a column is constant and stays so: 'b', 1 (from 0) at 0.1"));
  }
}

/// Student's t with `freedom` degrees of freedom: a normal divided by the rms of `freedom` normals.
std::vector<double> student_values(std::size_t count, std::size_t freedom) {
  const std::vector<double> z = normal_values(static_cast<std::int64_t>(count * (freedom + 1)), 31);
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    double square = 0;
    for (std::size_t k = 1; k <= freedom; ++k) square += std::pow(z[i * (freedom + 1) + k], 2);
    values.push_back(z[i * (freedom + 1)] / std::sqrt(square / static_cast<double>(freedom)));
  }
  return values;
}

TEST(HeavyTails, AreLightInModelUnits) {
  const std::vector<double> z = normal_values(4000, 33);
  for (const std::size_t freedom : {1u, 2u, 3u}) {  // the first (Cauchy) has no mean, the second no variance
    SCOPED_TRACE(freedom);
    const std::vector<double> t = student_values(4000, freedom);
    Table data = table(4000, 2, [&](std::size_t i, double* row) { row[0] = 40 + 7 * t[i], row[1] = z[i]; });
    data.columns = {"gain", "other"};
    for (const Standardize how : {Standardize::column, Standardize::whiten}) {
      const Measured measured = measure(data, how);
      ASSERT_EQ(measured.standardization.warp.size(), 2u);
      EXPECT_GT(measured.standardization.warp[0], 0);
      EXPECT_EQ(measured.standardization.warp[1], 0);
      EXPECT_TRUE(has_note(measured.notes,
                           "heavy tails, modeled on a scale on which their tails are light: 'gain', 0 (from 0)"));
      const Units units(measured.standardization, 2);
      const Matrix model = units.to_model(data);
      expect_white(model, kSigmas / std::sqrt(4000.0));
      const Moments m = moments(column(model, 0));
      EXPECT_NEAR(m.mean, 0, 1e-5);
      EXPECT_NEAR(std::sqrt(m.variance), kSigmaData, 1e-5);
      EXPECT_LT(m.fourth / (m.variance * m.variance), 8);
      // The warp is monotone and invertible.
      const Table back = units.to_data(model);
      std::vector<std::size_t> order(4000);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(),
                [&](std::size_t a, std::size_t b) { return data.values[2 * a] < data.values[2 * b]; });
      for (std::size_t i = 0; i < 4000; ++i) {
        const double value = data.values[2 * i];
        EXPECT_NEAR(back.values[2 * i], value, 1e-5 * (1 + std::abs(value - 40))) << i;
        if (measured.standardization.mixing.empty() && i > 0) {
          ASSERT_LE(model.values[2 * order[i - 1]], model.values[2 * order[i]]);
        }
      }
    }
  }
}

TEST(HeavyTails, AreNotFoundWhereThereAreNoneOrNoiseIsAdded) {
  const std::vector<double> z = normal_values(4000, 35), t = student_values(4000, 2);
  const Table normal{4000, 1, z, cli::Element::float64};
  EXPECT_TRUE(measure(normal).standardization.warp.empty());
  const Table rare = table(4000, 1, [&](std::size_t i, double* row) { row[0] = i % 1000 == 5; });  // only two values
  EXPECT_TRUE(measure(rare).standardization.warp.empty());
  const Table whole = table(4000, 2, [&](std::size_t i, double* row) { row[0] = row[1] = std::floor(30 * t[i]); });
  const Measured measured = measure(whole, Standardize::column, {1, 0});
  ASSERT_EQ(measured.standardization.warp.size(), 2u);
  EXPECT_EQ(measured.standardization.warp[0], 0);
  EXPECT_GT(measured.standardization.warp[1], 0);
  // The noise adds half a step to the mean, and its variance.
  const Measured plain = measure(table(4000, 1, [&](std::size_t i, double* row) { row[0] = z[i]; }));
  const Measured noisy =
      measure(table(4000, 1, [&](std::size_t i, double* row) { row[0] = z[i]; }), Standardize::whiten, {0.5});
  EXPECT_NEAR(noisy.standardization.mean[0], plain.standardization.mean[0] + 0.25, 1e-12);
  EXPECT_NEAR(std::pow(noisy.standardization.scale[0], 2),
              std::pow(plain.standardization.scale[0], 2) + 0.25 / 12 / (kSigmaData * kSigmaData), 1e-9);
}

TEST(Outliers, AreNotedWithTheirRowAndColumn) {
  Table data = correlated(300);
  data.columns = {"a", "b", "c", "d"};
  data.values[4 * 123 + 2] = 9999;
  for (const Standardize how : {Standardize::column, Standardize::whiten}) {
    const Measured measured = measure(data, how);
    EXPECT_EQ(measured.notes.size(), 1u + (measured.standardization.warp.empty() ? 0 : 1));
    EXPECT_TRUE(has_note(measured.notes, "column 'c', 2 (from 0): row 123 (from 0) has 9999, "));
    EXPECT_TRUE(has_note(measured.notes, "standard deviations of the others from their median"));
  }
  EXPECT_TRUE(measure(correlated(300)).notes.empty());
}

// Messages number rows by their place in the file, not in the selection.
TEST(Outliers, AreNamedByTheirPlaceInTheFile) {
  Table data = correlated(300);
  data.values[4 * 250] = -1e9;
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 299; i >= 100; --i) rows.push_back(i);
  std::vector<std::string> notes;
  cli::measure_units(data, rows, Standardize::column, kSigmaData, {}, notes);
  EXPECT_TRUE(has_note(notes, "column 0 (from 0): row 250 (from 0) has -1e+09"));
}

}  // namespace
}  // namespace scorematch::testing_support
