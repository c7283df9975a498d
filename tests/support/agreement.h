// Compares a run in any precision with the reference, by the criteria of agreement_test.cpp. In float, every element
// must be within the bound of Tracked, which is too loose for coarser units. In every precision, the rms error of every
// array must be within six times that of a plain implementation. A limit as large as the array would accept zeros, so
// such arrays are counted. Arrays of 8 elements or more must also point in the direction of the reference.
#pragma once
#include <gtest/gtest.h>

#include "support/run_problem.h"
#include "support/tracked.h"

namespace scorematch::testing_support {

constexpr int kPlainRuns = 16;

/// Unit roundoff of numbers that are stored and multiplied.
inline double unit_of(Precision precision) {
  return precision == Precision::bf16 ? 0x1p-8 : precision == Precision::tf32 ? 0x1p-11 : kFloatUnit;
}

/// Counts the arrays of a sweep, and the loose ones, whose limit is above `loose_limit` times their rms.
struct Tally {
  int arrays = 0, loose = 0;

  static double loose_limit(Precision precision) { return precision == Precision::bf16 ? 1 : 0.1; }
  /// The largest allowed fraction of loose arrays in a sweep. docs/numerics.md has the measurements.
  static double most_loose(Precision precision, MlpShape::Kind kind) {
    if (precision == Precision::fp32) return 0.01;
    return kind == MlpShape::Kind::energy ? 0.15 : 0.06;
  }
};

/// @param plain results of several runs of Noisy. Their errors are scaled to the unit of the precision or a coarser
/// one.
inline void expect_agreement(const char* name, const std::vector<float>& got, const std::vector<Tracked>& want,
                             const std::vector<std::vector<Noisy>>& plain, Precision precision, Tally* tally,
                             double coarser_unit = 0) {
  ASSERT_EQ(got.size(), want.size()) << name;
  const double unit = std::max(unit_of(precision), coarser_unit);
  double error = 0, plain_error = 0, size = 0, got_size = 0, along = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto value = static_cast<double>(got[i]);
    const double difference = std::abs(value - want[i].value);
    // In a deep network the bound may overflow and become NaN.
    if (unit == kFloatUnit && !std::isnan(want[i].error)) {
      EXPECT_LE(difference, want[i].error + unit * std::abs(want[i].value) + 1e-38) << name << " at " << i;
    }
    error += difference * difference;
    for (const auto& run : plain) plain_error += std::pow(run[i].value - want[i].value, 2) / kPlainRuns;
    size += want[i].value * want[i].value;
    got_size += value * value;
    along += value * want[i].value;
  }
  const auto rms = [&](double sum) { return std::sqrt(sum / static_cast<double>(got.size())); };
  const double limit = 6 * rms(plain_error) * (unit / kFloatUnit) + 4 * unit * rms(size);
  EXPECT_LE(rms(error), limit + 1e-38) << name;
  if (got.size() >= 8 && limit < 3 * rms(size)) {
    EXPECT_GT(along, 0.8 * std::sqrt(size * got_size)) << name << " points in another direction";
  }
  if (tally == nullptr) return;
  ++tally->arrays;
  if (limit > Tally::loose_limit(precision) * rms(size)) ++tally->loose;
}

/// @param loss_unit the largest relative difference between a sample's loss in the mean and the one in loss_per_sample
inline void expect_agreement(const Problem& p, const EngineRun& got, Precision precision = Precision::fp32,
                             Tally* tally = nullptr, double loss_unit = 0) {
  const auto want = run_templates<Tracked>(p, Tracked::stored);
  std::vector<std::vector<Noisy>> plain[5];
  for (int i = 0; i < kPlainRuns; ++i) {
    auto outcome = run_templates<Noisy>(p, [](double v) { return Noisy(v); });
    plain[0].push_back(std::move(outcome.per_sample));
    plain[1].push_back(std::move(outcome.grad));
    plain[2].push_back(std::move(outcome.grad_x));
    plain[3].push_back(std::move(outcome.per_direction));
    plain[4].push_back(std::move(outcome.grad_context));
  }
  expect_agreement("loss_per_sample", got.outcome.per_sample, want.per_sample, plain[0], precision, tally);
  expect_agreement("grad", got.outcome.grad, want.grad, plain[1], precision, tally);
  expect_agreement("grad_x", got.outcome.grad_x, want.grad_x, plain[2], precision, tally);
  if (!want.per_direction.empty())
    expect_agreement("loss_per_direction", got.outcome.per_direction, want.per_direction, plain[3], precision, tally);
  if (!want.grad_context.empty())
    expect_agreement("grad_context", got.outcome.grad_context, want.grad_context, plain[4], precision, tally);
  double mean = 0, size = 0;
  for (const float each : got.outcome.per_sample) {
    mean += static_cast<double>(each) / static_cast<double>(p.batch);
    size += std::abs(static_cast<double>(each)) / static_cast<double>(p.batch);
  }
  EXPECT_EQ(got.loss.count, static_cast<double>(p.batch));
  EXPECT_NEAR(got.loss.mean, mean, 1e-12 * (1 + std::abs(mean)) * static_cast<double>(p.batch) + loss_unit * size);
}

}  // namespace scorematch::testing_support
