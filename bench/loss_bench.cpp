// One training step's loss and gradient on the cpu engine: denoising and sliced score matching of a score net of
// `layers` hidden layers. GFLOP/s are the multiplications and additions of the matrix products that the method needs at
// least, whatever the engine does; with A = dim hidden and B = (layers - 1) hidden^2, per sample,
//   DSM: 10 A + 6 B        SSM of M projections: (4 + 8 M) A + 6 (1 + M) B.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "scorematch/scorematch.h"

#ifndef NDEBUG
#error "benchmarks are for Release builds"
#endif

namespace sm = scorematch;

namespace {

constexpr int kProjections = 1;

struct Case {
  int dim, hidden, layers;
  std::int64_t batch;
};
constexpr Case kCases[] = {{64, 128, 3, 4096}, {2, 128, 3, 65536}, {64, 256, 3, 4096}};

double dsm_flops(const Case& c) {
  const double a = double(c.dim) * c.hidden, b = double(c.layers - 1) * c.hidden * c.hidden;
  return 10 * a + 6 * b;
}

double ssm_flops(const Case& c) {
  const double a = double(c.dim) * c.hidden, b = double(c.layers - 1) * c.hidden * c.hidden;
  return (4 + 8 * kProjections) * a + 6 * (1 + kProjections) * b;
}

void loss_and_gradient(benchmark::State& state, const Case& c, const sm::Loss& loss, double flops_per_sample) {
  const sm::Engine engine = sm::Engine::cpu();
  const sm::MlpShape net = sm::MlpShape::score(c.dim, std::vector<int>(static_cast<std::size_t>(c.layers), c.hidden));
  const sm::LossPlan plan(engine, net, loss, c.batch);
  sm::Queue queue(engine, plan.workspace_bytes());
  sm::NoiseState noise(engine, /*seed=*/2);

  // Data of unit variance: the noise of another seed.
  auto x = engine.allocate<float>({c.batch, c.dim});
  sm::DirectionPlan(engine, c.dim, 1, sm::Projection::gaussian, c.batch)
      .run(queue, sm::NoiseState(engine, /*seed=*/1).from(0), sm::View(x.data(), {1, c.batch, c.dim}));
  const auto params = engine.upload(net.initial_params(/*seed=*/3));
  auto grad = engine.allocate<float>(net.param_count());
  auto value = engine.allocate<sm::Estimate>();
  const auto run = [&] { plan.run(queue, {params, x, noise}, {value.data(), grad}); };

  run();
  const sm::Estimate once = queue.read_one(value);
  bool finite = std::isfinite(once.mean) && once.count == static_cast<double>(c.batch);
  for (const float element : queue.read(grad)) finite = finite && std::isfinite(element);
  if (!finite) return state.SkipWithError("the loss or its gradient is not finite");

  for (auto unused : state) run();
  const double samples = static_cast<double>(state.iterations()) * static_cast<double>(c.batch);
  state.counters["samples/s"] = benchmark::Counter(samples, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(samples * flops_per_sample * 1e-9, benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("engine", sm::Engine::cpu().description());
  const sm::Loss dsm{sm::Dsm{}, sm::schedule::Single{0.5}, sm::weighting::Sigma2{}};
  const sm::Loss ssm{sm::Ssm{kProjections, sm::Projection::rademacher}};
  for (const Case& c : kCases) {
    const std::string shape = "/dim:" + std::to_string(c.dim) + "/hidden:" + std::to_string(c.hidden) +
                              "/layers:" + std::to_string(c.layers) + "/batch:" + std::to_string(c.batch);
    benchmark::RegisterBenchmark(("dsm" + shape).c_str(), loss_and_gradient, c, dsm, dsm_flops(c))
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
    benchmark::RegisterBenchmark(("ssm" + shape).c_str(), loss_and_gradient, c, ssm, ssm_flops(c))
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
