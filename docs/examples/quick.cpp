// Denoising score matching on points of a circle.
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/scorematch.h"

namespace sm = scorematch;

int main() {
  std::vector<float> circle;  // [4096, 2], row by row
  for (float t = 0; circle.size() < 8192; t += 0.01f)
    circle.insert(circle.end(), {0.7f * std::cos(t), 0.7f * std::sin(t)});

  sm::Engine engine = sm::Engine::best();
  sm::MlpShape net = sm::MlpShape::diffusion(/*dim=*/2);
  sm::LossPlan plan(engine, net, sm::Loss::diffusion(), /*max_batch=*/512);
  sm::Queue queue(engine, plan.workspace_bytes());

  auto data = engine.upload(circle, {4096, 2}), params = engine.upload(net.initial_params(/*seed=*/1));
  auto grad = engine.allocate<float>(net.param_count());
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  sm::Adam adam(engine, net.param_count(), {});
  sm::Batch batch{data, noise};
  batch.draw_rows = 512;  // of the 4096, afresh in every step

  for (int step = 0; step < 1000; ++step, noise.advance(queue)) {
    plan.run(queue, {params, batch}, {loss, grad});
    adam.step(queue, params, grad);
  }
  const sm::Estimate last = queue.read_one(loss);
  std::printf("loss %.3f +- %.3f\n", last.mean, last.standard_error());
  return last.mean < 0.9 ? 0 : 1;  // about 1 before training
}
