// The cpu engine against the reference over random shapes, by three criteria (docs/numerics.md derives them):
//
//   every element  |error| <= the bound that Tracked carries, which holds for every correct float evaluation
//   every array    rms(error) <= 6 rms(error of a plain float implementation) + 4 u rms(value)
//   median array   rms(error) <= rms(error of a plain float implementation)
//
// The first is certain but loose; the others detect a wrong rounding or a lost low part. The plain error is taken over
// kRuns runs of Noisy, so that a lucky rounding there fails no test here: a ratio above 6 occurs by chance in fewer
// than 1 of 10^3 test runs.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "support/run_problem.h"
#include "support/tier.h"
#include "support/tracked.h"

namespace scorematch::testing_support {
namespace {

constexpr int kProblems = 320;
constexpr int kRuns = 16;
constexpr double kMostWork = 1.5e6;

/// A fresh seed for every run, or the given one to repeat a run.
std::uint64_t fresh_seed() {
  const char* given = std::getenv("SCOREMATCH_TEST_SEED");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

struct Comparison {
  double error_rms = 0, plain_rms = 0, value_rms = 0;
  double worst = 0;  // error / bound
  std::size_t worst_at = 0;
};

Comparison compare(const std::vector<float>& got, const std::vector<Tracked>& want,
                   const std::vector<std::vector<Noisy>>& plain) {
  Comparison c;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i].value);
    // The result is rounded once more when it is stored, and denormal floats have an absolute error.
    const double bound = want[i].error + kFloatUnit * std::abs(want[i].value) + 1e-40;
    const double ratio = std::isnan(error) ? INFINITY : error / bound;
    if (ratio > c.worst) c.worst = ratio, c.worst_at = i;
    c.error_rms += error * error;
    for (const auto& run : plain) c.plain_rms += std::pow(run[i].value - want[i].value, 2) / kRuns;
    c.value_rms += want[i].value * want[i].value;
  }
  for (double* each : {&c.error_rms, &c.plain_rms, &c.value_rms})
    *each = std::sqrt(*each / static_cast<double>(got.size()));
  return c;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void sweep(MlpShape::Kind kind, int problems, double most_work) {
  const std::uint64_t seed = fresh_seed();
  std::cout << "SCOREMATCH_TEST_SEED=" << seed << " repeats this run\n";
  ProblemMaker maker(seed);
  const Engine engine = Engine::cpu();
  const char* names[] = {"loss_per_sample", "grad", "grad_x", "loss_per_direction", "grad_context"};
  std::vector<double> ratios[5];
  double closest[5] = {};
  for (int k = 0; k < problems; ++k) {
    Problem p = maker.make(most_work, kind);
    if (k % 4 == 3) maker.add_context(p);
    SCOPED_TRACE("problem " + std::to_string(k) + ": " + p.describe());
    const Outcome<float> got = run(engine, p).outcome;
    const auto want = run_templates<Tracked>(p, Tracked::stored);
    std::vector<std::vector<Noisy>> plain[5];
    for (int i = 0; i < kRuns; ++i) {
      auto outcome = run_templates<Noisy>(p, [](double v) { return Noisy(v); });
      plain[0].push_back(std::move(outcome.per_sample));
      plain[1].push_back(std::move(outcome.grad));
      plain[2].push_back(std::move(outcome.grad_x));
      plain[3].push_back(std::move(outcome.per_direction));
      plain[4].push_back(std::move(outcome.grad_context));
    }
    const Comparison parts[] = {compare(got.per_sample, want.per_sample, plain[0]),
                                compare(got.grad, want.grad, plain[1]), compare(got.grad_x, want.grad_x, plain[2]),
                                compare(got.per_direction, want.per_direction, plain[3]),
                                compare(got.grad_context, want.grad_context, plain[4])};
    for (int i = 0; i < 5; ++i) {
      if ((i == 3 && got.per_direction.empty()) || (i == 4 && got.grad_context.empty())) continue;
      const Comparison& part = parts[i];
      const double limit = 6 * part.plain_rms + 4 * kFloatUnit * part.value_rms + 1e-40;
      EXPECT_LE(part.worst, 1) << names[i] << " at " << part.worst_at;
      EXPECT_LE(part.error_rms, limit) << names[i];
      closest[i] = std::max(closest[i], part.error_rms / limit);
      if (part.plain_rms > 0) ratios[i].push_back(part.error_rms / part.plain_rms);
    }
  }
  for (int i = 0; i < 5; ++i) {
    std::cout << names[i] << ": rms error / rms error of a plain float implementation: median " << median(ratios[i])
              << "; the array closest to its limit reaches " << closest[i] << " of it\n";
    EXPECT_LE(median(ratios[i]), 1.0) << names[i];
  }
}

TEST(Agreement, CpuMeetsTheReferenceOnRandomShapes) {
  sweep(MlpShape::Kind::score, problems_of_tier(kProblems), kMostWork);
}

/// The reference templates pass through an energy net several times per direction.
TEST(Agreement, CpuMeetsTheReferenceOnRandomEnergyNets) {
  sweep(MlpShape::Kind::energy, problems_of_tier(kProblems / 2), kMostWork / 4);
}

}  // namespace
}  // namespace scorematch::testing_support
