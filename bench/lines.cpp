#include "lines.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ostream>
#include <type_traits>
#include <utility>

namespace scorematch::bench {
namespace {

using Run = benchmark::BenchmarkReporter::Run;

struct Unit {
  double size;
  const char* name;
};
constexpr Unit kTimes[] = {{1, " s"}, {1e-3, " ms"}, {1e-6, " us"}, {1e-9, " ns"}};
constexpr Unit kAmounts[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};

/// The counters that tell how fast a job is. The first one that it has is shown.
constexpr struct {
  const char* counter;
  double unit;
  const char *blank, *text;  // after the number, and after the letter of its unit
} kRates[] = {{"samples/s", 1, "", " samples/s"},
              {"items/s", 1, "", " elements/s"},
              {"GFLOP/s", 1e9, " ", "FLOP/s"},
              {"GB/s", 1e9, " ", "B/s"}};

constexpr int kTimeColumns = 30, kRateColumns = 18;

/// The largest unit that is at most `value`, else the smallest.
template <std::size_t count>
const Unit& unit_of(double value, const Unit (&units)[count]) {
  for (const Unit& each : units)
    if (value >= each.size) return each;
  return units[count - 1];
}

/// Three digits.
std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
  return text;
}

std::string amount(double value, const char* blank) {
  const Unit& unit = unit_of(value, kAmounts);
  return digits(value / unit.size) + blank + unit.name;
}

void append(std::string& line, const std::string& text, std::size_t columns) {
  line += "  " + text + std::string(columns - std::min(columns, text.size()), ' ');
}

double seconds(const Run& run) { return run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit); }

// Google Benchmark 1.8 renamed the fields of a run that failed.
template <class T>
auto failure(const T& run, int) -> decltype(run.error_occurred, std::string()) {
  return run.error_occurred ? run.error_message : "";
}
template <class T>
auto failure(const T& run, long) -> decltype(run.skip_message, std::string()) {
  return run.skip_message;
}

const Run* find(const std::vector<Run>& runs, const std::string& aggregate) {
  const auto found =
      std::find_if(runs.begin(), runs.end(), [&](const Run& each) { return each.aggregate_name == aggregate; });
  return found == runs.end() ? nullptr : &*found;
}

std::string line_of(const std::vector<Run>& runs, std::size_t name_columns) {
  const Run* const median = find(runs, "median");
  const Run& run = median != nullptr ? *median : runs.front();
  std::string line = run.run_name.function_name;
  line.resize(std::max(line.size(), name_columns), ' ');
  const Unit& unit = unit_of(seconds(run), kTimes);
  std::string time = digits(seconds(run) / unit.size) + unit.name;
  const Run *const least = find(runs, "min"), *const most = find(runs, "max");
  if (least != nullptr && most != nullptr)
    time += " (" + digits(seconds(*least) / unit.size) + " ... " + digits(seconds(*most) / unit.size) + ")";
  append(line, time, kTimeColumns);
  for (const auto& [counter, unit_of_counter, blank, text] : kRates) {
    const auto found = run.counters.find(counter);
    if (found == run.counters.end()) continue;
    append(line, amount(found->second * unit_of_counter, blank) + text, kRateColumns);
    break;
  }
  if (const auto found = run.counters.find("floor_share"); found != run.counters.end())
    append(line, digits(100 * found->second) + " % of the floor", 0);
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

bool LineReporter::ReportContext(const Context&) {
  GetOutputStream() << heading_.title << "\n"
                    << heading_.time << "; floor: the least time of the job's products and traffic\n";
  return true;
}

void LineReporter::ReportRuns(const std::vector<Run>& runs) {
  if (runs.empty()) return;
  const auto failed = std::find_if(runs.begin(), runs.end(), [](const Run& each) { return !failure(each, 0).empty(); });
  if (failed != runs.end()) {
    GetOutputStream() << failed->run_name.function_name << ": " << failure(*failed, 0) << std::endl;
    return;
  }
  // The statistics of several repetitions come in a call of their own.
  if (runs.front().repetitions > 1 && find(runs, "median") == nullptr) return;
  GetOutputStream() << line_of(runs, heading_.name_columns) << std::endl;
}

bool wants_lines(int argc, char** argv) {
  const char* const format = "--benchmark_format";
  return std::none_of(argv, argv + argc,
                      [&](const char* each) { return std::strncmp(each, format, std::strlen(format)) == 0; });
}

void run_benchmarks(bool lines, const Heading& heading) {
  LineReporter reporter(heading);
  benchmark::RunSpecifiedBenchmarks(lines ? &reporter : nullptr);
}

}  // namespace scorematch::bench
