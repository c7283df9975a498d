// Torch's module and optimizer with the library's loss: denoising score matching on points of a circle. Neither
// parameters nor data are copied between the two. The result is known: samples on the circle.
#include <torch/optim/adam.h>

#include <cmath>
#include <cstdio>

#include "mlp_module.h"
#include "module_network.h"
#include "score_matching_loss.h"
#include "scorematch/noise.h"
#include "scorematch/sampler.h"

namespace sm = scorematch;

namespace {

constexpr std::int64_t kRows = 4096, kBatch = 512, kSteps = 2000, kSamples = 500;
constexpr double kRadius = 0.7;

sm::MlpShape make_net() {
  sm::MlpShape net = sm::MlpShape::score(/*dim=*/2, {64, 64});
  net.parameterization = sm::parameterization::Edm{};
  net.conditioning = sm::conditioning::LogSigma{};
  return net;
}

/// How far new samples are from the circle, on average. The library samples the module as a network of the caller's.
double distance_from_circle(const sm::Engine& engine, const torch_bridge::Mlp& net) {
  const sm::OwnNetwork network =
      torch_bridge::as_network(net, make_net().dim, make_net().parameterization, make_net().conditioning);
  const sm::SamplerPlan flow(engine, network, sm::ProbabilityFlow{/*sigma_min=*/0.01, /*sigma_max=*/10, /*steps=*/24},
                             kSamples);
  sm::Queue queue(engine, flow.workspace_bytes());
  const sm::NoiseState noise(engine, /*seed=*/3);
  const torch::Tensor samples = torch::empty({kSamples, 2});
  flow.run(queue, {}, noise, torch_bridge::as_view(samples, "samples", torch::kCPU));
  return (samples.norm(2, 1) - kRadius).abs().mean().item<double>();
}

int train() {
  torch::manual_seed(1);
  const torch::Tensor angle = torch::arange(kRows) * 0.01,
                      data = kRadius * torch::stack({angle.cos(), angle.sin()}, 1);  // [4096, 2]

  const sm::Engine engine = sm::Engine::cpu(at::get_num_threads());
  torch_bridge::Mlp net(make_net());
  torch_bridge::ScoreMatchingLoss loss_of(
      engine, make_net(), {sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Edm{}}, /*max_batch=*/kBatch);
  sm::NoiseState noise(engine, /*seed=*/2);
  torch_bridge::ScoreMatchingLoss::In batch{data, noise};
  batch.draw_rows = kBatch;  // of the 4096, afresh in every step

  torch::optim::Adam adam(net->parameters(), torch::optim::AdamOptions(1e-3));
  sm::Estimate first, last;  // of a hundred steps each
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const auto result = loss_of(net->parameters(), batch);
    adam.zero_grad();
    result.loss.backward();
    adam.step();
    noise.advance(loss_of.queue());

    if (step < 100) first = first.merged(result.read());
    if (step >= kSteps - 100) last = last.merged(result.read());
    if (step % 500 == 0 || step + 1 == kSteps)
      std::printf("step %4lld  loss %.3f +- %.3f\n", static_cast<long long>(step), result.read().mean,
                  result.read().standard_error());
  }

  const double distance = distance_from_circle(engine, net);
  std::printf("new samples are %.3f from the circle on average\n", distance);
  const bool fell = last.mean + 5 * last.standard_error() < first.mean - 5 * first.standard_error();
  return fell && distance < 0.05 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return train();
  } catch (const sm::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
