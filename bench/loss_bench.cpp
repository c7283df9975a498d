// Losses and their gradients, scores and samplers on the host's engines, one row per job (job.h):
//   loss_bench [--suite=quick|full|growth | --jobs=NAME,NAME...] [Google Benchmark's options]
// Every result is compared with that of the reference engine before it is timed. The floor is max(flops / peak, bytes /
// copy). The peak is measured again with every repetition, because processors change their clock rate. floor_share is
// floor / time. SCOREMATCH_BENCH_THREADS sets the number of threads; the default is all cores.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "lines.h"
#include "machine.h"
#include "running_job.h"
#include "statistics.h"
#include "suites.h"
#include "work.h"

namespace sm = scorematch;
namespace bench = scorematch::bench;

namespace {

int thread_count() {
  const char* const given = std::getenv("SCOREMATCH_BENCH_THREADS");
  const int threads = given == nullptr ? static_cast<int>(std::thread::hardware_concurrency()) : std::atoi(given);
  return std::max(1, threads);
}

double copy_bytes(int threads) {
  static std::map<int, double> rates;
  const auto known = rates.find(threads);
  return known != rates.end() ? known->second : rates[threads] = bench::measure_copy_bytes(threads);
}

/// Made and checked once for all repetitions.
bench::Running& prepared(const std::string& name) {
  static std::unique_ptr<bench::Running> job;
  if (job == nullptr || job->job().name() != name) {
    job.reset();
    job = bench::make_running(bench::Job::parse(name), thread_count());
    job->check_against_reference();
    job->run(0);
  }
  return *job;
}

void time_job(benchmark::State& state, const std::string& name) try {
  bench::Running& job = prepared(name);
  const int threads = job.job().threads(thread_count());
  const bool bf16 = job.job().compute().precision == sm::Precision::bf16;
  const bench::Work work = bench::work_of(job.job());
  const double peak_before = bench::measure_peak_flops(threads, bf16);
  const double seconds = bench::seconds_a_call(state, [&](std::int64_t i) { job.run(i); });
  const double peak = std::max(peak_before, bench::measure_peak_flops(threads, bf16));
  const double floor = std::max(work.flops / peak, work.bytes / copy_bytes(threads));
  state.counters["samples/s"] = double(job.job().batch) / seconds;
  state.counters["GFLOP/s"] = 1e-9 * work.flops / seconds;
  state.counters["GB/s"] = 1e-9 * work.bytes / seconds;  // of the minimum traffic
  state.counters["peak_GFLOP/s"] = 1e-9 * peak;
  state.counters["floor_ms"] = 1e3 * floor;
  state.counters["floor_share"] = floor / seconds;
  state.counters["peak_bytes"] = double(job.bytes());
} catch (const sm::Error& error) {
  if (error.code() != sm::ErrorCode::unsupported) throw;
  state.SkipWithError(error.what());  // this processor cannot run the job
}

/// The value of an argument --KEY=VALUE; null for any other argument.
const char* value_of(const char* argument, const std::string& key) {
  const std::string prefix = "--" + key + "=";
  return std::string(argument).compare(0, prefix.size(), prefix) == 0 ? argument + prefix.size() : nullptr;
}

/// The jobs that our own arguments select. These arguments are removed from argv.
std::vector<std::string> take_jobs(int& argc, char** argv) {
  std::vector<std::string> jobs;
  const auto is_ours = [&](char* argument) {
    if (const char* const name = value_of(argument, "suite")) {
      for (const std::string& each : bench::suite(name)) jobs.push_back(each);
    } else if (const char* const list = value_of(argument, "jobs")) {
      std::istringstream stream(list);
      for (std::string each; std::getline(stream, each, ',');) jobs.push_back(bench::Job::parse(each).name());
    } else {
      return false;
    }
    return true;
  };
  argc = static_cast<int>(std::remove_if(argv + 1, argv + argc, is_ours) - argv);
  return jobs.empty() ? bench::suite("quick") : jobs;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> jobs = take_jobs(argc, argv);
  const bool lines = bench::wants_lines(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const std::string engine = sm::Engine::cpu(thread_count()).description();
  benchmark::AddCustomContext("engine", engine);
  for (const std::string& name : jobs)
    bench::with_statistics(
        benchmark::RegisterBenchmark(name.c_str(), [name](benchmark::State& state) { time_job(state, name); }))
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  bench::run_benchmarks(lines, {engine});
  return 0;
} catch (const sm::Error& error) {
  std::fprintf(stderr, "loss_bench: %s\n", error.what());
  return 1;
}
