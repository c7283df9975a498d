// Uniform noise within a step of data on a grid: its distribution, and its dependence on seed and step.
#include "cli/data/dequantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cli/data/dataset.h"
#include "scorematch/engine.h"
#include "scorematch/perturbation.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using cli::Dequantizer;
using cli::Matrix;
using cli::Table;

constexpr std::int64_t kRows = 50, kCols = 7;  // one group of four and part of another
constexpr double kStep = 0.5;

const cli::Units kUnits({}, kCols);  // model units are data units
const std::vector<double> kSteps(kCols, kStep);

/// Data on the grid of kStep, between -100 and 100.
Matrix grid_data() {
  Matrix data{kRows, kCols, {}};
  for (int i = 0; i < kRows * kCols; ++i) data.values.push_back(static_cast<float>((i * 7919 % 401 - 200) * kStep));
  return data;
}

/// The noise of each value in steps.
std::vector<double> noise_of(const Matrix& data, const Matrix& noisy) {
  std::vector<double> u;
  for (std::size_t i = 0; i < data.values.size(); ++i)
    u.push_back((static_cast<double>(noisy.values[i]) - static_cast<double>(data.values[i])) / kStep);
  return u;
}

TEST(Dequantize, NoiseIsUniformWithinOneStepAndNewAtEveryStepSampleAndCoordinate) {
  const Matrix data = grid_data();
  const Dequantizer dequantizer(kSteps, kUnits, 11);
  std::vector<double> all, next;
  for (std::int64_t step = 0; step < 200; ++step)
    for (const double u : noise_of(data, dequantizer.all(data, step))) all.push_back(u);
  for (const double u : all) EXPECT_TRUE(u >= 0 && u <= 1) << u;
  const Moments m = moments(all);
  EXPECT_NEAR(m.mean, 0.5, kSigmas * m.mean_error());
  EXPECT_NEAR(m.variance, 1.0 / 12, kSigmas * m.variance_error());
  // chi^2 over 64 cells has 63 degrees of freedom; 6 standard deviations are allowed
  std::vector<double> counts(64, 0.0);
  for (const double u : all) ++counts[std::min<std::size_t>(static_cast<std::size_t>(u * 64), 63)];
  double chi = 0;
  const double expected = static_cast<double>(all.size()) / 64;
  for (const double count : counts) chi += (count - expected) * (count - expected) / expected;
  EXPECT_NEAR(chi, 63, 6 * std::sqrt(2 * 63.0));
  // Neighbors in coordinate, sample and step are uncorrelated.
  for (const std::size_t apart : {std::size_t{1}, static_cast<std::size_t>(kCols), data.values.size()}) {
    const std::vector<double> a(all.begin(), all.end() - static_cast<std::ptrdiff_t>(apart)),
        b(all.begin() + static_cast<std::ptrdiff_t>(apart), all.end());
    EXPECT_NEAR(correlation(a, b), 0, kSigmas / std::sqrt(static_cast<double>(a.size()))) << apart;
  }
}

TEST(Dequantize, IsAFunctionOfSeedAndStep) {
  const Matrix data = grid_data();
  const Dequantizer one(kSteps, kUnits, 1), same(kSteps, kUnits, 1), other(kSteps, kUnits, 2);
  EXPECT_EQ(one.all(data, 5).values, same.all(data, 5).values);
  EXPECT_NE(one.all(data, 5).values, one.all(data, 6).values);
  EXPECT_NE(one.all(data, 5).values, other.all(data, 5).values);
}

TEST(Dequantize, RowsAreThoseThatAPlanWouldDraw) {
  constexpr std::int64_t kBatch = 40, kTrainingStep = 3;
  constexpr std::uint64_t kSeed = 9;
  const Matrix data = grid_data();
  std::vector<float> noisy;
  Dequantizer(kSteps, kUnits, kSeed).draw(data, kTrainingStep, 0, kBatch, noisy);

  const Engine engine = Engine::reference();
  const PerturbPlan plan(engine, static_cast<int>(kCols), schedule::Single{1}, kBatch);
  Queue queue(engine, 0);
  auto x = engine.upload(data.values, {kRows, kCols});
  auto zero = engine.allocate<float>({kBatch, kCols}), drawn = engine.allocate<float>({kBatch, kCols});
  const NoiseState noise(engine, {kSeed, kTrainingStep, 0});
  Batch in{x, noise};
  in.eps = zero, in.draw_rows = kBatch;
  PerturbPlan::Out out;
  out.x_tilde = drawn;
  plan.run(queue, in, out);
  const std::vector<float> rows = queue.read(drawn);
  ASSERT_EQ(noisy.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_GE(noisy[i], rows[i]);
    EXPECT_LE(static_cast<double>(noisy[i]), static_cast<double>(rows[i]) + kStep);
  }
  EXPECT_NE(noisy, rows);

  std::vector<float> part;
  Dequantizer(kSteps, kUnits, kSeed).draw(data, kTrainingStep, 13, 20, part);
  EXPECT_EQ(part, std::vector<float>(noisy.begin() + 13 * kCols, noisy.begin() + 33 * kCols));
}

TEST(Dequantize, UnitsAreThoseOfTheNoisyData) {
  const Matrix data = grid_data();
  for (const auto how : {cli::Standardize::scale, cli::Standardize::column}) {
    cli::Preparation preparation;
    preparation.validation = 0;
    preparation.standardize = how;
    preparation.dequantize = {cli::Dequantization::Columns::all, kStep};
    const cli::Dataset set = cli::prepare(cli::widened(data), preparation);
    const cli::Units units(set.standardization, set.dim);
    const Dequantizer dequantizer(kSteps, units, 1);
    std::vector<double> all;
    for (std::int64_t step = 0; step < 100; ++step)
      for (const float each : dequantizer.all(set.training, step).values) all.push_back(static_cast<double>(each));
    const Moments m = moments(all);
    // The rows are always the same, so only the noise varies, by 12^-1/2 of a step in each of 35,000 draws.
    EXPECT_NEAR(m.mean, 0, 1e-3);
    EXPECT_NEAR(std::sqrt(m.variance), 0.5, 1e-3);
    // Back from model units to data units to the grid.
    Table samples = units.to_data(dequantizer.all(set.training, 7));
    const Table rows = units.to_data(set.training);
    cli::to_grid(samples, set.grid);
    std::size_t off = 0;
    for (std::size_t i = 0; i < samples.values.size(); ++i) off += std::abs(samples.values[i] - rows.values[i]) > 1e-3;
    EXPECT_EQ(off, 0u);
  }
}

// A column without a step is unchanged, a column with a warp has no step, and the others have noise in their own units.
TEST(Dequantize, IsOfTheColumnsThatHaveAStep) {
  const Standardization standardization{{1, 2, 3}, {2, 4, 0.5}, {1, 0.5, 0, 0.5, 1, 0, 0.25, 0, 1}, {0, 0, 0.7}};
  const cli::Units units(standardization, 3);
  const std::vector<double> steps = {1, 3, 0};
  const Table data{2, 3, {5, -3, 10, 8, 9, -20}};
  const Matrix model = units.to_model(data);
  for (std::int64_t step = 0; step < 20; ++step) {
    const Table noisy = units.to_data(Dequantizer(steps, units, 4).all(model, step));
    for (std::size_t i = 0; i < 6; ++i) {
      const double noise = noisy.values[i] - data.values[i];
      if (steps[i % 3] == 0) {
        EXPECT_NEAR(noise, 0, 1e-4) << i;
        continue;
      }
      EXPECT_GT(noise, -1e-5) << i;
      EXPECT_LT(noise, steps[i % 3] + 1e-5) << i;
      EXPECT_GT(std::abs(noise), 1e-4) << i;
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
