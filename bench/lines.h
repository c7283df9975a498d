// One line per job on stdout, in place of Google Benchmark's table of counters:
//   cpu/dsm/score/d:64/H:128/L:3/N:4096         3.21 ms (3.10 ... 3.44)   1.28M samples/s   78 % of the floor
// The files of --benchmark_out are Google Benchmark's own.
#pragma once
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

namespace scorematch::bench {

/// What stands above the lines, and how wide they are.
struct Heading {
  std::string title;  ///< such as the engine
  std::string time = "median (shortest ... longest) of the repetitions";
  std::size_t name_columns = 44;
};

/// Prints a line after the last repetition of each job.
class LineReporter : public benchmark::BenchmarkReporter {
 public:
  explicit LineReporter(Heading heading) : heading_(std::move(heading)) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  Heading heading_;
};

/// Whether lines are wanted: unless --benchmark_format asks for another form. Before benchmark::Initialize(), which
/// removes that argument.
bool wants_lines(int argc, char** argv);

/// Runs the registered benchmarks.
void run_benchmarks(bool lines, const Heading& heading);

}  // namespace scorematch::bench
