// The parts of the cpu engine alone, and the machine's best rates:
//   machine/fma, machine/copy   the rates that floors are computed from, on all threads
//   parts/perturb, /directions  noise: x_tilde of N samples, M directions
//   parts/activate, /multiply   one thread on a tile: an activation with its derivatives, the product of a layer
//   parts/score, /sampler       evaluations of a network without a loss
//   parts/adam                  one step with average
// "items/s" counts elements: normals, signs, activations, parameters; for scores and samplers, evaluations of one
// sample.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "cpu/simd/activation.h"
#include "cpu/simd/product.h"
#include "lines.h"
#include "machine.h"
#include "model/names.h"
#include "scorematch/scorematch.h"
#include "statistics.h"

namespace sm = scorematch;
namespace bench = scorematch::bench;

namespace {

const int kThreads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
const sm::Engine kEngine = sm::Engine::cpu(kThreads);

struct Amount {
  double items = 0, bytes = 0, flops = 0;
};

/// Per call, in wall-clock time.
void measure(benchmark::State& state, const Amount& amount, const std::function<void()>& call) {
  call();
  const double seconds = bench::seconds_a_call(state, [&](std::int64_t) { call(); });
  if (amount.items > 0) state.counters["items/s"] = amount.items / seconds;
  if (amount.bytes > 0) state.counters["GB/s"] = 1e-9 * amount.bytes / seconds;
  if (amount.flops > 0) state.counters["GFLOP/s"] = 1e-9 * amount.flops / seconds;
}

void peak(benchmark::State& state) {
  double best = 0;
  for (auto unused : state) best = std::max(best, bench::measure_peak_flops(kThreads));
  state.counters["GFLOP/s"] = 1e-9 * best;
}

void copy(benchmark::State& state) {
  double best = 0;
  for (auto unused : state) best = std::max(best, bench::measure_copy_bytes(kThreads));
  state.counters["GB/s"] = 1e-9 * best;
}

void perturb(benchmark::State& state, std::int64_t batch, int dim) {
  const sm::PerturbPlan plan(kEngine, dim, sm::schedule::LogNormal{}, batch);
  sm::Queue queue(kEngine, 0);
  const sm::NoiseState noise(kEngine, 1);
  const auto x = kEngine.upload(std::vector<float>(static_cast<std::size_t>(batch * dim), 1.0f));
  const sm::ConstView rows(x.data(), {batch, dim});
  auto x_tilde = kEngine.allocate<float>({batch, dim});
  sm::PerturbPlan::Out out;
  out.x_tilde = x_tilde;
  const double elements = double(batch) * dim;
  measure(state, {elements, 8 * elements, 0}, [&] { plan.run(queue, {rows, noise}, out); });
}

void directions(benchmark::State& state, sm::Projection distribution, std::int64_t batch, int dim) {
  const sm::DirectionPlan plan(kEngine, dim, 1, distribution, batch);
  sm::Queue queue(kEngine, 0);
  const sm::NoiseState noise(kEngine, 1);
  auto v = kEngine.allocate<float>({1, batch, dim});
  const double elements = double(batch) * dim;
  measure(state, {elements, 4 * elements, 0}, [&] { plan.run(queue, noise.from(0), v); });
}

void activate(benchmark::State& state, sm::Activation activation, int order) {
  constexpr int kRows = 64, kWidth = 128;
  std::vector<std::vector<float>> arrays(6, std::vector<float>(kRows * kWidth, 0.5f));
  const double elements = double(kRows) * kWidth;
  measure(state, {elements, 0, 0}, [&] {
    sm::cpu::activate(activation, order, kRows, kWidth, arrays[0].data(), nullptr, arrays[1].data(), arrays[2].data(),
                      arrays[3].data(), arrays[4].data(), arrays[5].data());
  });
}

std::size_t size(int rows, int columns) { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns); }

void multiply(benchmark::State& state, int rows, int depth, int width) {
  std::vector<float> a(size(rows, depth), 0.5f), b(size(depth, width), 0.25f), panels(b.size()), c(size(rows, width)),
      scratch(size(rows, sm::cpu::kApart));
  sm::cpu::pack_panels(b.data(), depth, width, false, depth, width, panels.data());
  measure(state, {0, 0, 2.0 * rows * depth * width}, [&] {
    sm::cpu::multiply(rows, depth, width, a.data(), depth, panels.data(), false, c.data(), scratch.data());
  });
}

void outer(benchmark::State& state, int rows, int height, int width) {
  std::vector<float> a(size(rows, height), 0.5f), b(size(rows, width), 0.25f), scratch(b.size()),
      c(size(height, width));
  measure(state, {0, 0, 2.0 * rows * height * width}, [&] {
    sm::cpu::add_outer_products(rows, height, width, a.data(), height, b.data(), scratch.data(), c.data());
  });
}

void score(benchmark::State& state, std::int64_t batch) {
  const sm::MlpShape net = sm::MlpShape::score(64, {128, 128, 128});
  const sm::ScorePlan plan(kEngine, net, batch);
  sm::Queue queue(kEngine, plan.workspace_bytes());
  const auto params = kEngine.upload(net.initial_params(1, sm::Initialization::torch));
  const auto x = kEngine.upload(std::vector<float>(static_cast<std::size_t>(batch * 64), 0.5f));
  auto s = kEngine.allocate<float>({batch, 64});
  sm::ScorePlan::Out out;
  out.score = s;
  const sm::ConstView rows(x.data(), {batch, 64});
  measure(state, {double(batch), 0, double(batch) * 2 * (2 * 64 * 128 + 2 * 128 * 128)}, [&] {
    plan.run(queue, {params, {rows}}, out);
  });
}

void sample(benchmark::State& state, const sm::Sampler& sampler, double evaluations, std::int64_t batch) {
  sm::MlpShape net = sm::MlpShape::score(64, {128, 128, 128});
  net.parameterization = sm::parameterization::Edm{};
  net.conditioning = sm::conditioning::LogSigma{};
  const sm::SamplerPlan plan(kEngine, net, sampler, batch);
  sm::Queue queue(kEngine, plan.workspace_bytes());
  const sm::NoiseState noise(kEngine, 1);
  const auto params = kEngine.upload(net.initial_params(1, sm::Initialization::torch));
  auto x = kEngine.allocate<float>({batch, 64});
  measure(state, {double(batch) * evaluations, 0, 0}, [&] { plan.run(queue, params, noise, x); });
  state.counters["peak_bytes"] = double(plan.workspace_bytes()) + 4.0 * double(batch * 64 + net.param_count());
}

void adam(benchmark::State& state, std::int64_t count) {
  sm::Adam::Options options;
  options.ema_decay = 0.999;
  sm::Adam adam(kEngine, count, options);
  sm::Queue queue(kEngine, 0);
  const std::vector<float> tenths(static_cast<std::size_t>(count), 0.1f);
  auto params = kEngine.upload(tenths), grad = kEngine.upload(tenths);
  measure(state, {double(count), 36.0 * double(count), 0}, [&] { adam.step(queue, params, grad); });
}

template <class Function>
void add(const std::string& name, const Function& function) {
  bench::with_statistics(benchmark::RegisterBenchmark(name.c_str(), function))
      ->Unit(benchmark::kMicrosecond)
      ->UseRealTime();
}

void add_noise() {
  for (const auto& [batch, dim] : {std::pair<std::int64_t, int>{1 << 16, 64}, {1 << 20, 2}, {1 << 12, 784}}) {
    const std::string shape = "/N:" + std::to_string(batch) + "/d:" + std::to_string(dim);
    add("parts/perturb" + shape, [b = batch, d = dim](benchmark::State& state) { perturb(state, b, d); });
    add("parts/directions-rademacher" + shape,
        [b = batch, d = dim](benchmark::State& state) { directions(state, sm::Projection::rademacher, b, d); });
  }
  add("parts/directions-gaussian/N:65536/d:64",
      [](benchmark::State& state) { directions(state, sm::Projection::gaussian, 1 << 16, 64); });
}

void add_tiles() {
  for (const sm::Activation activation : sm::values_of<sm::Activation>())
    for (int order = 0; order <= 3; ++order)
      add(std::string("parts/activate-") + sm::name_of(activation) + "/derivatives:" + std::to_string(order),
          [=](benchmark::State& state) { activate(state, activation, order); });
  for (const int width : {64, 128, 256, 1024}) {
    const int rows = width < 512 ? 64 : 256;
    const std::string shape = "/rows:" + std::to_string(rows) + "/H:" + std::to_string(width);
    add("parts/multiply" + shape, [=](benchmark::State& state) { multiply(state, rows, width, width); });
    add("parts/weight-gradient" + shape, [=](benchmark::State& state) { outer(state, rows, width, width); });
  }
}

void add_evaluations() {
  add("parts/score/d:64/H:128/L:3/N:4096", [](benchmark::State& state) { score(state, 4096); });
  const std::string shape = "/d:64/H:128/L:3/N:1024";
  add("parts/sampler-probability-flow" + shape, [](benchmark::State& state) {
    sm::ProbabilityFlow flow;
    sample(state, flow, 2 * flow.steps - 1, 1024);
  });
  add("parts/sampler-reverse-sde" + shape, [](benchmark::State& state) {
    sm::ReverseSde reverse;
    sample(state, reverse, reverse.steps, 1024);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool lines = bench::wants_lines(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("engine", kEngine.description());
  add("machine/fma", peak);
  add("machine/copy", copy);
  add_noise();
  add_tiles();
  add_evaluations();
  add("parts/adam/P:16777216", [](benchmark::State& state) { adam(state, 1 << 24); });
  bench::run_benchmarks(lines, {kEngine.description()});
  return 0;
}
