// Uniform noise within a step of data on a grid: its law, its place in the noise, and the way back.
#include "cli/dequantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/dataset.h"
#include "scorematch/engine.h"
#include "scorematch/error.h"
#include "scorematch/prologue.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using cli::Dequantizer;
using cli::Matrix;
using cli::Table;

constexpr std::int64_t kRows = 50, kCols = 7;  // a group of four and a part of one
constexpr double kStep = 0.5;

const cli::Units kUnits({}, kCols);  // the data's own

/// On the grid of kStep, between -100 and 100.
Matrix grid_data() {
  Matrix data{kRows, kCols, {}};
  for (int i = 0; i < kRows * kCols; ++i) data.values.push_back(static_cast<float>((i * 7919 % 401 - 200) * kStep));
  return data;
}

/// Of each drawn value, in steps.
std::vector<double> noise_of(const Matrix& data, const Matrix& noisy) {
  std::vector<double> u;
  for (std::size_t i = 0; i < data.values.size(); ++i)
    u.push_back((static_cast<double>(noisy.values[i]) - static_cast<double>(data.values[i])) / kStep);
  return u;
}

TEST(Dequantize, NoiseIsUniformWithinOneStepAndNewAtEveryStepSampleAndCoordinate) {
  const Matrix data = grid_data();
  const Dequantizer dequantizer(kStep, kUnits, 11);
  std::vector<double> all, next;
  for (std::int64_t step = 0; step < 200; ++step)
    for (const double u : noise_of(data, dequantizer.all(data, step))) all.push_back(u);
  for (const double u : all) EXPECT_TRUE(u >= 0 && u <= 1) << u;
  const Moments m = moments(all);
  EXPECT_NEAR(m.mean, 0.5, kSigmas * m.mean_error());
  EXPECT_NEAR(m.variance, 1.0 / 12, kSigmas * m.variance_error());
  // chi^2 with 63 degrees of freedom over 64 cells, within 6 standard deviations
  std::vector<double> counts(64, 0.0);
  for (const double u : all) ++counts[std::min<std::size_t>(static_cast<std::size_t>(u * 64), 63)];
  double chi = 0;
  const double expected = static_cast<double>(all.size()) / 64;
  for (const double count : counts) chi += (count - expected) * (count - expected) / expected;
  EXPECT_NEAR(chi, 63, 6 * std::sqrt(2 * 63.0));
  // Neighbours in coordinate, sample and step have nothing to do with each other.
  for (const std::size_t apart : {std::size_t{1}, static_cast<std::size_t>(kCols), data.values.size()}) {
    const std::vector<double> a(all.begin(), all.end() - static_cast<std::ptrdiff_t>(apart)),
        b(all.begin() + static_cast<std::ptrdiff_t>(apart), all.end());
    EXPECT_NEAR(correlation(a, b), 0, kSigmas / std::sqrt(static_cast<double>(a.size()))) << apart;
  }
}

TEST(Dequantize, IsAFunctionOfSeedAndStep) {
  const Matrix data = grid_data();
  const Dequantizer one(kStep, kUnits, 1), same(kStep, kUnits, 1), other(kStep, kUnits, 2);
  EXPECT_EQ(one.all(data, 5).values, same.all(data, 5).values);
  EXPECT_NE(one.all(data, 5).values, one.all(data, 6).values);
  EXPECT_NE(one.all(data, 5).values, other.all(data, 5).values);
}

TEST(Dequantize, RowsAreThoseThatAPlanWouldDraw) {
  constexpr std::int64_t kBatch = 40, kTrainingStep = 3;
  constexpr std::uint64_t kSeed = 9;
  const Matrix data = grid_data();
  std::vector<float> noisy;
  Dequantizer(kStep, kUnits, kSeed).draw(data, kTrainingStep, kBatch, noisy);

  const Engine engine = Engine::reference();
  const PerturbPlan plan(engine, static_cast<int>(kCols), schedule::Single{1}, kBatch);
  Queue queue(engine, 0);
  auto x = engine.upload(data.values, {kRows, kCols});
  auto zero = engine.allocate<float>({kBatch, kCols}), drawn = engine.allocate<float>({kBatch, kCols});
  const NoiseState noise(engine, {kSeed, kTrainingStep, 0});
  PerturbPlan::In in{x, noise};
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
}

TEST(Dequantize, UnitsAreThoseOfTheNoisyData) {
  const Matrix data = grid_data();
  for (const auto how : {cli::Standardize::scale, cli::Standardize::column}) {
    cli::Preparation preparation;
    preparation.validation = 0;
    preparation.standardize = how;
    preparation.dequantize = kStep;
    const cli::Dataset set = cli::prepare(cli::widened(data), preparation);
    const cli::Units units(set.standardization, set.dim);
    const Dequantizer dequantizer(kStep, units, 1);
    std::vector<double> all;
    for (std::int64_t step = 0; step < 100; ++step)
      for (const float each : dequantizer.all(set.training, step).values) all.push_back(static_cast<double>(each));
    const Moments m = moments(all);
    // The rows are always the same: what varies is the noise, 12^-1/2 of a step for each of 35,000 draws.
    EXPECT_NEAR(m.mean, 0, 1e-3);
    EXPECT_NEAR(std::sqrt(m.variance), 0.5, 1e-3);
    // And back: model units to data units to the grid.
    Table samples = units.to_data(dequantizer.all(set.training, 7));
    const Table rows = units.to_data(set.training);
    cli::to_grid(samples, kStep, -1e9, 1e9);
    std::size_t off = 0;
    for (std::size_t i = 0; i < samples.values.size(); ++i) off += std::abs(samples.values[i] - rows.values[i]) > 1e-3;
    EXPECT_EQ(off, 0u);
  }
}

TEST(Dequantize, SamplesGoBackToTheGridWithinTheDatasRange) {
  Table samples{1, 6, {-3.7, -0.01, 0, 0.49, 2.6, 99}};
  cli::to_grid(samples, kStep, -2, 3);
  EXPECT_EQ(samples.values, (std::vector<double>{-2, -0.5, 0, 0, 2.5, 3}));
}

TEST(Dequantize, DataOffTheGridAreRefusedWithTheirPlaceAndNeighbours) {
  const auto message = [](const Table& data, double step) {
    try {
      cli::check_grid(data, step);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message({2, 2, {1, 2, 2.5, 4}}, 1),
            "DATA: expected multiples of --dequantize 1, as 2 or 3, got 2.5 in row 1, column 0");
  EXPECT_EQ(message({1, 2, {0, -0.25}}, 0.5),
            "DATA: expected multiples of --dequantize 0.5, as -0.5 or 0, got -0.25 in row 0, column 1");
  EXPECT_NE(message({1, 1, {1.0001}}, 1), "");
  EXPECT_EQ(message({1, 1, {2e6}}, 1),
            "DATA: expected at most 2^20 steps of --dequantize 1 from 0, got 2e+06 in row 0, column 0");
  // Bytes as shares of 255, as image loaders give them, in float32.
  Table shares{1, 256, {}};
  for (int i = 0; i < 256; ++i) shares.values.push_back(static_cast<double>(static_cast<float>(i) / 255.0f));
  EXPECT_EQ(message(shares, 1.0 / 255), "");
  EXPECT_EQ(message(shares, static_cast<double>(1.0f / 255)), "");
  EXPECT_NE(message(shares, 1.0 / 256), "");
  const Table whole{1, 3, {-65535, 0, 1048576}};
  EXPECT_EQ(message(whole, 1), "");
}

}  // namespace
}  // namespace scorematch::testing_support
