// Directions without replacement: the variance of their mean, which is that of independent ones times
// (D - M)/(D - 1), and what is exact with all D of them.
#include <gtest/gtest.h>

#include <cmath>

#include "model/names.h"
#include "scorematch/distinct.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"
#include "support/engine_test.h"
#include "support/loss_case.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

class WithoutReplacement : public EngineTest {
 protected:
  std::vector<Projection> distributions() const {
    if (engine.kind() == Engine::Kind::cuda) return {Projection::hadamard, Projection::coordinates};
    return {Projection::hadamard, Projection::coordinates, Projection::orthogonal};
  }
  /// [M, N, d]
  Vector draw(int dim, int projections, Projection distribution, std::int64_t n, std::uint64_t seed) const {
    const DirectionPlan plan(engine, dim, projections, distribution, n);
    Queue queue(engine, 0);
    const NoiseState noise(engine, seed);
    Array v(engine, {projections, n, dim});
    plan.run(queue, noise, v);
    return v.read(queue);
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, WithoutReplacement, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

/// A symmetric matrix [d, d] and what the variances depend on.
struct Form {
  std::size_t dim;
  Vector s;

  double square() const {
    double sum = 0;
    for (const double each : s) sum += each * each;
    return sum;
  }
  double diagonal() const {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += s[i * (dim + 1)] * s[i * (dim + 1)];
    return sum;
  }
  double trace() const {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += s[i * (dim + 1)];
    return sum;
  }
  double of(const double* v) const {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i)
      for (std::size_t j = 0; j < dim; ++j) sum += v[i] * s[i * dim + j] * v[j];
    return sum;
  }
  /// The variance of v^T S v for one direction.
  double variance(Projection distribution) const {
    const auto d = static_cast<double>(dim);
    if (distribution == Projection::hadamard) return 2 * (square() - diagonal());
    if (distribution == Projection::coordinates) return d * diagonal() - trace() * trace();
    return 2 * d / (d + 2) * (square() - trace() * trace() / d);
  }
};

Form random_form(std::size_t dim, unsigned seed) {
  const Vector half = uniform_values(static_cast<std::int64_t>(dim * dim), seed);
  Form form{dim, half};
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = 0; j < dim; ++j) form.s[i * dim + j] = (half[i * dim + j] + half[j * dim + i]) / 2;
  return form;
}

/// 1 where k xor l is `difference`. A choice of Hadamard rows whose differences are not uniform has another variance
/// here, which a random form would hide.
Form xor_form(std::size_t dim, std::size_t difference) {
  Form form{dim, Vector(dim * dim, 0.0)};
  for (std::size_t k = 0; k < dim; ++k)
    if ((k ^ difference) < dim) form.s[k * dim + (k ^ difference)] = 1;
  return form;
}

TEST_P(WithoutReplacement, MeansHaveTheVarianceOfSamplingWithoutReplacement) {
  const std::int64_t samples = engine.kind() == Engine::Kind::cpu ? 4000 : 1000;
  const Form forms[] = {random_form(16, 3), random_form(11, 4), xor_form(16, 1),
                        xor_form(16, 4),    xor_form(16, 15),   xor_form(11, 2)};
  for (const Projection distribution : distributions())
    for (const Form& form : forms)
      for (const int projections : {1, 4, 10}) {
        const auto dim = static_cast<int>(form.dim);
        SCOPED_TRACE(std::string(name_of(distribution)) + " d = " + std::to_string(dim) +
                     " M = " + std::to_string(projections));
        const Vector v = draw(dim, projections, distribution, samples, 11);
        Vector means(static_cast<std::size_t>(samples), 0.0);
        for (std::size_t m = 0; m < static_cast<std::size_t>(projections); ++m)
          for (std::size_t n = 0; n < means.size(); ++n)
            means[n] += form.of(&v[(m * means.size() + n) * form.dim]) / projections;
        const auto population = static_cast<double>(distinct::population(distribution, dim));
        const double variance =
            form.variance(distribution) / projections * (population - projections) / (population - 1);
        const Moments got = moments(means);
        EXPECT_NEAR(got.mean, form.trace(), kSigmas * got.mean_error() + 1e-5);
        EXPECT_NEAR(got.variance, variance, kSigmas * got.variance_error() + 1e-5);
      }
}

TEST_P(WithoutReplacement, AllOfThemGiveTheTrace) {
  for (const Projection distribution : distributions())
    for (const int dim : {1, 2, 5, 16, 33}) {
      SCOPED_TRACE(std::string(name_of(distribution)) + " d = " + std::to_string(dim));
      const auto count = static_cast<int>(distinct::population(distribution, dim));
      const Vector v = draw(dim, count, distribution, 3, 12);
      const auto d = static_cast<std::size_t>(dim);
      for (std::size_t n = 0; n < 3; ++n)
        for (std::size_t i = 0; i < d; ++i)
          for (std::size_t j = 0; j <= i; ++j) {
            double sum = 0;
            for (std::size_t m = 0; m < static_cast<std::size_t>(count); ++m)
              sum += v[(m * 3 + n) * d + i] * v[(m * 3 + n) * d + j] / count;
            // A coordinate of a float has an error of 2^-24 of its size, and sums over m have their size in squares.
            EXPECT_NEAR(sum, i == j ? 1 : 0, dim * 0x1p-21) << n << " " << i << " " << j;
          }
    }
}

TEST_P(WithoutReplacement, OneAloneIsThatOfItsFamily) {
  EXPECT_EQ(draw(21, 1, Projection::hadamard, 9, 13), draw(21, 1, Projection::rademacher, 9, 13));
  if (engine.kind() == Engine::Kind::cuda) return;
  const Vector frame = draw(21, 1, Projection::orthogonal, 9, 13), sphere = draw(21, 1, Projection::sphere, 9, 13);
  for (std::size_t i = 0; i < frame.size(); ++i) EXPECT_NEAR(frame[i], sphere[i], 0x1p-22 * std::abs(sphere[i]));
}

TEST_P(WithoutReplacement, DoNotDependOnHowManyAreDrawn) {
  for (const Projection distribution : distributions()) {
    const Vector few = draw(12, 3, distribution, 5, 14), many = draw(12, 12, distribution, 5, 14);
    EXPECT_EQ(few, Vector(many.begin(), many.begin() + static_cast<std::ptrdiff_t>(few.size())));
  }
}

/// A case whose directions are drawn.
LossCase sliced_case(const MlpShape& net, const Objective& objective, std::int64_t batch) {
  LossCase p = random_case(net, {objective}, batch, 21);
  p.directions.clear();
  return p;
}

// With all D directions, mean v v^T = I: then both sliced objectives are the implicit one, in value and gradient. Both
// sides have the rounding of sums of terms of their own; D = 16 terms of v^T J v, and the (v^T s)^2, are up to D times
// as large as what they add up to.
TEST_P(WithoutReplacement, AllOfThemMakeSlicedLossesImplicit) {
  constexpr int kDim = 11;
  const std::int64_t batch = engine.kind() == Engine::Kind::cuda ? 9 : 70;
  for (const MlpShape::Kind kind : {MlpShape::Kind::score, MlpShape::Kind::energy}) {
    MlpShape net = MlpShape::score(kDim, {24, 24});
    net.kind = kind;
    net.parameterization = parameterization::Edm{0.5};
    LossCase implicit = sliced_case(net, Ism{}, batch);
    for (double& each : implicit.params) each *= 0.3;
    const Evaluation want = evaluate(engine, implicit);
    for (const Projection distribution : distributions()) {
      const auto count = static_cast<int>(distinct::population(distribution, kDim));
      for (const Objective& objective : {Objective(Ssm{count, distribution}), Objective(SsmVr{count, distribution})}) {
        SCOPED_TRACE(std::string(name_of(distribution)) + " " + name_of(objective) + " " + name_of(kind));
        LossCase sliced = implicit;
        sliced.loss.objective = objective;
        const NoiseState noise(engine, 15);
        const Evaluation got = evaluate(engine, sliced, noise);
        const auto expect_near = [&](const char* what, const Vector& a, const Vector& b) {
          double size = 0;
          for (const double each : b) size = std::max(size, std::abs(each));
          for (std::size_t i = 0; i < a.size(); ++i)
            ASSERT_NEAR(a[i], b[i], 512 * unit_roundoff(engine) * size) << what << " " << i;
        };
        expect_near("loss", got.per_sample, want.per_sample);
        expect_near("grad", got.grad, want.grad);
        expect_near("grad_x", got.grad_x, want.grad_x);
      }
    }
  }
}

}  // namespace
}  // namespace scorematch::testing_support
