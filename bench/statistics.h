// Times of calls on the host, and statistics of repetitions in addition to Google Benchmark's own median.
#pragma once
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace scorematch::bench {

inline benchmark::internal::Benchmark* with_statistics(benchmark::internal::Benchmark* row) {
  row->ComputeStatistics("min", [](const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); });
  row->ComputeStatistics("max", [](const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); });
  return row;
}

/// Runs call(i) in the benchmark's loop. Returns the wall-clock seconds per call.
template <class Call>
double seconds_a_call(benchmark::State& state, const Call& call) {
  std::int64_t i = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (auto unused : state) call(i++);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(i);
}

}  // namespace scorematch::bench
