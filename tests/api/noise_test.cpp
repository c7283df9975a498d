// Statistics of what is drawn: perturbations, directions, noise levels and rows have their distributions and are
// uncorrelated. Seeds are fixed, so a failure is a bug, not chance.
#include <gtest/gtest.h>

#include <cmath>

#include "scorematch/perturbation.h"
#include "scorematch/sampler.h"
#include "support/arrays.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Column = std::vector<double>;

Engine fast_engine() { return engine_named(engine_names().back()); }

/// Column i of values [N, width].
Column column(const std::vector<double>& values, int width, int i) {
  Column result;
  for (auto at = static_cast<std::size_t>(i); at < values.size(); at += static_cast<std::size_t>(width))
    result.push_back(values[at]);
  return result;
}

struct Perturbed {
  std::vector<double> eps, sigma;  // [N, dim], [N]
};

Perturbed perturb(int dim, const NoiseSchedule& schedule, std::int64_t n, NoiseState::Position position) {
  const Engine engine = fast_engine();
  const PerturbPlan plan(engine, dim, schedule, n);
  Queue queue(engine, 0);
  const NoiseState noise(engine, position);
  const Array x(engine, {n, dim});
  Array eps(engine, {n, dim}), sigma(engine, n);
  Batch in;
  in.x = x;
  in.noise = noise;
  PerturbPlan::Out out;
  out.eps = eps;
  out.sigma = sigma;
  plan.run(queue, in, out);
  return {eps.read(queue), sigma.read(queue)};
}

/// [M, N, dim]
std::vector<double> directions(int dim, int projections, Projection distribution, std::int64_t n,
                               NoiseState::Position position) {
  const Engine engine = fast_engine();
  const DirectionPlan plan(engine, dim, projections, distribution, n);
  Queue queue(engine, 0);
  const NoiseState noise(engine, position);
  Array v(engine, {projections, n, dim});
  plan.run(queue, noise, v);
  return v.read(queue);
}

constexpr std::int64_t kMany = 1 << 16;
constexpr Projection kDistributions[] = {Projection::gaussian, Projection::rademacher, Projection::sphere};

TEST(Eps, IsStandardNormalInEveryCoordinate) {
  constexpr int kDim = 6;  // one group of four and half of another
  const std::vector<double> eps = perturb(kDim, schedule::Single{}, kMany, {1, 0, 0}).eps;
  for (int i = 0; i < kDim; ++i) {
    const Column z = column(eps, kDim, i);
    const Moments m = moments(z);
    EXPECT_NEAR(m.mean, 0, kSigmas / std::sqrt(kMany));
    EXPECT_NEAR(m.variance, 1, kSigmas * std::sqrt(2.0 / kMany));
    EXPECT_NEAR(m.fourth, 3, kSigmas * std::sqrt(96.0 / kMany));  // Var z^4 = 105 - 9
    EXPECT_LT(kolmogorov_distance(z, normal_distribution), kKolmogorov) << i;
  }
}

TEST(Directions, HaveTheIdentityAsSecondMoment) {
  constexpr int kDim = 5, kProjections = 2;
  for (const Projection distribution : kDistributions) {
    const std::vector<double> v = directions(kDim, kProjections, distribution, kMany, {2, 0, 0});
    for (int i = 0; i < kDim; ++i)
      for (int j = 0; j <= i; ++j) {
        Column products = column(v, kDim, i);
        const Column other = column(v, kDim, j);
        for (std::size_t n = 0; n < products.size(); ++n) products[n] *= other[n];
        const Moments m = moments(products);
        EXPECT_NEAR(m.mean, i == j ? 1 : 0, kSigmas * m.mean_error() + 1e-12) << static_cast<int>(distribution);
      }
  }
}

TEST(Directions, OfTheSphereHaveItsRadiusAndAreUniformOnIt) {
  for (const int dim : {1, 2, 3, 50}) {
    const std::vector<double> v = directions(dim, 1, Projection::sphere, kMany, {3, 0, 0});
    // Each float coordinate is rounded once, so |v|^2 is off by 2^-23 d, plus the rounding of the factor.
    for (std::size_t n = 0; n < kMany; ++n) {
      double square = 0;
      for (int i = 0; i < dim; ++i)
        square += std::pow(v[n * static_cast<std::size_t>(dim) + static_cast<std::size_t>(i)], 2);
      ASSERT_NEAR(square, dim, dim * 0x1p-22);
    }
    if (dim != 3) continue;  // for dim 3 each coordinate is uniform (Archimedes)
    const auto uniform = [](double z) { return 0.5 + z / (2 * std::sqrt(3.0)); };
    for (int i = 0; i < 3; ++i) EXPECT_LT(kolmogorov_distance(column(v, 3, i), uniform), kKolmogorov);
  }
}

TEST(Directions, OfRademacherAreFairSigns) {
  constexpr int kDim = 300;  // two groups of 128 and a remainder
  const std::vector<double> v = directions(kDim, 1, Projection::rademacher, kMany / 16, {4, 0, 0});
  for (const double each : v) ASSERT_EQ(std::abs(each), 1);
  const double tolerance = kSigmas / std::sqrt(kMany / 16);
  for (int i = 0; i < kDim; ++i) {
    const Column signs = column(v, kDim, i);
    EXPECT_NEAR(moments(signs).mean, 0, tolerance) << i;
    for (const int apart : {1, 4, 32, 128}) {
      if (i + apart >= kDim) break;
      EXPECT_NEAR(correlation(signs, column(v, kDim, i + apart)), 0, tolerance) << i;
    }
  }
}

TEST(Schedules, HaveTheirLaws) {
  const auto sigmas = [](const NoiseSchedule& schedule) { return perturb(1, schedule, kMany, {5, 0, 0}).sigma; };
  for (const double each : sigmas(schedule::Single{0.75})) ASSERT_EQ(each, 0.75);
  for (const double each : sigmas(schedule::Geometric{0.5, 8, 1})) ASSERT_EQ(each, 8);

  constexpr int kLevels = 10;
  std::vector<std::int64_t> counts(kLevels, 0);
  for (const double each : sigmas(schedule::Geometric{0.01, 50, kLevels})) {
    const double level = std::log(50 / each) / std::log(5000.0) * (kLevels - 1);
    ASSERT_NEAR(level, std::round(level), 1e-6);
    ++counts.at(static_cast<std::size_t>(std::lround(level)));
  }
  EXPECT_LT(chi_square_excess(counts), kSigmas);

  const auto log_uniform = [](double each) { return std::log(each / 0.01) / std::log(5000.0); };
  EXPECT_LT(kolmogorov_distance(sigmas(schedule::Geometric{0.01, 50, 0}), log_uniform), kKolmogorov);
  const auto log_normal = [](double each) { return normal_distribution((std::log(each) + 1.2) / 1.5); };
  EXPECT_LT(kolmogorov_distance(sigmas(schedule::LogNormal{-1.2, 1.5}), log_normal), kKolmogorov);
}

/// The rows drawn. Since x[r] = r and eps = 0, x_tilde is the row number.
std::vector<double> rows(std::int64_t count, std::int64_t n, NoiseState::Position position) {
  const Engine engine = fast_engine();
  const PerturbPlan plan(engine, 1, schedule::Single{}, n);
  Queue queue(engine, 0);
  const NoiseState noise(engine, position);
  std::vector<double> numbers;
  for (std::int64_t r = 0; r < count; ++r) numbers.push_back(static_cast<double>(r));
  const Array x(engine, numbers, {count, 1}), eps(engine, {n, 1});
  Array x_tilde(engine, {n, 1});
  Batch in;
  in.x = x;
  in.noise = noise;
  in.eps = eps;
  in.draw_rows = n;
  PerturbPlan::Out out;
  out.x_tilde = x_tilde;
  plan.run(queue, in, out);
  return x_tilde.read(queue);
}

TEST(Rows, AreUniformAndUnrelated) {
  for (const std::int64_t count : {2, 37, 1000}) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(count), 0);
    for (const double row : rows(count, kMany, {6, 0, 0})) ++counts.at(static_cast<std::size_t>(row));
    EXPECT_LT(chi_square_excess(counts), kSigmas) << count;
  }
  // Pairs of consecutive samples, and of consecutive steps.
  const std::vector<double> first = rows(7, kMany, {6, 0, 0}), next_step = rows(7, kMany, {6, 1, 0});
  std::vector<std::int64_t> of_samples(49, 0), of_steps(49, 0);
  for (std::size_t n = 0; n + 1 < first.size(); ++n) {
    ++of_samples.at(static_cast<std::size_t>(7 * first[n] + first[n + 1]));
    ++of_steps.at(static_cast<std::size_t>(7 * first[n] + next_step[n]));
  }
  EXPECT_LT(chi_square_excess(of_samples), kSigmas);
  EXPECT_LT(chi_square_excess(of_steps), kSigmas);
}

// The counters of a row and its noise level differ only in the purpose. Counts rows against signs of ln sigma, 8 x 2.
TEST(Rows, AreUnrelatedToTheNoiseLevel) {
  const std::vector<double> row = rows(8, kMany, {6, 0, 0}),
                            sigma = perturb(1, schedule::LogNormal{0, 1}, kMany, {6, 0, 0}).sigma;
  std::vector<std::int64_t> pairs(16, 0);
  for (std::size_t n = 0; n < row.size(); ++n)
    ++pairs.at(static_cast<std::size_t>(2 * row[n]) + (sigma[n] > 1 ? 1 : 0));
  EXPECT_LT(chi_square_excess(pairs), kSigmas);
}

/// A sampler's start (in eps) and the noise of its first Langevin step (in sigma). With score 0,
/// x = z_init + sqrt(step_size) z_step.
Perturbed sampler_draws(std::int64_t n, NoiseState::Position position) {
  const Engine engine = fast_engine();
  const auto zero = [&engine](Queue& queue, ConstView x, ConstView, View score) {
    const std::vector<double> zeros(static_cast<std::size_t>(x.shape.count()), 0.0);
    if (engine.kind() == Engine::Kind::reference) return queue.write(score, zeros.data());
    queue.write(score, std::vector<float>(zeros.begin(), zeros.end()).data());
  };
  Perturbed draws;
  const NoiseState noise(engine, position);
  const auto run = [&](double step_size) {
    const SamplerPlan plan(engine, 2, zero, Langevin{1, step_size, 1, 1}, n);
    Queue queue(engine, plan.workspace_bytes());
    Array x(engine, {n, 2});
    plan.run(queue, {}, noise, x);
    return x.read(queue);
  };
  draws.eps = run(1e-30);
  draws.sigma = run(1);
  for (std::size_t i = 0; i < draws.eps.size(); ++i) draws.sigma[i] -= draws.eps[i];
  return draws;
}

// All normals drawn from one seed or its neighbors, column by column: neither they nor their squares correlate. (The
// two normals of a Box-Muller pair share a radius.)
TEST(Draws, AreIndependent) {
  constexpr std::int64_t kSamples = 1 << 14;
  constexpr int kDim = 5;
  constexpr std::int64_t kHigh = std::int64_t{1} << 32;
  std::vector<Column> columns;
  const auto add = [&](const std::vector<double>& values, int width) {
    for (int i = 0; i < width; ++i) columns.push_back(column(values, width, i));
  };
  const NoiseState::Position positions[] = {
      {9, 0, 0}, {10, 0, 0}, {9, 1, 0}, {9, kHigh, 0}, {9, 0, kSamples}, {9, 0, kHigh}, {9 + (1ull << 32), 0, 0}};
  for (const auto& position : positions) add(perturb(kDim, schedule::Single{}, kSamples, position).eps, kDim);
  add(perturb(2, schedule::Single{}, kSamples, {9, 0, 1}).eps, 2);  // the next sample
  std::vector<double> log_sigma = perturb(1, schedule::LogNormal{0, 1}, kSamples, {9, 0, 0}).sigma;
  for (double& each : log_sigma) each = std::log(each);
  add(log_sigma, 1);
  const std::vector<double> v = directions(2, 3, Projection::gaussian, kSamples, {9, 0, 0});
  for (std::size_t m = 0; m < 3; ++m) {
    const auto begin = v.begin() + static_cast<std::ptrdiff_t>(m * 2 * kSamples);
    add({begin, begin + 2 * kSamples}, 2);
  }
  const Perturbed sampler = sampler_draws(kSamples, {9, 0, 0});
  add(sampler.eps, 2);
  add(sampler.sigma, 2);

  const double tolerance = kSigmas / std::sqrt(kSamples);
  std::vector<Column> squares = columns;
  for (Column& each : squares)
    for (double& value : each) value *= value;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    EXPECT_NEAR(moments(columns[i]).variance, 1, kSigmas * std::sqrt(2.0 / kSamples)) << i;
    for (std::size_t j = 0; j < i; ++j) {
      ASSERT_NEAR(correlation(columns[i], columns[j]), 0, tolerance) << i << " " << j;
      ASSERT_NEAR(correlation(squares[i], squares[j]), 0, tolerance) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
