// What is said of repetitions besides Google Benchmark's own median.
#pragma once
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

namespace scorematch::bench {

inline benchmark::internal::Benchmark* with_statistics(benchmark::internal::Benchmark* row) {
  row->ComputeStatistics("min", [](const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); });
  row->ComputeStatistics("max", [](const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); });
  return row;
}

}  // namespace scorematch::bench
