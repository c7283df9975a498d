// Losses and gradients of affine scores s = A x + b against closed forms, sample by sample and in expectation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "model/names.h"
#include "scorematch/head.h"
#include "support/affine.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

class ClosedForm : public EngineTest {
 protected:
  double u = unit_roundoff(engine);
};
INSTANTIATE_TEST_SUITE_P(Engines, ClosedForm, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

TEST_P(ClosedForm, EverySampleAndGradient) {
  constexpr int kDim = 5, kBatch = 70, kProjections = 3;
  for (const auto& [name, objective] : objectives(kProjections)) {
    SCOPED_TRACE(name);
    const LossCase p =
        random_case(MlpShape::score(kDim, {}), {objective, schedule::None{}, weighting::Sigma2{}}, kBatch, 7);
    const Affine s{{p.params.begin(), p.params.begin() + kDim * kDim},
                   {p.params.begin() + kDim * kDim, p.params.end()}};
    const Evaluation got = evaluate(engine, p);
    const double each_u = roundings(kDim) * u, sum_u = (roundings(kDim) + kBatch) * u;
    Estimate loss;
    Vector grad(p.params.size(), 0.0), grad_size = grad;
    double worst = 0;
    for (std::int64_t n = 0; n < kBatch; ++n) {
      const Point at = point_of(p, n);
      const Expected want = expected(objective, s, at);
      const double lambda = at.sigma * at.sigma;
      loss = loss.merged({1, lambda * want.loss, 0});
      worst = std::max(worst, each_u * lambda * want.loss_size);
      EXPECT_NEAR(got.per_sample[static_cast<std::size_t>(n)], lambda * want.loss, each_u * lambda * want.loss_size);
      grad = plus(grad, want.grad, lambda / kBatch);
      grad_size = plus(grad_size, want.grad_size, lambda / kBatch);
      for (std::size_t i = 0; i < kDim; ++i)
        EXPECT_NEAR(got.grad_x[static_cast<std::size_t>(n) * kDim + i], lambda / kBatch * want.grad_x[i],
                    each_u * lambda / kBatch * want.grad_x_size[i]);
    }
    EXPECT_EQ(got.loss.count, kBatch);
    EXPECT_NEAR(got.loss.mean, loss.mean, worst);
    EXPECT_NEAR(got.loss.standard_error(), loss.standard_error(), worst);
    for (std::size_t i = 0; i < grad.size(); ++i) EXPECT_NEAR(got.grad[i], grad[i], sum_u * grad_size[i]) << i;
  }
}

using Formula = std::function<double(double)>;  // of sigma

/// s = a x~ + b F(c x~, e)
struct Kind {
  Parameterization parameterization;
  Formula a, b, c;
};

Vector features_of(const Conditioning& conditioning, double sigma) {
  Vector e;
  if (conditioning.kind == Conditioning::Kind::log_sigma) e = {std::log(sigma)};
  if (conditioning.kind == Conditioning::Kind::fourier) {
    const double turns = conditioning.frequencies[0] * std::log(sigma);
    e = {std::sin(2 * std::acos(-1.0) * turns), std::cos(2 * std::acos(-1.0) * turns)};
  }
  return e;
}

/// With an affine F = W [c x~, e] + w the score is affine: A = a I + b c W and b (w + W e). In `size` every term is
/// positive. A feature has size 4 there, because simd_noise.h promises an error of 2e-7, which is below 4 u.
void set_score(const Kind& kind, const LossCase& c, double sigma, Affine& s, Affine& size) {
  const Vector e = features_of(c.net.conditioning, sigma);
  const double a = kind.a(sigma), b = kind.b(sigma), bc = b * kind.c(sigma);
  const auto dim = static_cast<std::size_t>(c.net.dim), in = dim + e.size();
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      const double w = c.params[i * in + j];
      s.a.push_back((i == j ? a : 0) + bc * w);
      size.a.push_back((i == j ? std::abs(a) : 0) + std::abs(bc * w));
    }
    const double bias = c.params[dim * in + i];
    s.b.push_back(b * bias);
    size.b.push_back(std::abs(b * bias));
    for (std::size_t k = 0; k < e.size(); ++k) {
      const double w = c.params[i * in + dim + k];
      s.b[i] += b * w * e[k];
      size.b[i] += std::abs(b * w) * 4;
    }
  }
}

TEST_P(ClosedForm, SigmaEntersAsThePapersSay) {
  constexpr std::int64_t kBatch = 70;
  constexpr double kData = 0.75;
  const auto total = [](double s) { return s * s + kData * kData; };
  const Formula zero = [](double) { return 0; }, one = [](double) { return 1; };
  const Kind kinds[] = {
      {parameterization::Plain{}, zero, one, one},
      {parameterization::Ncsn{}, zero, [](double s) { return 1 / s; }, one},
      {parameterization::NoisePrediction{}, zero, [](double s) { return -1 / s; }, one},
      {parameterization::Edm{kData}, [=](double s) { return -1 / total(s); },
       [=](double s) { return kData / (s * std::sqrt(total(s))); }, [=](double s) { return 1 / std::sqrt(total(s)); }}};
  const std::pair<Weighting, Formula> weightings[] = {
      {weighting::None{}, one},
      {weighting::Sigma2{}, [](double s) { return s * s; }},
      {weighting::Edm{kData}, [=](double s) { return s * s * total(s) / (kData * kData); }}};
  const Conditioning conditionings[] = {conditioning::None{}, conditioning::LogSigma{}, conditioning::Fourier{{0.3}}};
  unsigned seed = 50;
  for (const auto& [name, objective] : objectives())
    for (const Kind& kind : kinds)
      for (std::size_t turn = 0; turn < 3; ++turn) {
        SCOPED_TRACE(name + " " + name_of(kind.parameterization.kind) + " " + std::to_string(turn));
        MlpShape net = MlpShape::score(3, {});
        net.parameterization = kind.parameterization;
        net.conditioning = conditionings[turn];
        const auto& [weighting, lambda] = weightings[turn];
        const LossCase c = random_case(net, {objective, schedule::None{}, weighting}, kBatch, ++seed);
        const Vector got = evaluate(engine, c).per_sample;
        for (std::int64_t n = 0; n < kBatch; ++n) {
          const Point at = point_of(c, n);
          Affine s, size;
          set_score(kind, c, at.sigma, s, size);
          Expected want;
          set_values(objective, s, at, want);
          set_sizes(objective, size, at, want);
          // a, b, c and lambda add a few roundings to each of the two factors of the score.
          ASSERT_NEAR(got[static_cast<std::size_t>(n)], lambda(at.sigma) * want.loss,
                      (roundings(3) + 16) * u * lambda(at.sigma) * want.loss_size);
        }
      }
}

// s = x^2 elementwise at x = (2, 7) along v = (1, 1). All numbers are small integers, so every engine is exact.
TEST_P(ClosedForm, SquareScoreThroughTheHead) {
  Queue queue(engine, 1 << 20);
  const Array output(engine, {4, 49}, {1, 2}), v(engine, {1, 1}, {1, 1, 2}), jvp(engine, {4, 14}, {1, 1, 2}),
      trace(engine, {18}, 1);
  auto loss = engine.allocate<Estimate>();
  Array grad_output(engine, {1, 2}), grad_jvp(engine, {1, 1, 2}), grad_trace(engine, 1);
  HeadPlan::In in;
  in.output = output;
  in.batch.directions = v;
  in.jvp = jvp;
  HeadPlan(engine, 2, {Ssm{}}, 1).run(queue, in, {loss.data(), grad_output, grad_jvp});
  EXPECT_EQ(queue.read_one(loss).mean, 1422.5);
  EXPECT_EQ(grad_output.read(queue), Vector({53, 53}));
  EXPECT_EQ(grad_jvp.read(queue), Vector({1, 1}));
  HeadPlan(engine, 2, {SsmVr{}}, 1).run(queue, in, {loss.data(), grad_output, grad_jvp});
  EXPECT_EQ(queue.read_one(loss).mean, 1226.5);
  EXPECT_EQ(grad_output.read(queue), Vector({4, 49}));
  EXPECT_EQ(grad_jvp.read(queue), Vector({1, 1}));
  HeadPlan::In exact;
  exact.output = output;
  exact.trace = trace;
  HeadPlan(engine, 2, {Ism{}}, 1).run(queue, exact, {loss.data(), grad_output, {}, grad_trace});
  EXPECT_EQ(queue.read_one(loss).mean, 1226.5);
  EXPECT_EQ(grad_trace.read(queue), Vector({1}));
}

// ---- expectations: the points +- sqrt(d) e_i have the first three moments of N(0, I). For losses that are quadratic
// in x and in eps or v, sums over these points for x, and for each x for eps or v, are exact expectations. d = 4 has an
// integer root.
constexpr int kDim = 4, kPoints = 2 * kDim;

Vector cubature_point(int i) {
  Vector x(kDim, 0.0);
  x[static_cast<std::size_t>(i / 2)] = i % 2 == 0 ? 2 : -2;
  return x;
}

/// x ~ N(0, scale^2 I), eps and v ~ N(0, I), and the true score is true_score(x_tilde).
LossCase cubature_case(const Objective& objective, const Affine& s, double scale, double sigma,
                       const std::function<double(double)>& true_score) {
  LossCase p{MlpShape::score(kDim, {}), {objective}, kPoints * kPoints, s.params(), {}, {}, {}, {}, {}, {}};
  const Needs needs = needs_of(objective);
  const auto append = [](Vector& to, const Vector& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (int i = 0; i < kPoints; ++i)
    for (int j = 0; j < kPoints; ++j) {
      const Vector x = plus(Vector(kDim, 0.0), cubature_point(i), scale), other = cubature_point(j);
      append(p.x, x);
      if (sigma > 0) p.sigma.push_back(sigma);
      if (sigma > 0) append(p.eps, other);
      if (needs.projections > 0) append(p.directions, other);
      for (std::size_t k = 0; k < kDim && needs.true_score; ++k)
        p.true_score.push_back(true_score(x[k] + sigma * other[k]));
    }
  return p;
}

/// roundings u times the mean of the sizes, which do not depend on cancellation.
double mean_tolerance(const LossCase& p, const Affine& s, double u) {
  LossCase at = p;
  if (at.sigma.empty()) at.sigma.assign(static_cast<std::size_t>(p.batch), 1.0);
  if (at.eps.empty()) at.eps.assign(p.x.size(), 0.0);
  double sum = 0;
  for (std::int64_t n = 0; n < p.batch; ++n) sum += expected(p.loss.objective, s, point_of(at, n)).loss_size;
  return roundings(kDim) * u * sum / static_cast<double>(p.batch);
}

Affine random_affine(unsigned seed) { return {uniform_values(kDim * kDim, seed), uniform_values(kDim, seed + 1)}; }

double trace(const Vector& a) {
  double sum = 0;
  for (std::size_t i = 0; i < kDim; ++i) sum += a[i * kDim + i];
  return sum;
}

/// |factor A + diagonal I|_F^2 / 2 + |b|^2 / 2
double half_norm(const Affine& s, double factor, double diagonal) {
  double sum = dot(s.b, s.b);
  for (std::size_t i = 0; i < s.a.size(); ++i)
    sum += std::pow(factor * s.a[i] + (i % (kDim + 1) == 0 ? diagonal : 0), 2);
  return sum / 2;
}

TEST_P(ClosedForm, ExpectationsOverTheNormalAreTraces) {
  constexpr double kSigma = 0.25;
  const auto minus = [](double x) { return -x; };
  for (unsigned seed = 0; seed < 5; ++seed) {
    const Affine s = random_affine(10 * seed);
    const auto check = [&](const Objective& objective, double sigma, double want) {
      const LossCase p = cubature_case(objective, s, 1, sigma, minus);
      EXPECT_NEAR(evaluate(engine, p).loss.mean, want, mean_tolerance(p, s, u));
    };
    const double noise = kDim / (2 * kSigma * kSigma), half = half_norm(s, 1, 0);
    check(Esm{}, 0, half_norm(s, 1, 1));
    check(Ism{}, 0, trace(s.a) + half);
    check(Ssm{}, 0, trace(s.a) + half);
    check(SsmVr{}, 0, trace(s.a) + half);
    const double dsm = half + half_norm({s.a, Vector(kDim, 0.0)}, kSigma, 1 / kSigma);
    check(Dsm{}, kSigma, dsm);
    check(Dsm{Dsm::Variance::control_variate}, kSigma, dsm - noise);
    check(Dsm{Dsm::Variance::antithetic}, kSigma, dsm - noise);
  }
}

Affine minus_identity(double factor) {
  Affine s{Vector(kDim * kDim, 0.0), Vector(kDim, 0.0)};
  for (std::size_t i = 0; i < kDim; ++i) s.a[i * kDim + i] = -factor;
  return s;
}

// The energy -|x|^2 / 2 on its own density: the expectation of Ism is -d/2 and its gradient is 0. The gradient of Dsm
// is 0 at the score of N(0, (1 + sigma^2) I). Here sigma^2 = 1, so that every number is exact.
TEST_P(ClosedForm, MinimaOnTheNormal) {
  const auto minus = [](double x) { return -x; };
  for (const auto& [name, objective] : objectives(1)) {
    SCOPED_TRACE(name);
    const bool denoising = std::holds_alternative<Dsm>(objective);
    const Affine s = minus_identity(denoising ? 0.5 : 1);
    const Evaluation got = evaluate(engine, cubature_case(objective, s, 1, denoising ? 1 : 0, minus));
    // Every engine sums losses in double: the error is N u times the largest loss, which is below 2^5.
    if (!denoising) {
      EXPECT_NEAR(got.loss.mean, std::holds_alternative<Esm>(objective) ? 0 : -kDim / 2.0, kPoints * kPoints * 0x1p-48);
    }
    for (const double each : got.grad) EXPECT_EQ(each, 0);
  }
}

// For any s, Dsm - Esm(p_sigma) is E|eps/sigma|^2 / 2 - E|grad log p_sigma|^2 / 2. For N(0, lambda I) that is
// d lambda / (2 sigma^2 (lambda + sigma^2)), and Ism - Esm is -d / (2 lambda).
TEST_P(ClosedForm, ConstantsBetweenObjectives) {
  constexpr double kLambda = 4, kSigma = 0.5, kSmoothed = kLambda + kSigma * kSigma;
  for (unsigned seed = 0; seed < 5; ++seed) {
    const Affine s = random_affine(100 + 10 * seed);
    const auto difference = [&](const Objective& objective, double sigma, double variance, double constant) {
      const auto true_score = [=](double x) { return -x / variance; };
      const LossCase p = cubature_case(objective, s, std::sqrt(kLambda), sigma, true_score),
                     explicit_one = cubature_case(Esm{}, s, std::sqrt(kLambda), sigma, true_score);
      EXPECT_NEAR(evaluate(engine, p).loss.mean - evaluate(engine, explicit_one).loss.mean, constant,
                  mean_tolerance(p, s, u) + mean_tolerance(explicit_one, s, u));
    };
    const double constant = kDim * kLambda / (2 * kSigma * kSigma * kSmoothed), noise = kDim / (2 * kSigma * kSigma);
    difference(Dsm{}, kSigma, kSmoothed, constant);
    difference(Dsm{Dsm::Variance::control_variate}, kSigma, kSmoothed, constant - noise);
    difference(Dsm{Dsm::Variance::antithetic}, kSigma, kSmoothed, constant - noise);
    difference(Ism{}, 0, kLambda, -kDim / (2 * kLambda));
    difference(SsmVr{}, 0, kLambda, -kDim / (2 * kLambda));
  }
}

}  // namespace
}  // namespace scorematch::testing_support
