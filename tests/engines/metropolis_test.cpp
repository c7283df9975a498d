// The Metropolis correction of a Langevin step: the decision for each row against the densities.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/backend.h"
#include "scorematch/sampler.h"
#include "support/engine_test.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

const NoiseState::Position kPosition{77, 3, 1000};

class Metropolis : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, Metropolis, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

/// ln N(to; from + h/2 score, h I)
long double log_proposal(const Vector& to, const Vector& from, const Vector& score, double h) {
  long double sum = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const long double away = static_cast<long double>(to[i]) - from[i] - static_cast<long double>(h) / 2 * score[i];
    sum -= away * away / (2 * static_cast<long double>(h)) +
           std::log(2 * std::acos(-1.0L) * static_cast<long double>(h)) / 2;
  }
  return sum;
}

Vector row(const Vector& all, std::size_t dim, std::size_t n) {
  return {all.begin() + static_cast<std::ptrdiff_t>(n * dim), all.begin() + static_cast<std::ptrdiff_t>((n + 1) * dim)};
}

// Detailed balance: p(x) q(x'|x) A(x, x') = p(x') q(x|x') A(x', x) with A = min(1, r), where r is the ratio of the two
// products of densities, here for arbitrary x, x', s, s', f, f'. A row moves where u < r; otherwise it stays unchanged.
TEST_P(Metropolis, AcceptsByTheRatioOfTheDensities) {
  constexpr std::size_t kSamples = 3000, kDim = 5;
  constexpr double kStep = 0.35;
  constexpr std::int64_t kIndex = (std::int64_t{3} << 18) + 9;
  const Vector x = normal_values(kSamples * kDim, 1), s = normal_values(kSamples * kDim, 2),
               next_x = normal_values(kSamples * kDim, 3), next_f = normal_values(kSamples, 5),
               f = normal_values(kSamples, 6);
  Vector next_s = normal_values(kSamples * kDim, 4), broken_f = next_f, broken_x = next_x;
  for (double& each : next_s) each = -each;
  const double inf = std::numeric_limits<double>::infinity();
  broken_f[7] = inf, broken_f[8] = -inf, broken_f[9] = inf - inf, broken_x[10 * kDim] = inf,
  broken_x[11 * kDim + 1] = inf - inf, next_s[12 * kDim + 2] = inf, next_s[13 * kDim] = -inf;

  const auto count = static_cast<std::int64_t>(kSamples), dim = static_cast<std::int64_t>(kDim);
  Array to_x(engine, x, {count, dim}), to_s(engine, s, {count, dim}), to_f(engine, f, count),
      accepted(engine, Vector(kSamples, 2.0), count);
  const Array from_x(engine, broken_x, {count, dim}), from_s(engine, next_s, {count, dim}),
      from_f(engine, broken_f, count);
  const NoiseState noise(engine, kPosition);
  MetropolisStep step;
  step.x = to_x, step.score = to_s, step.log_density = to_f, step.accepted = accepted;
  step.next_x = from_x, step.next_score = from_s, step.next_log_density = from_f;
  step.step_size = kStep;
  step.noise = noise.from(4);
  step.index = kIndex;
  Queue queue(engine, 0);
  engine.impl()->metropolis(queue.impl(), step);

  const Vector got_x = to_x.read(queue), got_s = to_s.read(queue), got_f = to_f.read(queue),
               moves = accepted.read(queue);
  NoiseState::Position at = kPosition;
  NoiseRef ref;
  ref.state = &at, ref.sample_offset = 4;
  std::size_t moved = 0, close = 0;
  for (std::size_t n = 0; n < kSamples; ++n) {
    const Vector here = row(x, kDim, n), there = row(broken_x, kDim, n);
    const long double there_q = log_proposal(there, here, row(s, kDim, n), kStep),
                      back_q = log_proposal(here, there, row(next_s, kDim, n), kStep);
    const long double log_ratio = static_cast<long double>(broken_f[n]) - f[n] + back_q - there_q;
    const double log_u = std::log(reference::SampleNoise(ref, static_cast<std::int64_t>(n)).acceptance(kIndex));
    const bool moves_on = std::isfinite(log_ratio) && log_u < log_ratio;
    if (n >= 7 && n <= 13) {
      ASSERT_FALSE(moves_on);
    }
    // The exponents of the densities are some tens in size, and the engine sums them in double.
    if (std::isfinite(log_ratio) && std::abs(log_u - log_ratio) < 1e-12) {
      ++close;
      continue;
    }
    moved += moves_on;
    ASSERT_EQ(moves[n], moves_on ? 3 : 2) << n;
    ASSERT_EQ(got_f[n], moves_on ? broken_f[n] : f[n]) << n;
    ASSERT_EQ(row(got_x, kDim, n), moves_on ? there : here) << n;
    ASSERT_EQ(row(got_s, kDim, n), row(moves_on ? next_s : s, kDim, n)) << n;
  }
  EXPECT_LE(close, 1u);
  EXPECT_GT(moved, kSamples / 5);
  EXPECT_LT(moved, 4 * kSamples / 5);
}

TEST(Acceptance, DrawsAUniformForEachSampleAndStep) {
  NoiseState::Position at = kPosition;
  NoiseRef ref;
  ref.state = &at;
  Vector first, second;
  for (std::int64_t n = 0; n < 20000; ++n) {
    first.push_back(reference::SampleNoise(ref, n).acceptance(5));
    second.push_back(reference::SampleNoise(ref, n).acceptance(5 + (std::int64_t{1} << 18)));
    ASSERT_GT(first.back(), 0);
  }
  EXPECT_LT(kolmogorov_distance(first, [](double p) { return p; }), kKolmogorov);
  EXPECT_LT(kolmogorov_distance(second, [](double p) { return p; }), kKolmogorov);
  EXPECT_LT(std::abs(correlation(first, second)), kSigmas / std::sqrt(20000.0));
}

}  // namespace
}  // namespace scorematch::testing_support
