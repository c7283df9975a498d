// Denoising score matching on a mixture of four Gaussians with the library's Adam, then new samples from both samplers,
// and the likelihood of the data. The fractions of the clusters among the samples must be close to those of the data,
// and the likelihood must be close to that under the true density.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "scorematch/scorematch.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 2, kRows = 8192, kBatch = 256, kSteps = 3000, kWanted = 2000;
constexpr float kSpread = 0.08f;
constexpr float kCenters[4][kDim] = {{-0.6f, -0.5f}, {0.6f, -0.5f}, {-0.6f, 0.5f}, {0.6f, 0.5f}};
constexpr double kFractions[4] = {0.4, 0.3, 0.2, 0.1};

std::vector<float> make_data() {
  std::mt19937 random(1);
  std::discrete_distribution<std::size_t> cluster(std::begin(kFractions), std::end(kFractions));
  std::normal_distribution<float> normal(0, kSpread);
  std::vector<float> data;
  for (int n = 0; n < kRows; ++n)
    for (const float center : kCenters[cluster(random)]) data.push_back(center + normal(random));
  return data;
}

/// The largest error of the clusters' fractions among the points [n, kDim]; points in no cluster count as the fifth,
/// whose fraction should be 0.
double worst_share(const std::vector<float>& x) {
  double fractions[5] = {};
  for (std::size_t i = 0; i < x.size(); i += kDim) {
    const auto inside = [&](const float* center) {
      return std::hypot(x[i] - center[0], x[i + 1] - center[1]) < 4 * kSpread;
    };
    const auto found = std::find_if(std::begin(kCenters), std::end(kCenters), inside);
    fractions[found - std::begin(kCenters)] += kDim / static_cast<double>(x.size());
  }
  double worst = fractions[4];
  for (std::size_t k = 0; k < 4; ++k) worst = std::max(worst, std::abs(fractions[k] - kFractions[k]));
  return worst;
}

/// Mean log-density, in nats, of points [n, kDim] under the mixture with noise of standard deviation sigma.
double true_likelihood(const std::vector<float>& x, double sigma) {
  const double variance = kSpread * kSpread + sigma * sigma;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); i += kDim) {
    double density = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const double a = x[i] - kCenters[k][0], b = x[i + 1] - kCenters[k][1];
      density += kFractions[k] * std::exp(-(a * a + b * b) / (2 * variance)) / (2 * 3.141592653589793 * variance);
    }
    sum += std::log(density);
  }
  return sum * kDim / static_cast<double>(x.size());
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  sm::MlpShape net = sm::MlpShape::score(kDim, {128, 128});
  net.parameterization = sm::parameterization::Edm{};
  net.conditioning = sm::conditioning::Fourier::random(/*count=*/8, /*scale=*/0.3);

  sm::LossPlan plan(engine, net, {sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Edm{}}, kBatch);
  sm::SamplerPlan flow(engine, net, sm::ProbabilityFlow{/*sigma_min=*/0.01, /*sigma_max=*/10, /*steps=*/24}, kWanted);
  sm::SamplerPlan langevin(engine, net,
                           sm::AnnealedLangevin{/*sigma_min=*/0.02, /*sigma_max=*/5, /*levels=*/30,
                                                /*steps_per_level=*/10, /*step_size=*/1e-4},
                           kWanted);
  sm::Likelihood levels{/*sigma_min=*/0.01, /*sigma_max=*/10};
  levels.prior_deviation = 0.53;  // of the data
  sm::LikelihoodPlan likelihood(engine, net, levels, kWanted);
  sm::Queue queue(engine, std::max({plan.workspace_bytes(), flow.workspace_bytes(), langevin.workspace_bytes(),
                                    likelihood.workspace_bytes()}));

  auto data = engine.upload(make_data(), {kRows, kDim});
  auto params = engine.upload(net.initial_params(/*seed=*/1));
  auto grad = engine.allocate<float>(net.param_count());
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  sm::Adam::Options options;
  options.max_grad_norm = 1;
  options.ema_decay = 0.995;
  options.weight_decay = 1e-3;
  options.groups = sm::bias_groups(net);  // without the weight decay
  sm::Adam adam(engine, net.param_count(), options);
  sm::Batch batch{data, noise};
  batch.draw_rows = kBatch;

  for (int step = 0; step < kSteps; ++step) {
    adam.set_learning_rate(queue, 2e-3 * (1 - static_cast<double>(step) / kSteps));
    plan.run(queue, {params, batch}, {loss, grad});
    adam.step(queue, params, grad);
    noise.advance(queue);
  }
  const sm::Estimate last = queue.read_one(loss);
  std::printf("on %s\nloss %.3f +- %.3f\n", engine.description().c_str(), last.mean, last.standard_error());

  auto samples = engine.allocate<float>({kWanted, kDim});
  flow.run(queue, adam.ema(), noise, samples);
  const double flow_off = worst_share(queue.read(samples));
  langevin.run(queue, adam.ema(), noise, samples);
  const double langevin_off = worst_share(queue.read(samples));
  std::printf("fractions of the clusters off by at most %.3f (probability flow), %.3f (annealed Langevin)\n", flow_off,
              langevin_off);

  auto nats = engine.allocate<float>(kWanted);
  auto mean = engine.allocate<sm::Estimate>();
  likelihood.run(queue, {adam.ema(), {data.samples(0, kWanted)}}, {nats, {}, mean});
  const sm::Estimate got = queue.read_one(mean);
  const double of_mixture = true_likelihood(queue.read_f32(data.samples(0, kWanted)), levels.sigma_min);
  std::printf("log-likelihood %.3f +- %.3f nats, under the mixture itself %.3f\n", got.mean, got.standard_error(),
              of_mixture);
  const bool likely = std::abs(got.mean - of_mixture) < 0.2;
  return flow_off < 0.05 && langevin_off < 0.08 && likely ? 0 : 1;
}
