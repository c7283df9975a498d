// Data made ready to train on: split, centred, scaled.
#include "cli/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "scorematch/error.h"
#include "support/arrays.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using cli::Dataset;
using cli::Matrix;
using cli::prepare;
using cli::Standardize;

constexpr double kSigmaData = 0.5;

std::vector<double> column(const Matrix& matrix, std::size_t j) {
  std::vector<double> values;
  for (std::size_t i = j; i < matrix.values.size(); i += static_cast<std::size_t>(matrix.cols))
    values.push_back(static_cast<double>(matrix.values[i]));
  return values;
}

/// Columns N(10, 3^2), N(-200, 0.01^2), N(0, 1000^2).
Matrix three_columns(std::int64_t rows) {
  const double mean[] = {10, -200, 0}, deviation[] = {3, 0.01, 1000};
  const std::vector<double> z = normal_values(3 * rows, 5);
  Matrix data{rows, 3, {}};
  for (std::size_t i = 0; i < z.size(); ++i)
    data.values.push_back(static_cast<float>(mean[i % 3] + deviation[i % 3] * z[i]));
  return data;
}

/// Row i is (i, -i): all are told apart.
Matrix numbered(std::int64_t rows) {
  Matrix data{rows, 2, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    data.values.push_back(static_cast<float>(i));
    data.values.push_back(static_cast<float>(-i));
  }
  return data;
}

std::multiset<float> first_column(const Matrix& matrix) {
  std::multiset<float> values;
  for (std::size_t i = 0; i < matrix.values.size(); i += 2) values.insert(matrix.values[i]);
  return values;
}

std::string argument_at_fault(const Matrix& data, double share, Standardize standardize, double deviation) {
  try {
    prepare(data, share, standardize, deviation, 0);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("expected"), std::string::npos) << error.what();
    return error.argument();
  }
  return "none";
}

TEST(DatasetScale, ColumnByColumn) {
  const Dataset set = prepare(three_columns(500), 0.2, Standardize::column, kSigmaData, 3);
  ASSERT_EQ(set.training.rows, 400);
  ASSERT_EQ(set.held_out.rows, 100);
  for (std::size_t j = 0; j < 3; ++j) {
    const Moments training = moments(column(set.training, j)), held_out = moments(column(set.held_out, j));
    // Of the training rows alone, but for the mean's and the values' rounding to float: -200 +- 0.01 is hardest.
    EXPECT_NEAR(training.mean, 0, 1e-3) << j;
    EXPECT_NEAR(std::sqrt(training.variance), kSigmaData, 1e-5) << j;
    EXPECT_GT(std::abs(std::sqrt(held_out.variance) - kSigmaData), 1e-4) << j;
    EXPECT_NEAR(held_out.mean, 0, kSigmas * held_out.mean_error()) << j;
  }
}

TEST(DatasetScale, OneScaleForAllKeepsShapes) {
  const Matrix data = three_columns(500);
  const Dataset set = prepare(data, 0, Standardize::scale, kSigmaData, 3);
  EXPECT_EQ(set.held_out.rows, 0);
  double variance = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_EQ(set.standardization.scale[j], set.standardization.scale[0]);
    EXPECT_NEAR(set.standardization.mean[j], moments(column(data, j)).mean, 1e-4) << j;
    variance += moments(column(set.training, j)).variance / 3;
  }
  EXPECT_NEAR(std::sqrt(variance), kSigmaData, 1e-6);
}

TEST(DatasetScale, NoneLeavesTheValuesAsTheyAre) {
  const Matrix data = numbered(50);
  const Dataset set = prepare(data, 0.2, Standardize::none, kSigmaData, 3);
  EXPECT_TRUE(set.standardization.mean.empty());
  EXPECT_TRUE(set.standardization.scale.empty());
  std::multiset<float> values = first_column(set.training);
  values.merge(first_column(set.held_out));
  EXPECT_EQ(values, first_column(data));
  EXPECT_EQ(set.lowest, -49.0f);
  EXPECT_EQ(set.highest, 49.0f);
}

TEST(DatasetScale, AColumnThatNeverChangesTakesTheCommonScale) {
  Matrix data = three_columns(100);
  for (std::size_t i = 1; i < data.values.size(); i += 3) data.values[i] = 0.1f;  // a sum of 100 of them is rounded
  for (const Standardize standardize : {Standardize::scale, Standardize::column}) {
    const Dataset set = prepare(data, 0.1, standardize, kSigmaData, 3);
    EXPECT_EQ(set.standardization.mean[1], static_cast<double>(0.1f));
    EXPECT_GT(set.standardization.scale[1], 100.0);
    for (const double each : column(set.training, 1)) EXPECT_EQ(each, 0);
    for (const double each : column(set.held_out, 1)) EXPECT_EQ(each, 0);
  }
}

TEST(DatasetScale, AColumnThatHardlyChangesBesideAnotherKeepsItsOwn) {
  Matrix data = three_columns(100);
  for (std::size_t i = 2; i < data.values.size(); i += 3) data.values[i] *= 1e6f;
  const Dataset set = prepare(data, 0, Standardize::column, kSigmaData, 3);
  EXPECT_NEAR(std::sqrt(moments(column(set.training, 0)).variance), kSigmaData, 1e-5);
}

TEST(DatasetSplit, IsOfTheSharesSizeAndDisjointAndWhole) {
  const Matrix data = numbered(1000);
  for (const double share : {0.0, 0.1, 0.25, 0.9}) {
    const Dataset set = prepare(data, share, Standardize::none, kSigmaData, 11);
    EXPECT_EQ(set.held_out.rows, std::llround(share * 1000));
    EXPECT_EQ(set.training.rows + set.held_out.rows, 1000);
    std::multiset<float> all = first_column(set.training);
    all.merge(first_column(set.held_out));
    EXPECT_EQ(all, first_column(data));
    for (const Matrix* part : {&set.training, &set.held_out})
      for (std::size_t i = 0; i < part->values.size(); i += 2) ASSERT_EQ(part->values[i], -part->values[i + 1]);
  }
}

TEST(DatasetSplit, IsTheSameForTheSameSeedAndFairOverSeeds) {
  const Matrix data = numbered(100);
  const Dataset first = prepare(data, 0.2, Standardize::scale, kSigmaData, 1);
  const Dataset again = prepare(data, 0.2, Standardize::scale, kSigmaData, 1);
  const Dataset other = prepare(data, 0.2, Standardize::scale, kSigmaData, 2);
  EXPECT_EQ(first.training.values, again.training.values);
  EXPECT_EQ(first.held_out.values, again.held_out.values);
  EXPECT_NE(first.held_out.values, other.held_out.values);

  std::vector<std::int64_t> held_out(100, 0);
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    for (const float row : first_column(prepare(data, 0.2, Standardize::none, kSigmaData, seed).held_out))
      ++held_out[static_cast<std::size_t>(row)];
  EXPECT_LT(std::abs(chi_square_excess(held_out)), kSigmas);
}

TEST(DatasetUnits, ThereAndBackIsTheIdentity) {
  const Matrix data = three_columns(200);
  const Dataset set = prepare(data, 0, Standardize::column, kSigmaData, 3);
  Matrix there = data;
  cli::to_model_units(set.standardization, there);
  EXPECT_NE(there.values, data.values);
  cli::to_data_units(set.standardization, there);
  for (std::size_t i = 0; i < data.values.size(); ++i) {
    // Half a unit of the last place each way: of the model's value, and of the data's.
    const double mean = std::abs(set.standardization.mean[i % 3]);
    const double value = static_cast<double>(data.values[i]);
    EXPECT_NEAR(static_cast<double>(there.values[i]), value, 0x1p-23 * (std::abs(value) + mean)) << i;
  }

  Matrix untouched = data;
  cli::to_model_units({}, untouched);
  cli::to_data_units({}, untouched);
  EXPECT_EQ(untouched.values, data.values);
}

// Columns 0 and 2 are constant: they are no coordinates of the model, and come back in the units of the data.
TEST(DatasetUnits, ConstantColumnsAreDroppedAndInserted) {
  const Standardization units{{0.1, 10, -3, 20}, {0, 2, 0, 4}};
  const Matrix data{2, 4, {0.1f, 12, -3, 24, 0.1f, 6, -3, 16}};
  Matrix matrix = data;
  cli::check_constant_columns(units, matrix);
  cli::to_model_units(units, matrix);
  EXPECT_EQ(matrix.cols, 2);
  EXPECT_EQ(matrix.rows, 2);
  EXPECT_EQ(matrix.values, (std::vector<float>{1, 1, -2, -1}));
  cli::to_data_units(units, matrix);
  EXPECT_EQ(matrix.cols, 4);
  EXPECT_EQ(matrix.values, data.values);
  matrix.values[4 + 2] = -2;
  try {
    cli::check_constant_columns(units, matrix);
    ADD_FAILURE() << "a constant column with another value was taken";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "DATA: expected -3 in column 2 (from 0), which was constant in training, got -2 in row 1");
  }
}

TEST(DatasetUnits, HoldTheLargestFloats) {
  const float most = std::numeric_limits<float>::max();
  Matrix data{4, 1, {-most, -most, -most, most}};
  const Dataset set = prepare(data, 0, Standardize::scale, 2, 3);
  for (const float each : set.training.values) EXPECT_TRUE(std::isfinite(each));
}

TEST(DatasetRefusal, NamesWhatIsAtFault) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Matrix data = numbered(10), constant{5, 1, std::vector<float>(5, 0.1f)}, wide{2, 1, {-1e30f, 1e30f}},
               narrow{2, 1, {-1e-38f, 1e-38f}};
  for (const double share : {-0.1, 1.0, nan, 0.96})
    EXPECT_EQ(argument_at_fault(data, share, Standardize::none, kSigmaData), "--validation") << share;
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::scale, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::column, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::none, kSigmaData), "none");
  EXPECT_EQ(argument_at_fault(wide, 0, Standardize::scale, 1e-10), "DATA");
  EXPECT_EQ(argument_at_fault(narrow, 0, Standardize::scale, 1e3), "DATA");
  EXPECT_EQ(argument_at_fault(data, 0.9, Standardize::scale, kSigmaData), "DATA");  // one row is left
}

}  // namespace
}  // namespace scorematch::testing_support
