// Simulation-based inference: the posterior of a simulator's parameters, learned from pairs of parameters and
// observations. The observation is the context of the model, so that one training serves every observation. Two
// simulators whose posteriors are known: a linear one with Gaussian noise, and two moons (Greenberg et al. 2019,
// appendix A.1). Ranks of the true parameters among samples of the posterior show whether it is calibrated (Talts et
// al. 2018, algorithm 1).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "scorematch/scorematch.h"

namespace sm = scorematch;

namespace {

constexpr int kPairs = 16384, kBatch = 256, kSteps = 3000;  // of the training
constexpr int kSamples = 2000;                              // of one posterior
constexpr int kTrials = 250, kDraws = 31;                   // of the ranks, which are 0 to kDraws
constexpr float kPi = 3.14159265f;

using Point = std::array<float, 2>;
using Random = std::mt19937;

struct Simulator {
  const char* name;
  std::function<Point(Random&)> prior;                        // the parameters
  std::function<Point(Random&, Point)> observe;               // the observation, given the parameters
  std::function<std::optional<Point>(Random&, Point)> exact;  // the parameters, given the observation; or a rejection
  Point observation;                                          // at which the posterior is compared
};

float normal(Random& random) { return std::normal_distribution<float>()(random); }
float uniform(Random& random, float low, float high) {
  return std::uniform_real_distribution<float>(low, high)(random);
}

/// theta ~ N(0, I/4) and x ~ N(A theta, I/16) with A = [1, -1/2; 1/2, 1], so A^T A = 5/4 I, and the posterior is
/// N(16 A^T x / p, I / p) with the precision p = 4 + 16 * 5/4.
Simulator linear() {
  constexpr float kPrior = 0.5f, kNoise = 0.25f;
  return {"linear",
          [](Random& random) {
            return Point{kPrior * normal(random), kPrior * normal(random)};
          },
          [](Random& random, Point t) {
            return Point{t[0] - t[1] / 2 + kNoise * normal(random), t[0] / 2 + t[1] + kNoise * normal(random)};
          },
          [](Random& random, Point x) {
            constexpr float p = 1 / (kPrior * kPrior) + 1.25f / (kNoise * kNoise), gain = 1 / (kNoise * kNoise * p);
            return Point{gain * (x[0] + x[1] / 2) + normal(random) / std::sqrt(p),
                         gain * (x[1] - x[0] / 2) + normal(random) / std::sqrt(p)};
          },
          {0.4f, -0.3f}};
}

/// theta is uniform on [-1, 1]^2. x is a point of a half circle, moved by (-|theta_1 + theta_2|, theta_2 - theta_1) /
/// sqrt(2), so that two values of theta_1 + theta_2 explain it equally well.
Simulator two_moons() {
  const auto half_circle = [](Random& random) {
    const float angle = uniform(random, -kPi / 2, kPi / 2), radius = 0.1f + 0.01f * normal(random);
    return Point{radius * std::cos(angle) + 0.25f, radius * std::sin(angle)};
  };
  return {"two moons",
          [](Random& random) {
            return Point{uniform(random, -1, 1), uniform(random, -1, 1)};
          },
          [half_circle](Random& random, Point t) {
            const Point p = half_circle(random);
            return Point{p[0] - std::abs(t[0] + t[1]) / std::sqrt(2.0f), p[1] + (t[1] - t[0]) / std::sqrt(2.0f)};
          },
          [half_circle](Random& random, Point x) -> std::optional<Point> {
            const Point p = half_circle(random);
            if (p[0] < x[0]) return std::nullopt;
            const float sum = (uniform(random, -1, 1) < 0 ? -1.0f : 1.0f) * std::sqrt(2.0f) * (p[0] - x[0]);
            const float difference = std::sqrt(2.0f) * (x[1] - p[1]);
            const Point t{(sum - difference) / 2, (sum + difference) / 2};
            if (std::max(std::abs(t[0]), std::abs(t[1])) > 1) return std::nullopt;
            return t;
          },
          {0.0f, 0.0f}};
}

/// The largest difference of two distributions of one coordinate (Kolmogorov and Smirnov).
double distance(std::vector<float> a, std::vector<float> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto below = std::lower_bound(b.begin(), b.end(), a[i]) - b.begin();
    largest = std::max(largest, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                         static_cast<double>(below) / static_cast<double>(b.size())));
  }
  return largest;
}

/// One coordinate of points [n, 2].
std::vector<float> column(const std::vector<float>& points, std::size_t k) {
  std::vector<float> values;
  for (std::size_t i = k; i < points.size(); i += 2) values.push_back(points[i]);
  return values;
}

/// Chi-squared of ranks in eight bins, with 7 degrees of freedom if they are uniform.
double chi_squared(const std::vector<int>& ranks) {
  std::array<int, 8> bins{};
  for (const int rank : ranks) ++bins[static_cast<std::size_t>(rank * 8 / (kDraws + 1))];
  const double expected = static_cast<double>(ranks.size()) / 8;
  double sum = 0;
  for (const int count : bins) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

bool learn(const Simulator& simulator) {
  Random random(1);
  std::vector<float> parameters, observations;  // [kPairs, 2] each
  for (int n = 0; n < kPairs; ++n) {
    const Point t = simulator.prior(random), x = simulator.observe(random, t);
    parameters.insert(parameters.end(), t.begin(), t.end());
    observations.insert(observations.end(), x.begin(), x.end());
  }

  sm::Engine engine = sm::Engine::best();
  sm::MlpShape net = sm::MlpShape::diffusion(/*dim=*/2);
  net.context = 2;
  sm::LossPlan plan(engine, net, sm::Loss::diffusion(), kBatch);
  sm::SamplerPlan sampler(engine, net, sm::ProbabilityFlow{0.002, 20.0}, kTrials * kDraws);
  sm::Queue queue(engine, std::max(plan.workspace_bytes(), sampler.workspace_bytes()));

  auto data = engine.upload(parameters, {kPairs, 2}), given = engine.upload(observations, {kPairs, 2});
  auto params = engine.upload(net.initial_params(/*seed=*/1)), grad = engine.allocate<float>(net.param_count());
  sm::NoiseState noise(engine, /*seed=*/2);
  sm::Adam::Options options;
  options.ema_decay = 0.995;
  sm::Adam adam(engine, net.param_count(), options);
  sm::Batch batch{data, noise};
  batch.draw_rows = kBatch;
  batch.context = given;  // [R, c]: gathered with the rows of the data
  for (int step = 0; step < kSteps; ++step, noise.advance(queue)) {
    adam.set_learning_rate(queue, 2e-3 * std::min(1.0, 2 - 2.0 * step / kSteps));
    plan.run(queue, {params, batch}, {nullptr, grad});
    adam.step(queue, params, grad);
  }

  // The posterior given one observation, which is the context of all samples.
  auto posterior = engine.allocate<float>({kSamples, 2});
  const Point& at = simulator.observation;
  auto observation = engine.upload(std::vector<float>{at[0], at[1]}, {1, 2});
  sampler.run(queue, {adam.ema(), noise, observation}, {posterior});
  const std::vector<float> samples = queue.read(posterior);
  std::vector<float> exact;
  while (exact.size() < samples.size())
    if (const std::optional<Point> t = simulator.exact(random, at)) exact.insert(exact.end(), t->begin(), t->end());

  // Calibration: a context for each row.
  std::vector<float> truths, contexts;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Point t = simulator.prior(random), x = simulator.observe(random, t);
    truths.insert(truths.end(), t.begin(), t.end());
    for (int draw = 0; draw < kDraws; ++draw) contexts.insert(contexts.end(), x.begin(), x.end());
  }
  noise.advance(queue);
  auto draws = engine.allocate<float>({kTrials * kDraws, 2});
  auto all = engine.upload(contexts, {kTrials * kDraws, 2});
  sampler.run(queue, {adam.ema(), noise, all}, {draws});
  const std::vector<float> drawn = queue.read(draws);

  bool good = true;
  for (std::size_t k = 0; k < 2; ++k) {
    std::vector<int> ranks;
    for (int trial = 0; trial < kTrials; ++trial) {
      int rank = 0;
      for (int draw = 0; draw < kDraws; ++draw)
        rank += drawn[static_cast<std::size_t>(trial * kDraws + draw) * 2 + k] <
                truths[static_cast<std::size_t>(trial) * 2 + k];
      ranks.push_back(rank);
    }
    const double apart = distance(column(samples, k), column(exact, k)), uniformity = chi_squared(ranks);
    std::printf("%s, parameter %d: distance to the exact posterior %.3f, chi-squared of the ranks %.1f\n",
                simulator.name, static_cast<int>(k) + 1, apart, uniformity);
    good = good && apart < 0.1 && uniformity < 24.3;  // exceeded once in a thousand times
  }
  return good;
}

}  // namespace

int main() {
  const bool first = learn(linear()), second = learn(two_moons());
  return first && second ? 0 : 1;
}
