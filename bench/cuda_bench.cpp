// The cuda engine on the GPU. CUDA events around one call give its time, and the inputs rotate through more data than
// the L2 cache holds. A row is the median of 30 such calls. The device starts when the whole call has been enqueued, so
// that the host's work for a small job is not in its time. Every job is compared with the reference engine before it is
// timed. A line per row is printed (lines.h), with floor / time; --benchmark_out=FILE has all counters.
//
//   copy      device to device, bytes read and written
//   products  a large matrix product by cuBLASLt; this and copy are the rates behind the jobs' floors (device_rates.h)
//   perturb   x_tilde and sigma of N samples: 4 d bytes read and 4 d bytes written per sample
//   normals   cuRAND's host generator filling as many floats, also with Philox: the peer of perturb
//   cuda-...  jobs (job.h): loss and gradient; FLOP/s count the minimum that the method needs; cuda-...-graph: as a
//   graph adam      one step with average: 4 (5 read + 4 written) bytes per parameter
#include <benchmark/benchmark.h>
#include <cuda_runtime_api.h>
#if defined(SCOREMATCH_HAS_CURAND)
#include <curand.h>
#endif

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "device_rates.h"
#include "device_timer.h"
#include "lines.h"
#include "running_job.h"
#include "scorematch/scorematch.h"
#include "work.h"

#ifndef NDEBUG
#error "benchmarks are for Release builds"
#endif

namespace sm = scorematch;
namespace bench = scorematch::bench;

namespace {

using bench::check;
using bench::Timer;

std::string shape_name(int dim, int hidden, int layers, std::int64_t batch, int projections = 0) {
  return bench::shape_name(dim, hidden, layers, bench::device_sizes.scaled(batch), projections);
}

struct Work {
  double samples = 0, bytes = 0, flops = 0;
  double floor = 0;  // seconds
};

/// One row: `device_sizes.calls` timed calls are one iteration.
void measure(benchmark::State& state, const Work& work, const std::function<void(int)>& call) {
  Timer timer;
  double seconds = 0;
  for (auto unused : state) {
    seconds = timer.median(call);
    state.SetIterationTime(seconds);
  }
  if (work.samples > 0) state.counters["samples/s"] = work.samples / seconds;
  if (work.bytes > 0) state.counters["GB/s"] = 1e-9 * work.bytes / seconds;
  if (work.flops > 0) state.counters["GFLOP/s"] = 1e-9 * work.flops / seconds;
  if (work.floor > 0) {
    state.counters["floor_ms"] = 1e3 * work.floor;
    state.counters["floor_share"] = work.floor / seconds;
  }
}

double copy_rate() {
  static const double rate = bench::measure_device_copy(bench::device_sizes.pool_bytes);
  return rate;
}

double product_rate(sm::Precision precision) {
  static std::map<sm::Precision, double> rates;
  const auto known = rates.find(precision);
  return known != rates.end() ? known->second : rates[precision] = bench::measure_device_products(precision);
}

/// The minimum number of seconds for a job. Split tf32 multiplies like fp32, at a third of the rate of tf32.
double floor_of(const bench::Work& work, sm::Precision precision) {
  double rate = product_rate(precision);
  if (precision == sm::Precision::fp32) rate = std::max(rate, product_rate(sm::Precision::tf32) / 3);
  return std::max(work.flops / rate, work.bytes / copy_rate());
}

void copy(benchmark::State& state) {
  for (auto unused : state) state.SetIterationTime(2.0 * double(bench::device_sizes.pool_bytes) / copy_rate());
  state.counters["GB/s"] = 1e-9 * copy_rate();
}

void products(benchmark::State& state, sm::Precision precision) try {
  for (auto unused : state) state.SetIterationTime(bench::device_sizes.product_flops() / product_rate(precision));
  state.counters["GFLOP/s"] = 1e-9 * product_rate(precision);
} catch (const std::exception& error) {
  state.SkipWithError(error.what());
}

void perturb(benchmark::State& state, std::int64_t batch, int dim) {
  const sm::Engine engine = sm::Engine::cuda();
  const sm::PerturbPlan plan(engine, dim, sm::schedule::LogNormal{}, batch);
  sm::Queue queue(engine, 0);
  const bench::Pool pool(engine, bench::device_sizes.pool_bytes, batch, dim);
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

/// Launched into the default stream, which the events are recorded in.
class Graph {
 public:
  Graph(cudaStream_t stream, const std::function<void()>& call) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    call();
    check(cudaStreamEndCapture(stream, &recorded_));
    check(cudaGraphInstantiate(&executable_, recorded_, 0));
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(recorded_);
  }
  void launch() const { check(cudaGraphLaunch(executable_, nullptr)); }

 private:
  cudaGraph_t recorded_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

/// A checked job, in its own stream if it is to be recorded. An error fails only its row.
void time_job(benchmark::State& state, const std::string& name, bool recorded) try {
  cudaStream_t stream = nullptr;
  if (recorded) check(cudaStreamCreate(&stream));
  const std::unique_ptr<CUstream_st, cudaError_t (*)(cudaStream_t)> owned(stream, cudaStreamDestroy);
  bench::RunningJob job(bench::Job::parse(name), 0, stream);
  job.check_against_reference();
  state.SetLabel(job.description());
  state.counters["peak_bytes"] = double(job.bytes());
  const bench::Work work = bench::work_of(job.job());
  const Work amount{double(job.job().batch), work.bytes, work.flops, floor_of(work, job.job().compute().precision)};
  if (!recorded) return measure(state, amount, [&](int i) { job.run(i); });
  job.run(0);
  check(cudaStreamSynchronize(stream));
  const Graph graph(stream, [&] { job.run(0); });
  measure(state, amount, [&](int) { graph.launch(); });
} catch (const std::exception& error) {
  state.SkipWithError(error.what());
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

/// Of the names, for the lines.
std::size_t longest_name = 0;

template <class Function>
void add(const std::string& name, const Function& function) {
  longest_name = std::max(longest_name, name.size());
  benchmark::RegisterBenchmark(name.c_str(), function)->UseManualTime()->Iterations(1)->Unit(benchmark::kMicrosecond);
}

/// Score nets in all precisions. Small ones take the chosen route and, for comparison, the others. Energy nets
/// are layered at every size. The steps of small nets are also recorded as graphs.
void add_losses() {
  const auto add_job = [](const std::string& name) {
    add(name, [=](benchmark::State& state) { time_job(state, name, false); });
  };
  const auto add_recorded = [](const std::string& engine, const std::string& job) {
    add(engine + "-graph" + job, [=](benchmark::State& state) { time_job(state, engine + job, true); });
  };
  // Where the chosen route is the narrow one.
  add_job("cuda-bf16/dsm/score" + shape_name(2, 64, 3, 1 << 20));
  for (const std::string& shape : {shape_name(64, 64, 3, 65536), shape_name(2, 64, 3, 1 << 20)})
    add_job("cuda-bf16-fused/dsm/score" + shape);
  for (const std::string engine : {"cuda-fp32", "cuda-tf32", "cuda-bf16", "cuda-bf16-layered"}) {
    const bool by_name = engine == "cuda-bf16-layered";
    for (const int hidden : {64, 128, 256})
      for (const std::string& job :
           {"/dsm/score" + shape_name(64, hidden, 3, 65536), "/esm/score" + shape_name(64, hidden, 3, 65536),
            "/ssm/score" + shape_name(64, hidden, 3, 65536, 1), "/ssm/score" + shape_name(64, hidden, 3, 65536, 4),
            "/ssm_vr/score" + shape_name(64, hidden, 3, 65536, 1)})
        add_job(engine + job);
    add_job(engine + "/dsm/score" + shape_name(2, 128, 3, 1 << 20));
    add_job(engine + "/ism/score" + shape_name(2, 128, 3, 1 << 18));
    for (const auto& [batch, dim] : {std::pair<int, int>{64, 8}, {256, 32}, {1024, 128}})
      add_recorded(engine, "/dsm/score" + shape_name(dim, 128, 2, batch));
    if (by_name) continue;  // wide nets and energy nets have no other route
    add_job(engine + "/dsm/score" + shape_name(784, 1024, 3, 16384));
    add_job(engine + "/ssm/score" + shape_name(784, 1024, 3, 16384, 1));
    add_job(engine + "/dsm/energy" + shape_name(64, 256, 3, 65536));
    add_job(engine + "/ssm/energy" + shape_name(64, 256, 3, 65536, 1));
    for (const auto& [batch, dim] : {std::pair<int, int>{64, 8}, {256, 32}, {1024, 128}})
      for (const std::string& job :
           {"/dsm/energy" + shape_name(dim, 128, 2, batch), "/ssm/energy" + shape_name(dim, 128, 2, batch, 5)})
        add_recorded(engine, job);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const char* const small = "--small";  // for an emulator (device_sizes.h)
  if (argc > 1 && std::string(argv[argc - 1]) == small) {
    bench::device_sizes = bench::kSmallSizes;
    --argc;
  }
  const bool lines = bench::wants_lines(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  bench::Heading heading;
  heading.time = "median of " + std::to_string(bench::device_sizes.calls) + " calls";
  try {
    heading.title = sm::Engine::cuda().description();
    benchmark::AddCustomContext("engine", heading.title);
  } catch (const sm::Error& error) {
    std::fprintf(stderr, "skipped: %s\n", error.what());
    return 77;
  }
  add("copy", copy);
  for (const auto& [name, precision] :
       {std::pair("fp32", sm::Precision::fp32), {"tf32", sm::Precision::tf32}, {"bf16", sm::Precision::bf16}})
    add(std::string("products/") + name, [p = precision](benchmark::State& state) { products(state, p); });
  for (const auto& [batch, dim] : {std::pair<std::int64_t, int>{1 << 20, 64}, {1 << 16, 784}}) {
    const std::int64_t rows = bench::device_sizes.scaled(batch);
    const std::string shape = "/N:" + std::to_string(rows) + "/d:" + std::to_string(dim);
    add("perturb" + shape, [b = rows, d = dim](benchmark::State& state) { perturb(state, b, d); });
#if defined(SCOREMATCH_HAS_CURAND)
    add("normals" + shape, [b = rows, d = dim](benchmark::State& state) { normals(state, b, d); });
#endif
  }
  add_losses();
  const std::int64_t count = bench::device_sizes.scaled(1 << 24);
  add("adam/P:" + std::to_string(count), [=](benchmark::State& state) { adam_step(state, count); });
  heading.name_columns = longest_name;
  bench::run_benchmarks(lines, heading);
  return 0;
}
