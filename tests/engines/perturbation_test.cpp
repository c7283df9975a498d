// Draws are equal between engines, between plans, and to numbers of the caller's in their place.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/names.h"
#include "reference/sample.h"
#include "scorematch/distinct.h"
#include "scorematch/head.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"
#include "support/engine_test.h"
#include "support/loss_case.h"
#include "support/tracked.h"

namespace scorematch::testing_support {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t kBatch = 130;  // two tiles and a remainder
const NoiseState::Position kPosition{0x9E3779B97F4A7C15u, (std::int64_t{1} << 33) + 5, (std::int64_t{1} << 40) + 3};

struct Perturbed {
  Vector net_input, sigma, x_tilde, eps;
};

struct Drawing {
  int dim = 3;
  NoiseSchedule schedule = schedule::Single{0.5};
  Parameterization parameterization;
  Conditioning conditioning;
  std::int64_t draw_rows = 0;
};

Perturbed perturb(const Engine& engine, const Drawing& drawing, const Vector& x, NoiseRef noise) {
  const std::int64_t rows = static_cast<std::int64_t>(x.size()) / drawing.dim,
                     n = drawing.draw_rows > 0 ? drawing.draw_rows : rows;
  const PerturbPlan plan(engine, drawing.dim, drawing.schedule, n, drawing.parameterization, drawing.conditioning);
  Queue queue(engine, 0);
  const Array x_array(engine, x, {rows, drawing.dim});
  Array input(engine, {n, drawing.dim + feature_count(drawing.conditioning)}), sigma(engine, n),
      x_tilde(engine, {n, drawing.dim}), eps(engine, {n, drawing.dim});
  Batch in;
  in.x = x_array;
  in.noise = noise;
  in.draw_rows = drawing.draw_rows;
  plan.run(queue, in, {input, sigma, x_tilde, eps});
  return {input.read(queue), sigma.read(queue), x_tilde.read(queue), eps.read(queue)};
}

Vector directions(const Engine& engine, int dim, int projections, Projection distribution, std::int64_t n,
                  NoiseRef noise) {
  const DirectionPlan plan(engine, dim, projections, distribution, n);
  Queue queue(engine, 0);
  Array v(engine, {projections, n, dim});
  plan.run(queue, noise, v);
  return v.read(queue);
}

class Drawn : public EngineTest {
 protected:
  NoiseState noise{engine, kPosition};
};
INSTANTIATE_TEST_SUITE_P(Engines, Drawn, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

void expect_within(const Vector& got, const Vector& want, double ulps) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    int exponent = 0;
    std::frexp(want[i], &exponent);
    ASSERT_NEAR(got[i], want[i], ulps * std::ldexp(1.0, exponent - 24)) << i;
  }
}

// Normals agree to the 4 ulp that simd_noise.h promises. On the sphere, their norm is off by as much, and there are two
// more roundings. Signs, levels and rows follow from integers and are equal. The other sigmas are formed in double.
TEST_P(Drawn, SameOnEveryEngine) {
  const Engine reference_engine = Engine::reference();
  const NoiseState same(reference_engine, kPosition);
  for (const int dim : {1, 2, 3, 4, 5, 17, 129}) {
    Drawing drawing;
    drawing.dim = dim;
    const Vector x = uniform_values(kBatch * dim, 1);
    expect_within(perturb(engine, drawing, x, noise).eps, perturb(reference_engine, drawing, x, same).eps, 4);
    for (const auto& [distribution, ulps] :
         {std::pair{Projection::gaussian, 4.0}, std::pair{Projection::rademacher, 0.0},
          std::pair{Projection::sphere, 10.0}, std::pair{Projection::hadamard, 0.0},
          std::pair{Projection::coordinates, 1.0}}) {
      const std::int64_t population = distinct::population(distribution, dim);
      const int count = population > 0 ? static_cast<int>(std::min<std::int64_t>(population, 7)) : 2;
      expect_within(directions(engine, dim, count, distribution, kBatch, noise),
                    directions(reference_engine, dim, count, distribution, kBatch, same), ulps);
    }
    if (engine.kind() == Engine::Kind::cuda) continue;  // which refuses orthogonal
    const int count = std::min(dim, 7);
    const Vector got = directions(engine, dim, count, Projection::orthogonal, kBatch, noise),
                 want = directions(reference_engine, dim, count, Projection::orthogonal, kBatch, same);
    // Each normal has an error of 4 ulp, and so have the directions of the reflections, of which there are up to 7.
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 8 * 7 * 0x1p-24 * std::sqrt(dim)) << i;
  }
  for (const NoiseSchedule& schedule :
       {NoiseSchedule(schedule::Single{0.3}), NoiseSchedule(schedule::Geometric{0.01, 50, 10}),
        NoiseSchedule(schedule::Geometric{0.01, 50, 0}), NoiseSchedule(schedule::LogNormal{})}) {
    Drawing drawing;
    drawing.dim = 1;
    drawing.schedule = schedule;
    const Vector x = uniform_values(kBatch, 1);
    expect_within(perturb(engine, drawing, x, noise).sigma, perturb(reference_engine, drawing, x, same).sigma, 0.5);
  }
  Vector numbers;
  for (int r = 0; r < 1000; ++r) numbers.push_back(1024 * r);
  Drawing drawing;  // the noise is too small to change the rounded row number
  drawing.dim = 1;
  drawing.schedule = schedule::Single{0.01};
  drawing.draw_rows = kBatch;
  const Vector got = perturb(engine, drawing, numbers, noise).x_tilde,
               want = perturb(reference_engine, drawing, numbers, same).x_tilde;
  for (std::size_t n = 0; n < kBatch; ++n) EXPECT_EQ(std::round(got[n] / 1024), std::round(want[n] / 1024));
}

// Draws depend only on (seed, step, sample), no matter whether sample_offset, first_sample or advance() sets them.
TEST_P(Drawn, AFunctionOfThePosition) {
  const Drawing drawing;
  const Vector x = uniform_values(kBatch * 3, 1), eps = perturb(engine, drawing, x, noise).eps;
  const auto tail = [](const Vector& all, std::int64_t first) { return Vector(all.begin() + 3 * first, all.end()); };
  const Vector rest = tail(x, 67);
  EXPECT_EQ(perturb(engine, drawing, rest, noise.from(67)).eps, tail(eps, 67));
  NoiseState later(engine, {kPosition.seed, kPosition.step, kPosition.first_sample + 60});
  EXPECT_EQ(perturb(engine, drawing, rest, later.from(7)).eps, tail(eps, 67));
  EXPECT_EQ(directions(engine, 3, 2, Projection::sphere, 1, later.from(7)),
            directions(engine, 3, 2, Projection::sphere, 1, noise.from(67)));
  NoiseState earlier(engine, {kPosition.seed, kPosition.step - 1, kPosition.first_sample});
  EXPECT_NE(perturb(engine, drawing, x, earlier).eps, eps);
  Queue queue(engine, 0);
  earlier.advance(queue);
  EXPECT_EQ(perturb(engine, drawing, x, earlier).eps, eps);
  EXPECT_EQ(earlier.read(queue).step, kPosition.step);
}

TEST_P(Drawn, NetInputIsTheScaledPointAndItsFeatures) {
  Drawing drawing;
  drawing.parameterization = parameterization::Edm{0.7};
  drawing.schedule = schedule::LogNormal{};
  const Vector x = uniform_values(kBatch * 3, 1), frequencies = {0.5, -1.25};
  for (const Conditioning& conditioning :
       {Conditioning(), Conditioning(conditioning::LogSigma{}), Conditioning(conditioning::Fourier{frequencies})}) {
    drawing.conditioning = conditioning;
    const Perturbed got = perturb(engine, drawing, x, noise);
    const double u = unit_roundoff(engine);
    const auto features = static_cast<std::size_t>(feature_count(conditioning)), width = 3 + features;
    for (std::size_t n = 0; n < kBatch; ++n) {
      const double sigma = got.sigma[n], c = 1 / std::sqrt(sigma * sigma + 0.49);
      for (std::size_t i = 0; i < 3; ++i) {
        const double x_tilde = x[3 * n + i] + sigma * got.eps[3 * n + i];
        const double size = std::abs(x[3 * n + i]) + std::abs(sigma * got.eps[3 * n + i]);
        // x_tilde rounds the output of sigma, its product and the sum. net_input also rounds c and the product.
        EXPECT_NEAR(got.x_tilde[3 * n + i], x_tilde, 4 * u * size);
        EXPECT_NEAR(got.net_input[width * n + i], c * x_tilde, 8 * u * c * size);
      }
      for (std::size_t k = 0; k < features; ++k) {
        const double ln = std::log(sigma), turns = features == 1 ? 0 : 2 * std::acos(-1.0) * frequencies[k % 2] * ln;
        const double want = features == 1 ? ln : k < 2 ? std::sin(turns) : std::cos(turns);
        // The rounding of sigma times |2 pi w|, and the 2e-7 that simd_noise.h promises, which is below 4 u.
        EXPECT_NEAR(got.net_input[width * n + 3 + k], want, 16 * u + u * std::abs(want));
      }
    }
  }
}

// ---- a loss that draws equals the loss of what the perturbation draws

/// Sets sigma, eps and directions to what the loss would draw.
void draw(const Engine& engine, LossCase& c, NoiseRef noise) {
  Drawing drawing;
  drawing.schedule = c.loss.schedule;
  const Perturbed drawn = perturb(engine, drawing, c.x, noise);
  const Needs needs = needs_of(c.loss.objective);
  c.sigma = drawn.sigma;
  c.eps = drawn.eps;
  if (needs.projections > 0)
    c.directions = directions(engine, 3, needs.projections, needs.distribution, c.batch, noise);
}

Tracked stored(double value) { return Tracked::stored(value); }

/// The largest difference between two evaluations of sample n in the engine's precision if one rounds sigma.
double allowed_difference(const Engine& engine, const LossCase& c, std::size_t n) {
  const auto convert = [](const Vector& all, std::size_t first, std::size_t count) {
    std::vector<Tracked> values;
    for (std::size_t i = first; i < first + count && !all.empty(); ++i) values.push_back(stored(all[i]));
    return values;
  };
  const std::vector<Tracked> params = convert(c.params, 0, c.params.size());
  std::vector<Tracked> unused(params.size());
  reference::Sample<Tracked> sample;
  sample.x = convert(c.x, 3 * n, 3);
  sample.sigma = stored(c.sigma[n]);
  sample.sigma.error = kFloatUnit * c.sigma[n];
  sample.eps = convert(c.eps, 3 * n, 3);
  sample.true_score = convert(c.true_score, 3 * n, 3);
  for (std::size_t m = 0; m < c.directions.size() / c.x.size(); ++m)
    sample.directions.push_back(convert(c.directions, m * c.x.size() + 3 * n, 3));
  const Tracked loss = reference::sample_loss(c.net, c.loss, params.data(), sample, 1.0, unused.data()).loss;
  // Tracked counts roundings of 2^-24: one error per evaluation, and one for numbers stored between plans.
  return (3 * loss.error + 2 * kFloatUnit * std::abs(loss.value)) * unit_roundoff(engine) / kFloatUnit;
}

MlpShape network() {
  MlpShape net = MlpShape::score(3, {8, 8}, Activation::tanh);
  net.parameterization = parameterization::Edm{0.7};
  net.conditioning = conditioning::LogSigma{};
  return net;
}

// Bit-identical, unless a level that is drawn in double passes through the float array of a float engine.
TEST_P(Drawn, LossIsTheLossOfWhatThePerturbationDraws) {
  const std::pair<NoiseSchedule, bool> schedules[] = {{schedule::Single{0.5}, true},
                                                      {schedule::Geometric{0.25, 4, 5}, true},
                                                      {schedule::Geometric{0.01, 50, 0}, false},
                                                      {schedule::LogNormal{}, false}};
  unsigned seed = 40;
  for (const auto& [name, objective] : objectives())
    for (const auto& [schedule, is_float] : schedules) {
      SCOPED_TRACE(name + " " + name_of(schedule.kind));
      LossCase c = random_case(network(), {objective, schedule, weighting::Edm{0.7}}, kBatch, ++seed, false);
      c.directions.clear();
      const Evaluation drawn = evaluate(engine, c, noise);
      draw(engine, c, noise);
      const Evaluation given = evaluate(engine, c);
      if (is_float || engine.kind() == Engine::Kind::reference) {
        EXPECT_EQ(drawn.per_sample, given.per_sample);
        EXPECT_EQ(drawn.grad, given.grad);
        EXPECT_EQ(drawn.grad_x, given.grad_x);
        EXPECT_EQ(drawn.loss.m2, given.loss.m2);
      } else {
        for (std::size_t n = 0; n < kBatch; ++n)
          ASSERT_NEAR(drawn.per_sample[n], given.per_sample[n], allowed_difference(engine, c, n)) << n;
      }
    }
}

/// `c` with the drawn rows of `data` as its x. The row of a sample is the one whose x + sigma eps is nearest to the
/// x_tilde of the perturbation. sigma is 0.5.
LossCase gathered(const Engine& engine, LossCase c, const Vector& data, NoiseRef noise) {
  Drawing drawing;
  drawing.draw_rows = kBatch;
  const Perturbed drawn = perturb(engine, drawing, data, noise);
  c.x.clear();
  for (std::size_t n = 0; n < kBatch; ++n) {
    std::size_t best = 0;
    double least = 1e300;
    for (std::size_t r = 0; r < data.size(); r += 3) {
      double square = 0;
      for (std::size_t i = 0; i < 3; ++i)
        square += std::pow(drawn.x_tilde[3 * n + i] - data[r + i] - 0.5 * drawn.eps[3 * n + i], 2);
      if (square < least) best = r, least = square;
    }
    for (std::size_t i = 0; i < 3; ++i) c.x.push_back(data[best + i]);
  }
  return c;
}

TEST_P(Drawn, RowsOfTheLossAreThoseOfThePerturbation) {
  LossCase c = random_case(network(), {Dsm{}, schedule::Single{0.5}}, kBatch, 70, false);
  c.x = uniform_values(3 * 1000, 71);
  const Evaluation drawn = evaluate(engine, c, noise, true),
                   want = evaluate(engine, gathered(engine, c, c.x, noise), noise);
  EXPECT_EQ(drawn.per_sample, want.per_sample);
  EXPECT_EQ(drawn.grad, want.grad);
  EXPECT_EQ(drawn.grad_x, want.grad_x);
}

// ---- the parts as a caller combines them: PerturbPlan, F and its products from ScorePlan, HeadPlan

struct Assembled {
  Evaluation evaluation;
  Vector grad_output;
};

Assembled assemble(const Engine& engine, const LossCase& c, const Drawing& drawing, NoiseRef noise) {
  const Needs needs = needs_of(c.loss.objective);
  const std::int64_t m = needs.projections, dim = drawing.dim;
  Drawing alone = drawing;
  alone.conditioning = {};  // ScorePlan appends the features
  const Perturbed drawn = perturb(engine, alone, c.x, noise);
  MlpShape inner = c.net;
  inner.parameterization = parameterization::Plain{};

  const ScorePlan score(engine, inner, kBatch, static_cast<int>(m), needs.distribution);
  const HeadPlan head(engine, drawing.dim, c.loss, kBatch, c.net.parameterization);
  Queue queue(engine, std::max(score.workspace_bytes(), head.workspace_bytes()));
  const Array params(engine, c.params, inner.param_count()), input(engine, drawn.net_input, {kBatch, dim}),
      sigma(engine, drawn.sigma, kBatch), x(engine, c.x, {static_cast<std::int64_t>(c.x.size()) / dim, dim}),
      truth(engine, c.true_score, {kBatch, dim});
  Array output(engine, {kBatch, dim}), jvp(engine, {m, kBatch, dim}), trace(engine, kBatch),
      grad_output(engine, {kBatch, dim}), per_sample(engine, kBatch);
  ScorePlan::In score_in{params, {input}};
  if (uses_sigma({}, inner.conditioning)) score_in.batch.sigma = sigma;
  score_in.batch.noise = noise;
  ScorePlan::Out score_out{output};
  if (m > 0) score_out.jvp = jvp;
  if (needs.trace) score_out.divergence = trace;
  score.run(queue, score_in, score_out);

  HeadPlan::In in;
  in.output = output;
  in.batch.noise = noise;
  in.batch.true_score = truth;
  if (uses_x(c.net.parameterization)) {
    in.batch.x = x;
    in.batch.draw_rows = drawing.draw_rows;
  }
  if (m > 0) in.jvp = jvp;
  if (needs.trace) in.trace = trace;
  auto loss = engine.allocate<Estimate>();
  HeadPlan::Out out{loss.data(), grad_output};
  out.loss_per_sample = per_sample;
  head.run(queue, in, out);
  return {{queue.read_one(loss), per_sample.read(queue), {}, {}, {}}, grad_output.read(queue)};
}

TEST_P(Drawn, HeadOnTheLibrarysOwnNetworkIsTheWholeLoss) {
  const Parameterization kinds[] = {parameterization::Plain{}, parameterization::Ncsn{},
                                    parameterization::NoisePrediction{}, parameterization::Edm{0.7},
                                    parameterization::Velocity{}};
  unsigned seed = 80;
  for (const auto& [name, objective] : objectives())
    for (const Parameterization& kind : kinds) {
      const auto* dsm = std::get_if<Dsm>(&objective);
      if (dsm != nullptr && dsm->variance != Dsm::Variance::plain) continue;  // HeadPlan refuses these
      SCOPED_TRACE(name + " " + name_of(kind.kind));
      MlpShape net = network();
      net.parameterization = kind;
      if (static_cast<int>(kind.kind) % 2 == 0) net.conditioning = conditioning::None{};
      LossCase c =
          random_case(net, {objective, schedule::Geometric{0.25, 4, 5}, weighting::Sigma2{}}, kBatch, ++seed, false);
      c.directions.clear();
      const Evaluation whole = evaluate(engine, c, noise);
      Drawing drawing;
      drawing.schedule = c.loss.schedule;
      drawing.parameterization = kind;
      const Assembled parts = assemble(engine, c, drawing, noise);
      draw(engine, c, noise);
      for (std::size_t n = 0; n < kBatch; ++n)
        ASSERT_NEAR(parts.evaluation.per_sample[n], whole.per_sample[n], allowed_difference(engine, c, n)) << n;
      // The gradient of the output bias is the sum of the gradients in F in another order. Each of them is off by the
      // network's 3 + 8 + 8 roundings, which is far below kBatch.
      for (std::size_t i = 0; i < 3; ++i) {
        double sum = 0, size = 0;
        for (std::size_t n = 0; n < kBatch; ++n) {
          sum += parts.grad_output[3 * n + i];
          size += std::abs(parts.grad_output[3 * n + i]);
        }
        EXPECT_NEAR(whole.grad[whole.grad.size() - 3 + i], sum, kBatch * unit_roundoff(engine) * size);
      }
    }
}

TEST_P(Drawn, HeadDrawsTheRowsOfThePerturbation) {
  LossCase c = random_case(network(), {Dsm{}, schedule::Single{0.5}}, kBatch, 90, false);
  c.x = uniform_values(3 * 1000, 91);
  Drawing drawing;
  drawing.parameterization = c.net.parameterization;
  drawing.draw_rows = kBatch;
  const Evaluation whole = evaluate(engine, c, noise, true);
  const Assembled parts = assemble(engine, c, drawing, noise);
  LossCase at = gathered(engine, c, c.x, noise);
  draw(engine, at, noise);
  for (std::size_t n = 0; n < kBatch; ++n)
    ASSERT_NEAR(parts.evaluation.per_sample[n], whole.per_sample[n], allowed_difference(engine, at, n)) << n;
}

}  // namespace
}  // namespace scorematch::testing_support
