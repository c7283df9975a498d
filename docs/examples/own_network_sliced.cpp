// Sliced score matching of the caller's own network, which gives its output F and the products (dF/dz) v. The library
// draws the directions, and turns both into a loss and the gradients for the backward pass. The library's own network
// with the same parameters must give the same loss and gradient, and in the end the same samples.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/head.h"
#include "scorematch/loss.h"
#include "scorematch/perturbation.h"
#include "scorematch/sampler.h"
#include "tiny_network.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 3, kHidden = 32, kBatch = 500, kSteps = 200;

/// Correlated, with a spread of about 1. [kBatch, kDim]
std::vector<float> make_data() {
  std::vector<float> data;
  for (int i = 0; i < kBatch; ++i) {
    const float t = static_cast<float>(i);
    const float a = std::sin(0.7f * t), b = std::sin(1.9f * t), c = std::sin(3.1f * t);
    data.insert(data.end(), {a + 0.5f * b, b - 0.3f * c, 1.2f * c});
  }
  return data;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return static_cast<double>(largest);
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  const sm::SsmVr objective{/*projections=*/1, sm::Projection::rademacher};
  sm::DirectionPlan draw(engine, kDim, objective.projections, objective.distribution, kBatch);
  sm::HeadPlan head(engine, kDim, {objective}, kBatch);
  const sm::MlpShape same_net = sm::MlpShape::score(kDim, {kHidden}, sm::Activation::tanh);
  sm::LossPlan same_loss(engine, same_net, {objective}, kBatch);
  sm::Queue queue(engine, std::max(head.workspace_bytes(), same_loss.workspace_bytes()));

  TinyNetwork net(kDim, kHidden, kDim, /*seed=*/1);
  const std::vector<float> points = make_data();
  auto directions = engine.allocate<float>({1, kBatch, kDim});
  auto output = engine.allocate<float>({kBatch, kDim}), grad_output = engine.allocate<float>({kBatch, kDim});
  auto jvp = engine.allocate<float>({1, kBatch, kDim}), grad_jvp = engine.allocate<float>({1, kBatch, kDim});
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  auto x = engine.upload(points, {kBatch, kDim});  // this and the next line are for the library's network
  auto params = engine.allocate<float>(same_net.param_count()), grad = engine.allocate<float>(same_net.param_count());

  double first = 0, last = 0, difference = 0;
  for (int step = 0; step < kSteps; ++step) {
    queue.write(params, net.params().data());
    same_loss.run(queue, {params, {x, noise}}, {nullptr, grad});

    queue.write(output, net.forward(points).data());
    draw.run(queue, noise, directions);
    queue.write(jvp, net.tangent(queue.read(directions)).data());
    sm::HeadPlan::In in{{{}, noise}, output};
    in.jvp = jvp;
    head.run(queue, in, {loss, grad_output, grad_jvp});
    net.clear_grad();
    net.backward(queue.read(grad_output));
    net.tangent_backward(queue.read(grad_jvp));
    difference = std::max(difference, largest_difference(net.grad(), queue.read(grad)));

    net.descend(/*rate=*/0.05f);
    noise.advance(queue);
    last = queue.read_one(loss).mean;
    if (step == 0) first = last;
  }

  // The network was trained without noise, so a Langevin chain without a level samples from it.
  const sm::OwnNetwork own{kDim, [&net](sm::Queue& lent, const sm::NetworkCall& call) {
                             lent.write(call.output, net.forward(lent.read_f32(call.net_input)).data());
                           }};
  const sm::Langevin chain{/*sigma=*/0, /*step_size=*/0.1, /*steps=*/100};
  const sm::SamplerPlan sampler(engine, own, chain, kBatch), same_sampler(engine, same_net, chain, kBatch);
  sm::Queue sampling(engine, std::max(sampler.workspace_bytes(), same_sampler.workspace_bytes()));
  auto samples = engine.allocate<float>({kBatch, kDim}), same_samples = engine.allocate<float>({kBatch, kDim});
  sampling.write(params, net.params().data());
  sampler.run(sampling, {}, noise, samples);
  same_sampler.run(sampling, params, noise, same_samples);
  const double apart = largest_difference(sampling.read(samples), sampling.read(same_samples));

  std::printf("loss %.4f at first, %.4f at last; gradients within %.1e and samples within %.1e of the library's\n",
              first, last, difference, apart);
  return last < first - 0.5 && difference < 1e-5 && apart < 1e-3 ? 0 : 1;
}
