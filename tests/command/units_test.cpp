// Conversion between data units and model units: round trips, volumes and scores against finite differences, and data
// that no model can produce.
#include "cli/data/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "support/arrays.h"

namespace scorematch::testing_support {
namespace {

using cli::Matrix;
using cli::Table;
using cli::Units;
using Values = std::vector<double>;

struct Case {
  const char* name;
  Standardization standardization;
  std::int64_t dim;
};

/// Every feature alone and with the others. A warp excludes mixing of fewer coordinates than columns.
const Case kCases[] = {
    {"the data's own", {}, 3},
    {"scales", {{1, -2, 3}, {2, 0.25, 30}}, 3},
    {"constant column", {{1, 7, -2, 3}, {2, 0, 0.25, 30}}, 3},
    {"mixing", {{1, -2, 3}, {2, 0.25, 30}, {1, 0.5, 0, 0.5, 1, 0.25, 0, 0.25, 1}}, 3},
    {"warp", {{1, -2, 3}, {2, 0.25, 30}, {}, {0, 1.5, 0.4}}, 3},
    {"warp, mixing and constant column",
     {{1, 7, -2, 3}, {2, 0, 0.25, 30}, {1, 0.5, 0, 0.5, 1, 0.25, 0, 0.25, 1}, {0, 0, 1.5, 0.4}},
     3},
    {"two coordinates for three columns", {{1, -2, 3}, {2, 0.25, 30}, {1, 0, 0.5, 0.7, -0.25, 1}}, 2},
    {"two for three and a constant", {{1, 5, -2, 3}, {2, 0, 0.25, 30}, {1, 0, 0.5, 0.7, -0.25, 1}}, 2},
};

/// Rows in model units with the deviation of a model.
Matrix model_rows(std::int64_t rows, std::int64_t dim) {
  Matrix model{rows, dim, {}};
  for (const double z : normal_values(rows * dim, 7)) model.values.push_back(static_cast<float>(0.5 * z));
  return model;
}

/// [columns][dim]
using Jacobian = std::vector<Values>;

/// d data / d model at a row, by central differences.
Jacobian jacobian(const Units& units, const Matrix& model, std::int64_t row) {
  constexpr float kStep = 0x1p-10f;
  Jacobian result(static_cast<std::size_t>(units.columns()));
  for (std::int64_t l = 0; l < units.dim(); ++l) {
    Table ends[2];
    double width = 0;
    for (int side = 0; side < 2; ++side) {
      Matrix moved{1, units.dim(), {}};
      const auto begin = model.values.begin() + row * units.dim();
      moved.values.assign(begin, begin + units.dim());
      float& value = moved.values[static_cast<std::size_t>(l)];
      value += side == 0 ? -kStep : kStep;
      width += (side == 0 ? -1 : 1) * static_cast<double>(value);
      ends[side] = units.to_data(moved);
    }
    for (std::size_t j = 0; j < result.size(); ++j)
      result[j].push_back((ends[1].values[j] - ends[0].values[j]) / width);
  }
  return result;
}

/// ln sqrt(det J^T J), by Gram-Schmidt.
double log_volume(const Jacobian& jacobian) {
  const std::size_t dim = jacobian[0].size();
  std::vector<Values> basis;
  double sum = 0;
  for (std::size_t l = 0; l < dim; ++l) {
    Values vector;
    for (const Values& row : jacobian) vector.push_back(row[l]);
    const auto dot = [](const Values& a, const Values& b) {
      return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    for (const Values& each : basis) {
      const double part = dot(vector, each);
      for (std::size_t j = 0; j < vector.size(); ++j) vector[j] -= part * each[j];
    }
    const double length = std::sqrt(dot(vector, vector));
    sum += std::log(length);
    for (double& each : vector) each /= length;
    basis.push_back(vector);
  }
  return sum;
}

TEST(Units, ThereAndBackIsTheIdentity) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    const Units units(each.standardization, each.dim);
    const Matrix model = model_rows(200, each.dim), back = units.to_model(units.to_data(model));
    ASSERT_EQ(back.values.size(), model.values.size());
    for (std::size_t i = 0; i < model.values.size(); ++i) EXPECT_NEAR(back.values[i], model.values[i], 1e-6) << i;
  }
}

TEST(Units, ConstantColumnsComeBack) {
  const Units units(kCases[2].standardization, 3);
  const Table data = units.to_data(model_rows(50, 3));
  for (std::size_t i = 1; i < data.values.size(); i += 4) EXPECT_EQ(data.values[i], 7);
}

TEST(Units, VolumesAreTheDeterminantsOfTheJacobian) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    const Units units(each.standardization, each.dim);
    const Matrix model = model_rows(20, each.dim);
    const std::vector<double> volumes = units.log_volumes(model);
    ASSERT_EQ(volumes.size(), 20u);
    for (std::int64_t row = 0; row < 20; ++row) {
      const double expected = log_volume(jacobian(units, model, row));
      EXPECT_NEAR(volumes[static_cast<std::size_t>(row)], expected, 1e-5) << row;
    }
  }
}

// Far in the tails, the slope itself overflows float32 and then double.
TEST(Units, VolumesOfFarRowsAreFinite) {
  const Units units({{0}, {1}, {}, {2}}, 1);
  const Matrix model{3, 1, {4, -400, 1000}};
  const std::vector<double> volumes = units.log_volumes(model);
  for (std::size_t i = 0; i < 3; ++i) {
    // x = sinh(y r), r = sqrt(1 + y^2 / 4), so dx/dy = cosh(y r) (r + y^2 / (4 r)), and e^-|y r| is negligible.
    const double y = 2 * static_cast<double>(model.values[i]), r = std::sqrt(1 + y * y / 4);
    EXPECT_NEAR(volumes[i], std::abs(y) * r - std::log(2.0) + std::log(r + y * y / (4 * r)), 1e-9 * y * y) << i;
  }
}

/// The log-density in data units of N(0, I) in model units, up to a constant.
double log_density(const Units& units, const Values& data) {
  const Matrix model = units.to_model({1, units.columns(), data});
  double sum = -units.log_volumes(model)[0];
  for (const float each : model.values) sum -= 0.5 * static_cast<double>(each) * static_cast<double>(each);
  return sum;
}

TEST(Units, TheScoreIsTheGradientOfTheLogDensityInDataUnits) {
  for (const Case& each : kCases) {
    const Units units(each.standardization, each.dim);
    if (each.standardization.coordinates().size() > static_cast<std::size_t>(each.dim)) continue;  // tested below
    SCOPED_TRACE(each.name);
    const Matrix model = model_rows(20, each.dim);
    const Table data = units.to_data(model);
    for (std::int64_t row = 0; row < 20; ++row) {
      Matrix point{1, each.dim, {}};
      const auto begin = model.values.begin() + row * each.dim;
      point.values.assign(begin, begin + each.dim);
      std::vector<float> score;
      for (const float value : point.values) score.push_back(-value);
      const Values result = units.score_to_data(point.values.data(), score.data());
      const auto first = data.values.begin() + row * units.columns();
      for (std::size_t j = 0; j < result.size(); ++j) {
        const double scale = each.standardization.scale.empty() ? 1 : each.standardization.scale[j];
        if (scale == 0) {
          EXPECT_EQ(result[j], 0);
          continue;
        }
        const double h = 0.01 * scale;
        Values low(first, first + units.columns()), high = low;
        low[j] -= h, high[j] += h;
        const double slope = (log_density(units, high) - log_density(units, low)) / (2 * h);
        EXPECT_NEAR(result[j] * scale, slope * scale, 2e-3 * (1 + std::abs(slope * scale))) << row << ' ' << j;
      }
    }
  }
}

// In the subspace of the data, the derivative along each coordinate of the model is the model's score.
TEST(Units, TheScoreOfDependentColumnsIsThatOfTheSubspace) {
  for (const Case& each : {kCases[6], kCases[7]}) {
    SCOPED_TRACE(each.name);
    const Units units(each.standardization, each.dim);
    const Matrix model = model_rows(1, each.dim);
    const std::vector<float> score = {0.75f, -2};
    const Values result = units.score_to_data(model.values.data(), score.data());
    const Jacobian slope = jacobian(units, model, 0);
    for (std::size_t l = 0; l < 2; ++l) {
      double along = 0;
      for (std::size_t j = 0; j < slope.size(); ++j) along += result[j] * slope[j][l];
      EXPECT_NEAR(along, static_cast<double>(score[l]), 1e-5);
    }
  }
}

TEST(Units, OffsetsAreDifferencesOfModelUnits) {
  const Values offset = {0.3, 0, -0.1, 0};  // 0 for a column that is constant or has a warp
  const Units units({{1, 7, -2, 3}, {2, 0, 0.25, 30}, {1, 0.5, 0, 0.5, 1, 0.25, 0, 0.25, 1}, {0, 0, 0, 0.4}}, 3);
  Table data = units.to_data(model_rows(10, 3));
  const Matrix before = units.to_model(data);
  for (std::size_t i = 0; i < data.values.size(); ++i) data.values[i] += offset[i % 4];
  const Matrix after = units.to_model(data);
  Values expected(3);
  units.offset_to_model(offset.data(), expected.data());
  EXPECT_GT(std::abs(expected[0]), 0.01);
  for (std::size_t i = 0; i < after.values.size(); ++i)
    EXPECT_NEAR(static_cast<double>(after.values[i]) - static_cast<double>(before.values[i]), expected[i % 3], 1e-5);
}

TEST(Units, ValuesBeyondFloat32AreInfinite) {
  const Matrix model = Units({}, 1).to_model({3, 1, {1e39, -1e39, 1e38}});
  EXPECT_EQ(model.values[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(model.values[1], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(model.values[2], 1e38f);
}

TEST(Units, RowsOffTheSupportAreFoundWithTheFirstValueAtFault) {
  const Case& both = kCases[7];
  const Units units(both.standardization, both.dim);
  Table data = units.to_data(model_rows(6, 2));
  for (double& each : data.values) each = static_cast<double>(static_cast<float>(each));  // as in a file
  EXPECT_TRUE(units.off_support(data).empty());
  data.values[4 * 1 + 1] = 5.5;
  data.values[4 * 3 + 3] += 10;
  data.values[4 * 4 + 1] = 4, data.values[4 * 4 + 3] += 10;
  const auto off = units.off_support(data);
  ASSERT_EQ(off.size(), 3u);
  EXPECT_EQ(off[0].row, 1);
  EXPECT_EQ(off[0].column, 1u);
  EXPECT_EQ(off[0].value, 5.5);
  EXPECT_EQ(off[0].expected, 5);
  EXPECT_TRUE(off[0].is_constant);
  EXPECT_EQ(off[1].row, 3);
  EXPECT_FALSE(off[1].is_constant);
  EXPECT_NE(off[1].expected, off[1].value);
  EXPECT_EQ(off[2].row, 4);
  EXPECT_TRUE(Units(kCases[5].standardization, 3)
                  .off_support(Units(kCases[5].standardization, 3).to_data(model_rows(9, 3)))
                  .empty());
  EXPECT_TRUE(Units(kCases[1].standardization, 3).off_support({1, 3, {1e9, -1e9, 0}}).empty());
}

}  // namespace
}  // namespace scorematch::testing_support
