// Training that is interrupted, saved and resumed is bit-identical to training that is not interrupted.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "scorematch/checkpoint.h"
#include "scorematch/loss.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 2, kRows = 1024, kBatch = 128;

std::vector<float> make_data() {
  std::vector<float> data;
  for (int i = 0; i < kRows * kDim; ++i) data.push_back(std::sin(0.7f * static_cast<float>(i * i % 997)));
  return data;
}

/// Continues from the state of `from`, for `steps` steps.
sm::Checkpoint train(const sm::Engine& engine, const sm::Checkpoint& from, int steps) {
  sm::LossPlan plan(engine, from.net, {sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Edm{}}, kBatch);
  sm::Queue queue(engine, plan.workspace_bytes());
  auto data = engine.upload(make_data(), {kRows, kDim});
  auto grad = engine.allocate<float>(from.net.param_count());

  auto params = engine.upload(from.params);
  sm::NoiseState noise(engine, from.noise);
  sm::Adam::Options options;
  options.ema_decay = 0.99;
  sm::Adam adam(engine, from.net.param_count(), options);
  if (from.adam) adam.restore(queue, *from.adam);

  sm::Batch batch{data, noise};
  batch.draw_rows = kBatch;
  for (int step = 0; step < steps; ++step) {
    plan.run(queue, {params, batch}, {nullptr, grad});
    adam.step(queue, params, grad);
    noise.advance(queue);
  }

  sm::Checkpoint to = from;
  to.params = queue.read(params);
  to.adam = adam.snapshot(queue);
  to.noise = noise.read(queue);
  return to;
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  sm::Checkpoint start;
  start.net = sm::MlpShape::score(kDim, {64, 64});
  start.net.parameterization = sm::parameterization::Edm{};
  start.net.conditioning = sm::conditioning::Fourier::random(/*count=*/8);
  start.params = start.net.initial_params(/*seed=*/1);
  start.noise.seed = 2;
  start.metadata["data"] = "a curve";

  const sm::Checkpoint whole = train(engine, start, 200);

  const std::string path = "checkpoint.safetensors";
  train(engine, start, 120).save(path);
  const sm::Checkpoint resumed = train(engine, sm::Checkpoint::load(path), 80);
  std::remove(path.c_str());

  const bool same = resumed.params == whole.params && resumed.sampling_params() == whole.sampling_params() &&
                    resumed.adam->second_moment == whole.adam->second_moment &&
                    resumed.noise.step == whole.noise.step && resumed.metadata == start.metadata;
  std::printf("after step %lld: %s\n", static_cast<long long>(resumed.noise.step),
              same ? "identical to the uninterrupted run" : "DIFFERENT");
  return same ? 0 : 1;
}
