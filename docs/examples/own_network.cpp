// A training program with its own network and optimizer. The library perturbs the data, and turns the output of the
// network into a loss and the gradient for its backward pass. Then it draws samples with that network, and computes the
// likelihood of the data.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/head.h"
#include "scorematch/likelihood.h"
#include "scorematch/perturbation.h"
#include "scorematch/sampler.h"
#include "tiny_network.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 2, kFeatures = 1, kHidden = 64, kBatch = 256, kRows = 4096, kSteps = 3000, kSamples = 1000;

/// Two clusters about (-1, 0) and (1, 0), with a spread of 0.2. [kRows, kDim]
std::vector<float> make_data() {
  std::vector<float> data;
  for (int i = 0; i < kRows; ++i) {
    const float turn = 2.4f * static_cast<float>(i), radius = 0.283f * std::sqrt(static_cast<float>(i) / kRows);
    data.push_back((i % 2 == 0 ? -1.0f : 1.0f) + radius * std::cos(turn));
    data.push_back(radius * std::sin(turn));
  }
  return data;
}

/// The fraction of the points [n, kDim] that are in or near a cluster.
double share_inside(const std::vector<float>& x) {
  int inside = 0;
  for (std::size_t i = 0; i < x.size(); i += kDim) inside += std::hypot(std::abs(x[i]) - 1, x[i + 1]) < 0.4f;
  return kDim * inside / static_cast<double>(x.size());
}

/// F and, if they are wanted, its products (dF/dz) v. The features of sigma have no direction.
void evaluate(TinyNetwork& net, sm::Queue& queue, const sm::NetworkCall& call) {
  queue.write(call.output, net.forward(queue.read_f32(call.net_input)).data());
  if (call.jvp.empty()) return;
  const auto count = static_cast<std::size_t>(call.output.shape.count());
  const std::vector<float> directions = queue.read_f32(call.directions);  // [M, N, kDim]
  std::vector<float> products;
  for (std::size_t m = 0; m < directions.size(); m += count) {  // direction by direction
    std::vector<float> v;
    for (std::size_t i = m; i < m + count; i += kDim) v.insert(v.end(), {directions[i], directions[i + 1], 0});
    const std::vector<float> product = net.tangent(v);
    products.insert(products.end(), product.begin(), product.end());
  }
  queue.write(call.jvp, products.data());
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  TinyNetwork net(kDim + kFeatures, kHidden, kDim, /*seed=*/1);

  // F predicts the noise: s = -F / sigma, and with this weighting the loss is 1/2 |F - eps|^2.
  const sm::parameterization::NoisePrediction parameterization{};
  const sm::Loss spec{sm::Dsm{}, sm::schedule::Geometric{/*sigma_min=*/0.05, /*sigma_max=*/2.0},
                      sm::weighting::Sigma2{}};
  const sm::conditioning::LogSigma conditioning{};
  sm::PerturbPlan perturb(engine, kDim, spec.schedule, kBatch, parameterization, conditioning);
  sm::HeadPlan head(engine, kDim, spec, kBatch, parameterization);

  // Samplers and likelihoods make the network's input, and the score from its output.
  const sm::OwnNetwork own{kDim, [&net](sm::Queue& lent, const sm::NetworkCall& call) { evaluate(net, lent, call); },
                           parameterization, conditioning};
  sm::SamplerPlan sampler(engine, own, sm::ProbabilityFlow{/*sigma_min=*/0.05, /*sigma_max=*/2.0}, kSamples);
  sm::Likelihood flow;
  flow.sigma_min = 0.05, flow.sigma_max = 2.0, flow.prior_deviation = 1.0, flow.steps = 12;
  sm::LikelihoodPlan likelihood(engine, own, flow, kRows);
  sm::Queue queue(engine, std::max({head.workspace_bytes(), sampler.workspace_bytes(), likelihood.workspace_bytes()}));

  auto data = engine.upload(make_data(), {kRows, kDim});
  auto net_input = engine.allocate<float>({kBatch, kDim + kFeatures});
  auto output = engine.allocate<float>({kBatch, kDim}), grad_output = engine.allocate<float>({kBatch, kDim});
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  sm::Batch batch{data, noise};
  batch.draw_rows = kBatch;

  sm::Estimate first, last;  // over 100 steps each
  for (int step = 0; step < kSteps; ++step) {
    perturb.run(queue, batch, {net_input});
    queue.write(output, net.forward(queue.read(net_input)).data());
    head.run(queue, {{{}, noise}, output}, {loss, grad_output});
    net.clear_grad();
    net.backward(queue.read(grad_output));
    net.descend(/*rate=*/0.1f);
    noise.advance(queue);
    if (step < 100) first = first.merged(queue.read_one(loss));
    if (step >= kSteps - 100) last = last.merged(queue.read_one(loss));
  }
  auto samples = engine.allocate<float>({kSamples, kDim});
  sampler.run(queue, {}, noise, samples);
  const double inside = share_inside(queue.read(samples));
  auto nats = engine.allocate<sm::Estimate>();
  likelihood.run(queue, {{}, {data}}, {{}, {}, nats});
  const sm::Estimate density = queue.read_one(nats);

  std::printf("loss %.3f +- %.3f at first, %.3f +- %.3f at last; %.0f %% of the samples are in the clusters\n",
              first.mean, first.standard_error(), last.mean, last.standard_error(), 100 * inside);
  std::printf("log-likelihood of the data %.3f +- %.3f nats; of a Gaussian with their covariance -1.25\n", density.mean,
              density.standard_error());
  return last.mean < 0.8 * first.mean && inside > 0.8 && density.mean > -1 ? 0 : 1;
}
