// The lines that ./dev bench prints, from runs as Google Benchmark reports them.
#include "lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace {

using scorematch::bench::LineReporter;
using Row = benchmark::BenchmarkReporter::Run;

Row row(const std::string& name, double milliseconds, const std::string& aggregate, int repetitions) {
  Row made;
  made.run_name.function_name = name;
  made.run_name.repetitions = "repeats:" + std::to_string(repetitions);
  made.run_type = aggregate.empty() ? Row::RT_Iteration : Row::RT_Aggregate;
  made.aggregate_name = aggregate;
  made.time_unit = benchmark::kMillisecond;
  made.iterations = 10;
  made.real_accumulated_time = 10 * 1e-3 * milliseconds;
  made.repetitions = repetitions;
  return made;
}

std::vector<Row> repeated(const std::string& name, const std::map<std::string, double>& counters) {
  std::vector<Row> runs;
  for (const auto& [aggregate, milliseconds] :
       {std::pair("mean", 3.3), {"median", 3.21}, {"cv", 0.02}, {"min", 3.1}, {"max", 12.0}}) {
    runs.push_back(row(name, milliseconds, aggregate, 5));
    for (const auto& [counter, value] : counters) runs.back().counters[counter] = value;
  }
  return runs;
}

std::string lines_of(const std::vector<std::vector<Row>>& calls) {
  std::ostringstream out;
  LineReporter reporter({"an engine"});
  reporter.SetOutputStream(&out);
  for (const auto& each : calls) reporter.ReportRuns(each);
  return out.str();
}

TEST(Lines, HaveTheMedianTheRateAndTheFloor) {
  EXPECT_EQ(lines_of({repeated("cpu/dsm/score/d:64/H:128/L:3/N:4096",
                               {{"samples/s", 1.277e6}, {"GFLOP/s", 50}, {"floor_share", 0.7812}})}),
            "cpu/dsm/score/d:64/H:128/L:3/N:4096           3.21 ms (3.10 ... 12.0)         1.28M samples/s     "
            "78.1 % of the floor\n");
}

TEST(Lines, ShowOneRateInItsUnit) {
  EXPECT_EQ(lines_of({repeated("parts/adam/P:16777216", {{"items/s", 2.5e9}, {"GB/s", 90}})}),
            "parts/adam/P:16777216                         3.21 ms (3.10 ... 12.0)         2.50G elements/s\n");
  EXPECT_EQ(lines_of({repeated("machine/copy", {{"GB/s", 21.44}})}),
            "machine/copy                                  3.21 ms (3.10 ... 12.0)         21.4 GB/s\n");
  EXPECT_EQ(lines_of({repeated("machine/fma", {{"GFLOP/s", 4321}})}),
            "machine/fma                                   3.21 ms (3.10 ... 12.0)         4.32 TFLOP/s\n");
}

TEST(Lines, HaveTheColumnsAndTheWordsOfTheirHeading) {
  std::ostringstream out;
  LineReporter reporter({"a device", "median of 30 calls", 8});
  reporter.SetOutputStream(&out);
  reporter.ReportContext({});
  Row run = row("copy", 0.2, "", 1);
  run.counters["GB/s"] = 4300;
  reporter.ReportRuns({run});
  EXPECT_EQ(out.str(),
            "a device\nmedian of 30 calls; floor: the least time of the job's products and traffic\n"
            "copy      200 us                          4.30 TB/s\n");
}

TEST(Lines, OfOneRepetitionHaveItsTime) {
  EXPECT_EQ(lines_of({{row("a/job", 0.0123, "", 1)}}), "a/job                                         12.3 us\n");
  EXPECT_EQ(lines_of({{row("a/job", 1234, "", 1)}}), "a/job                                         1.23 s\n");
}

TEST(Lines, AreOnePerJob) {
  const std::vector<Row> repetitions = {row("a/job", 3, "", 2), row("a/job", 4, "", 2)};
  const std::string lines = lines_of({repetitions, repeated("a/job", {})});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
  EXPECT_EQ(lines_of({{}}), "");
}

// Google Benchmark 1.8 renamed these fields.
template <class T>
auto fail(T& run, const std::string& why, int) -> decltype(run.error_occurred, void()) {
  run.error_occurred = true;
  run.error_message = why;
}
template <class T>
auto fail(T& run, const std::string& why, long) -> decltype(run.skip_message, void()) {
  run.skip_message = why;
}

TEST(Lines, SayWhyAJobDidNotRun) {
  Row failed = row("cpu-bf16/job", 0, "", 5);
  fail(failed, "no bf16 here", 0);
  EXPECT_EQ(lines_of({{failed}}), "cpu-bf16/job: no bf16 here\n");
}

TEST(Lines, GiveWayToAFormatThatIsAskedFor) {
  const auto wanted = [](std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& each : words) arguments.push_back(each.data());
    return scorematch::bench::wants_lines(static_cast<int>(arguments.size()), arguments.data());
  };
  EXPECT_TRUE(wanted({"loss_bench", "--benchmark_out=x.json", "--benchmark_out_format=json"}));
  EXPECT_FALSE(wanted({"loss_bench", "--benchmark_format=json"}));
}

}  // namespace
