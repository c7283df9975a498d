// The preparation of data for training: split, centered, scaled.
#include "cli/data/dataset.h"

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
using cli::Standardize;
using cli::Table;

constexpr double kSigmaData = 0.5;

/// Prepares data without dropping any row.
Dataset prepare(const Table& data, double validation, Standardize standardize, double deviation, std::uint64_t seed) {
  cli::Preparation how;
  how.validation = validation;
  how.standardize = standardize;
  how.deviation = deviation;
  how.seed = seed;
  return cli::prepare(data, how);
}

template <class T>
std::vector<double> column(const T& matrix, std::size_t j) {
  std::vector<double> values;
  for (std::size_t i = j; i < matrix.values.size(); i += static_cast<std::size_t>(matrix.cols))
    values.push_back(static_cast<double>(matrix.values[i]));
  return values;
}

/// Columns N(10, 3^2), N(-200, 0.01^2), N(0, 1000^2).
Table three_columns(std::int64_t rows) {
  const double mean[] = {10, -200, 0}, deviation[] = {3, 0.01, 1000};
  const std::vector<double> z = normal_values(3 * rows, 5);
  Table data{rows, 3, {}};
  for (std::size_t i = 0; i < z.size(); ++i) data.values.push_back(mean[i % 3] + deviation[i % 3] * z[i]);
  return data;
}

/// Row i is (i, -i), so that rows can be identified.
Table numbered(std::int64_t rows) {
  Table data{rows, 2, {}};
  for (std::int64_t i = 0; i < rows; ++i) {
    data.values.push_back(static_cast<double>(i));
    data.values.push_back(static_cast<double>(-i));
  }
  return data;
}

template <class T>
std::multiset<double> first_column(const T& matrix) {
  std::multiset<double> values;
  for (std::size_t i = 0; i < matrix.values.size(); i += 2) values.insert(static_cast<double>(matrix.values[i]));
  return values;
}

std::string argument_at_fault(const Table& data, double share, Standardize standardize, double deviation) {
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
    // The units come from the training rows alone. The mean and the values are rounded to float, which is worst for
    // -200 +- 0.01.
    EXPECT_NEAR(training.mean, 0, 1e-3) << j;
    EXPECT_NEAR(std::sqrt(training.variance), kSigmaData, 1e-5) << j;
    EXPECT_GT(std::abs(std::sqrt(held_out.variance) - kSigmaData), 1e-4) << j;
    EXPECT_NEAR(held_out.mean, 0, kSigmas * held_out.mean_error()) << j;
  }
}

TEST(DatasetScale, OneScaleForAllKeepsShapes) {
  const Table data = three_columns(500);
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
  const Table data = numbered(50);
  const Dataset set = prepare(data, 0.2, Standardize::none, kSigmaData, 3);
  EXPECT_TRUE(set.standardization.mean.empty());
  EXPECT_TRUE(set.standardization.scale.empty());
  std::multiset<double> values = first_column(set.training);
  values.merge(first_column(set.held_out));
  EXPECT_EQ(values, first_column(data));
  EXPECT_EQ(set.lowest, -49.0);
  EXPECT_EQ(set.highest, 49.0);
}

TEST(DatasetScale, AColumnThatNeverChangesIsNoneOfTheModels) {
  Table data = three_columns(100);
  for (std::size_t i = 1; i < data.values.size(); i += 3) data.values[i] = 0.1;  // their sum is rounded
  for (const Standardize standardize : {Standardize::scale, Standardize::column}) {
    const Dataset set = prepare(data, 0.1, standardize, kSigmaData, 3);
    EXPECT_EQ(set.dim, 2);
    EXPECT_EQ(set.training.cols, 2);
    EXPECT_EQ(set.held_out.cols, 2);
    EXPECT_EQ(set.standardization.mean[1], 0.1);
    const Table back = cli::Units(set.standardization, set.dim).to_data(set.training);
    EXPECT_EQ(back.cols, 3);
    for (const double each : column(back, 1)) EXPECT_EQ(each, 0.1);
  }
}

TEST(DatasetScale, AColumnThatHardlyChangesBesideAnotherKeepsItsOwn) {
  Table data = three_columns(100);
  for (std::size_t i = 2; i < data.values.size(); i += 3) data.values[i] *= 1e6;
  const Dataset set = prepare(data, 0, Standardize::column, kSigmaData, 3);
  EXPECT_NEAR(std::sqrt(moments(column(set.training, 0)).variance), kSigmaData, 1e-5);
}

TEST(DatasetSplit, IsOfTheSharesSizeAndDisjointAndWhole) {
  const Table data = numbered(1000);
  for (const double share : {0.0, 0.1, 0.25, 0.9}) {
    const Dataset set = prepare(data, share, Standardize::none, kSigmaData, 11);
    EXPECT_EQ(set.held_out.rows, std::llround(share * 1000));
    EXPECT_EQ(set.training.rows + set.held_out.rows, 1000);
    std::multiset<double> all = first_column(set.training);
    all.merge(first_column(set.held_out));
    EXPECT_EQ(all, first_column(data));
    for (const Matrix* part : {&set.training, &set.held_out})
      for (std::size_t i = 0; i < part->values.size(); i += 2) ASSERT_EQ(part->values[i], -part->values[i + 1]);
  }
}

TEST(DatasetSplit, IsTheSameForTheSameSeedAndFairOverSeeds) {
  const Table data = numbered(100);
  const Dataset first = prepare(data, 0.2, Standardize::scale, kSigmaData, 1);
  const Dataset again = prepare(data, 0.2, Standardize::scale, kSigmaData, 1);
  const Dataset other = prepare(data, 0.2, Standardize::scale, kSigmaData, 2);
  EXPECT_EQ(first.training.values, again.training.values);
  EXPECT_EQ(first.held_out.values, again.held_out.values);
  EXPECT_NE(first.held_out.values, other.held_out.values);

  std::vector<std::int64_t> held_out(100, 0);
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    for (const double row : first_column(prepare(data, 0.2, Standardize::none, kSigmaData, seed).held_out))
      ++held_out[static_cast<std::size_t>(row)];
  EXPECT_LT(std::abs(chi_square_excess(held_out)), kSigmas);
}

TEST(DatasetUnits, ThereAndBackIsTheIdentity) {
  const Table data = three_columns(200);
  const Dataset set = prepare(data, 0, Standardize::column, kSigmaData, 3);
  const cli::Units units(set.standardization, set.dim);
  const Matrix model = units.to_model(data);
  EXPECT_NE(model.values, cli::rounded(data).values);
  const Table there = units.to_data(model);
  for (std::size_t i = 0; i < data.values.size(); ++i) {
    // Half a unit in the last place of the model's value, which depends on the distance from the mean, not on the mean.
    const double value = data.values[i], distance = std::abs(value - set.standardization.mean[i % 3]);
    EXPECT_NEAR(there.values[i], value, 0x1p-24 * distance + 1e-15 * std::abs(value)) << i;
  }

  const cli::Units none({}, 3);
  const Matrix untouched = none.to_model(data);
  EXPECT_EQ(untouched.values, cli::rounded(data).values);
  EXPECT_EQ(none.to_data(untouched).values, cli::widened(untouched).values);
}

// Times within one Julian day: float32 has eight numbers between 2459000 and 2459002.
TEST(DatasetUnits, KeepTheResolutionOfDoublesFarFromZero) {
  Table data{1000, 1, {}};
  for (int i = 0; i < 1000; ++i) data.values.push_back(2459000.5 + i / 1000.0);
  const Dataset set = prepare(data, 0.2, Standardize::scale, kSigmaData, 3);
  std::set<float> model(set.training.values.begin(), set.training.values.end());
  model.insert(set.held_out.values.begin(), set.held_out.values.end());
  EXPECT_EQ(model.size(), 1000u);
  const Table back =
      cli::Units(set.standardization, set.dim).to_data(cli::Units(set.standardization, set.dim).to_model(data));
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_NEAR(back.values[i], data.values[i], 1e-6) << i;
}

TEST(DatasetUnits, HoldTheLargestFloats) {
  const auto most = static_cast<double>(std::numeric_limits<float>::max());
  const Table data{4, 1, {-most, -most, -most, most}};
  const Dataset set = prepare(data, 0, Standardize::scale, 2, 3);
  for (const float each : set.training.values) EXPECT_TRUE(std::isfinite(each));
}

TEST(DatasetRefusal, NamesTheRowAndColumnThatFloat32CannotHold) {
  try {
    prepare({3, 2, {0, 0, 1, 0, 0, 1e39}}, 0, Standardize::none, kSigmaData, 0);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "DATA: expected values that float32 can hold in the model's units, got 1e+39 in row 2, "
                 "column 1 (from 0)");
  }
}

TEST(DatasetRefusal, NamesWhatIsAtFault) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Table data = numbered(10), constant{5, 1, std::vector<double>(5, 0.1)}, wide{2, 1, {-1e30, 1e30}},
              narrow{2, 1, {-1e-38, 1e-38}}, beyond{2, 1, {0, 1e300}}, mixed{3, 2, {0, 0, 1, 0, 0, 1e39}};
  for (const double share : {-0.1, 1.0, nan, 0.96})
    EXPECT_EQ(argument_at_fault(data, share, Standardize::none, kSigmaData), "--validation") << share;
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::scale, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::column, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(constant, 0, Standardize::none, kSigmaData), "none");
  EXPECT_EQ(argument_at_fault(wide, 0, Standardize::scale, 1e-10), "DATA");
  EXPECT_EQ(argument_at_fault(narrow, 0, Standardize::scale, 1e3), "DATA");
  EXPECT_EQ(argument_at_fault(beyond, 0, Standardize::scale, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(mixed, 0, Standardize::none, kSigmaData), "DATA");
  EXPECT_EQ(argument_at_fault(data, 0.9, Standardize::scale, kSigmaData), "DATA");  // one row is left
}

}  // namespace
}  // namespace scorematch::testing_support
