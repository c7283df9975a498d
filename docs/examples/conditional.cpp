// A conditional model: points of two classes, learned by one network that is told the class, and samples of each class
// with classifier-free guidance.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "scorematch/scorematch.h"

namespace sm = scorematch;

int main() {
  constexpr int kRows = 2000, kSamples = 200;
  std::vector<float> points;          // [R, 2], around (-0.4, 0) and (0.4, 0)
  std::vector<std::int64_t> classes;  // [R]
  for (int i = 0; i < kRows; ++i) {
    const float t = 2.399963f * static_cast<float>(i), r = 0.2f * std::sqrt(static_cast<float>(i % 97) / 97);
    classes.push_back(i % 2);
    points.insert(points.end(), {(i % 2 == 0 ? -0.4f : 0.4f) + r * std::cos(t), r * std::sin(t)});
  }

  sm::Engine engine = sm::Engine::best();
  sm::MlpShape net = sm::MlpShape::diffusion(/*dim=*/2);
  net.context = {/*columns=*/2, /*optional=*/true};
  sm::Loss loss = sm::Loss::diffusion();
  loss.context_dropout = 0.1;
  sm::LossPlan plan(engine, net, loss, /*max_batch=*/256);
  sm::SamplerPlan sampler(engine, net, sm::ProbabilityFlow{0.01, 10.0}, kSamples, /*guidance=*/1.5);
  sm::Queue queue(engine, std::max(plan.workspace_bytes(), sampler.workspace_bytes()));

  auto data = engine.upload(points, {kRows, 2}), params = engine.upload(net.initial_params(/*seed=*/1));
  auto labels = engine.upload(classes);
  auto grad = engine.allocate<float>(net.param_count());
  sm::NoiseState noise(engine, /*seed=*/2);
  sm::Adam adam(engine, net.param_count(), {});
  sm::Batch batch{data, noise};
  batch.draw_rows = 256;
  batch.labels = labels;  // [R], gathered with the rows of the data
  for (int step = 0; step < 600; ++step, noise.advance(queue)) {
    plan.run(queue, {params, batch}, {nullptr, grad});
    adam.step(queue, params, grad);
  }

  auto x = engine.allocate<float>({kSamples, 2});
  bool good = true;
  for (const std::int64_t label : {0, 1}) {
    auto same = engine.upload(std::vector<std::int64_t>{label});  // for all samples
    sampler.run(queue, {params, noise, {}, same}, {x});
    float mean = 0;
    const std::vector<float> samples = queue.read(x);
    for (std::size_t i = 0; i < samples.size(); i += 2) mean += samples[i] / kSamples;
    std::printf("class %d: mean %.2f\n", static_cast<int>(label), static_cast<double>(mean));
    good = good && std::abs(mean - (label == 0 ? -0.4f : 0.4f)) < 0.15f;
  }
  return good ? 0 : 1;
}
