// The cuda engine on the GPU at hand. Times are by CUDA events round one call, its input chosen in turn from more data
// than the L2 cache holds; a row is the median of kCalls such calls. Every result is looked at before it is timed.
//
//   copy      device to device, bytes read and written: the bandwidth the rest is a share of
//   perturb   x_tilde and sigma of N samples: 4 d read and 4 d written a sample
//   normals   cuRAND's host generator filling as many floats, Philox too: the peer of perturb
//   dsm, ssm  loss and gradient; FLOP/s are those the method needs at least (docs/performance.md)
//   adam      one step with average: 4 (5 read + 4 written) bytes a parameter
#include <benchmark/benchmark.h>
#include <cuda_runtime_api.h>
#if defined(SCOREMATCH_HAS_CURAND)
#include <curand.h>
#endif

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "scorematch/scorematch.h"

#ifndef NDEBUG
#error "benchmarks are for Release builds"
#endif

namespace sm = scorematch;

namespace {

constexpr int kCalls = 30, kWarmUps = 5;
constexpr std::int64_t kPool = std::int64_t{1} << 28;  // bytes of input to choose from

void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

class Timer {
 public:
  Timer() {
    check(cudaEventCreate(&begin_));
    check(cudaEventCreate(&end_));
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  /// Seconds of call(i), the median over kCalls.
  double median(const std::function<void(int)>& call) {
    std::vector<double> seconds;
    for (int i = 0; i < kWarmUps + kCalls; ++i) {
      check(cudaEventRecord(begin_));
      call(i);
      check(cudaEventRecord(end_));
      check(cudaEventSynchronize(end_));
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, begin_, end_));
      if (i >= kWarmUps) seconds.push_back(1e-3 * static_cast<double>(milliseconds));
    }
    std::nth_element(seconds.begin(), seconds.begin() + kCalls / 2, seconds.end());
    return seconds[kCalls / 2];
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

struct Work {
  double samples = 0, bytes = 0, flops = 0;
};

/// One row: `kCalls` timed calls are one iteration.
void measure(benchmark::State& state, const Work& work, const std::function<void(int)>& call) {
  Timer timer;
  double seconds = 0;
  for (auto unused : state) {
    seconds = timer.median(call);
    state.SetIterationTime(seconds);
  }
  if (work.samples > 0) state.counters["samples/s"] = work.samples / seconds;
  if (work.bytes > 0) state.counters["GB/s"] = 1e-9 * work.bytes / seconds;
  if (work.flops > 0) state.counters["TFLOP/s"] = 1e-12 * work.flops / seconds;
}

void copy(benchmark::State& state) {
  const sm::Engine engine = sm::Engine::cuda();
  auto from = engine.allocate<float>(kPool / 4), to = engine.allocate<float>(kPool / 4);
  measure(state, {0, 2.0 * kPool, 0},
          [&](int) { check(cudaMemcpyAsync(to.data(), from.data(), kPool, cudaMemcpyDeviceToDevice)); });
}

/// Places of x in the pool, `count` rows of `dim` each time.
struct Pool {
  Pool(const sm::Engine& engine, std::int64_t count_, int dim)
      : count(count_),
        places(std::max<std::int64_t>(1, kPool / (4 * count * dim))),
        x(engine.allocate<float>({places * count, dim})) {
    sm::Queue queue(engine, 0);
    const sm::NoiseState noise(engine, 1);
    sm::DirectionPlan(engine, dim, 1, sm::Projection::gaussian, places * count)
        .run(queue, noise, sm::View(x.data(), {1, places * count, dim}));
    queue.synchronize();
  }
  sm::ConstView at(int i) const { return sm::ConstView(x).samples(i % places * count, count); }

  std::int64_t count, places;
  sm::Buffer<float> x;
};

void perturb(benchmark::State& state, std::int64_t batch, int dim) {
  const sm::Engine engine = sm::Engine::cuda();
  const sm::PerturbPlan plan(engine, dim, sm::schedule::LogNormal{}, batch);
  sm::Queue queue(engine, 0);
  const Pool pool(engine, batch, dim);
  const sm::NoiseState noise(engine, 2);
  auto x_tilde = engine.allocate<float>({batch, dim}), sigma = engine.allocate<float>(batch);
  sm::PerturbPlan::Out out;
  out.x_tilde = x_tilde, out.sigma = sigma;
  measure(state, {double(batch), 8.0 * double(batch) * dim, 0}, [&](int i) {
    plan.run(queue, {pool.at(i), noise}, out);
  });
}

#if defined(SCOREMATCH_HAS_CURAND)
void normals(benchmark::State& state, std::int64_t batch, int dim) {
  const sm::Engine engine = sm::Engine::cuda();
  auto out = engine.allocate<float>({batch, dim});
  curandGenerator_t generator;
  if (curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10) != CURAND_STATUS_SUCCESS)
    return state.SkipWithError("no cuRAND generator");
  measure(state, {double(batch), 4.0 * double(batch) * dim, 0},
          [&](int) { curandGenerateNormal(generator, out.data(), static_cast<std::size_t>(batch * dim), 0.0f, 1.0f); });
  curandDestroyGenerator(generator);
}
#endif

struct Shape {
  int dim, hidden, layers;
  std::int64_t batch;
};

void loss_and_gradient(benchmark::State& state, const Shape& s, const sm::Loss& loss, sm::Compute compute,
                       double flops_a_sample, bool graph, sm::MlpShape::Kind kind = sm::MlpShape::Kind::score) {
  const sm::Engine engine = sm::Engine::cuda();
  sm::MlpShape net = sm::MlpShape::score(s.dim, std::vector<int>(static_cast<std::size_t>(s.layers), s.hidden));
  net.kind = kind;
  const sm::LossPlan plan(engine, net, loss, s.batch, compute);
  state.SetLabel(plan.report(s.batch).text);
  cudaStream_t stream = nullptr;
  if (graph) check(cudaStreamCreate(&stream));
  sm::Queue queue(engine, plan.workspace_bytes(), stream);
  const Pool pool(engine, s.batch, s.dim);
  const sm::NoiseState noise(engine, 2);
  const auto params = engine.upload(net.initial_params(3));
  auto grad = engine.allocate<float>(net.param_count());
  auto value = engine.allocate<sm::Estimate>();
  const auto run = [&](int i) { plan.run(queue, {params, pool.at(i), noise}, {value.data(), grad}); };

  run(0);
  const sm::Estimate once = queue.read_one(value);
  bool finite = std::isfinite(once.mean) && once.count == static_cast<double>(s.batch);
  for (const float element : queue.read(grad)) finite = finite && std::isfinite(element);
  if (!finite) return state.SkipWithError("the loss or its gradient is not finite");

  const Work work{double(s.batch), 0, flops_a_sample * double(s.batch)};
  if (!graph) return measure(state, work, run);
  cudaGraph_t recorded = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  run(0);
  check(cudaStreamEndCapture(stream, &recorded));
  check(cudaGraphInstantiate(&executable, recorded, 0));
  // Launched into the default stream, where the events are.
  measure(state, work, [&](int) { check(cudaGraphLaunch(executable, nullptr)); });
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(recorded);
  cudaStreamDestroy(stream);
}

void adam_step(benchmark::State& state, std::int64_t count) {
  const sm::Engine engine = sm::Engine::cuda();
  sm::Adam::Options options;
  options.ema_decay = 0.999;
  sm::Adam adam(engine, count, options);
  sm::Queue queue(engine, 0);
  auto params = engine.allocate<float>(count), grad = engine.upload(std::vector<float>(std::size_t(count), 0.1f));
  measure(state, {0, 36.0 * double(count), 0}, [&](int) { adam.step(queue, params, grad); });
}

/// Multiplications and additions a sample, with A = d H and B = (L - 1) H^2 (docs/performance.md).
double dsm_flops(const Shape& s) { return 10.0 * s.dim * s.hidden + 6.0 * (s.layers - 1) * s.hidden * s.hidden; }
double ssm_flops(const Shape& s, int projections) {
  return (4.0 + 8.0 * projections) * s.dim * s.hidden + 6.0 * (1 + projections) * (s.layers - 1) * s.hidden * s.hidden;
}

double energy_dsm_flops(const Shape& s) {
  return 10.0 * s.dim * s.hidden + 14.0 * (s.layers - 1) * s.hidden * s.hidden;
}
double energy_ssm_flops(const Shape& s, int projections) {
  return (4.0 + 4.0 * projections) * s.dim * s.hidden +
         (12.0 + 6.0 * projections) * (s.layers - 1) * s.hidden * s.hidden;
}

template <class Function>
void add(const std::string& name, const Function& function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->UseManualTime()->Iterations(1)->Unit(benchmark::kMicrosecond);
}

/// Of narrow networks, the route that is chosen and, beside it, the layered one.
void add_losses() {
  const std::pair<const char*, sm::Compute> computes[] = {{"fp32", {sm::Precision::fp32}},
                                                          {"tf32", {sm::Precision::tf32}},
                                                          {"bf16", {sm::Precision::bf16}},
                                                          {"bf16/layered", {sm::Precision::bf16, sm::Route::layered}}};
  const Shape shapes[] = {{64, 64, 3, 65536},    {64, 128, 3, 65536}, {2, 128, 3, 1 << 20}, {64, 256, 3, 65536},
                          {784, 1024, 3, 16384}, {8, 128, 2, 64},     {128, 128, 2, 1024}};
  for (const Shape& s : shapes)
    for (const auto& [name, compute] : computes) {
      if (s.hidden > 256 && compute.route == sm::Route::layered) continue;  // it is the only one
      const std::string shape = "/d:" + std::to_string(s.dim) + "/H:" + std::to_string(s.hidden) +
                                "/L:" + std::to_string(s.layers) + "/N:" + std::to_string(s.batch) + "/" + name;
      const sm::Loss dsm{sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Sigma2{}};
      const bool small = s.batch <= 1024;
      add((small ? "dsm_graph" : "dsm") + shape,
          [=, c = compute](benchmark::State& state) { loss_and_gradient(state, s, dsm, c, dsm_flops(s), small); });
      if (s.batch != 65536) continue;
      for (const int projections : {1, 4}) {
        const sm::Loss ssm{sm::Ssm{projections, sm::Projection::rademacher}};
        add("ssm/M:" + std::to_string(projections) + shape, [=, c = compute](benchmark::State& state) {
          loss_and_gradient(state, s, ssm, c, ssm_flops(s, projections), false);
        });
      }
    }
}

/// Layered, whatever their size.
void add_energy_nets() {
  const Shape s{64, 256, 3, 65536};
  const sm::Loss dsm{sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Sigma2{}},
      ssm{sm::Ssm{1, sm::Projection::rademacher}};
  for (const auto& [name, precision] :
       {std::pair<const char*, sm::Precision>{"fp32", sm::Precision::fp32}, {"bf16", sm::Precision::bf16}}) {
    const std::string shape = "/d:64/H:256/L:3/N:65536/" + std::string(name);
    const auto add_one = [&, c = sm::Compute{precision}](const std::string& objective, const sm::Loss& loss,
                                                         double flops) {
      add(objective + shape, [=](benchmark::State& state) {
        loss_and_gradient(state, s, loss, c, flops, false, sm::MlpShape::Kind::energy);
      });
    };
    add_one("energy_dsm", dsm, energy_dsm_flops(s));
    add_one("energy_ssm/M:1", ssm, energy_ssm_flops(s, 1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  try {
    benchmark::AddCustomContext("engine", sm::Engine::cuda().description());
  } catch (const sm::Error& error) {
    std::fprintf(stderr, "skipped: %s\n", error.what());
    return 77;
  }
  add("copy", copy);
  for (const auto& [batch, dim] : {std::pair<std::int64_t, int>{1 << 20, 64}, {1 << 16, 784}}) {
    const std::string shape = "/N:" + std::to_string(batch) + "/d:" + std::to_string(dim);
    add("perturb" + shape, [b = batch, d = dim](benchmark::State& state) { perturb(state, b, d); });
#if defined(SCOREMATCH_HAS_CURAND)
    add("normals" + shape, [b = batch, d = dim](benchmark::State& state) { normals(state, b, d); });
#endif
  }
  add_losses();
  add_energy_nets();
  add("adam/P:16777216", [](benchmark::State& state) { adam_step(state, 1 << 24); });
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
