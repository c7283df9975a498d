#include "ptx/runtime/report.h"

#include <cxxabi.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>

#include "ptx/runtime/instruction_class.h"
#include "ptx/runtime/state.h"

namespace ptx::runtime {
namespace {

constexpr int kExitStatus = 99;

struct Executed {
  u64 launches = 0, blocks = 0;
  std::array<u64, kInstructionClasses.size()> instructions = {};  // of warps
};

/// By the mangled name of the kernel.
std::map<std::string, Executed>& executed() {
  static std::map<std::string, Executed> all;
  return all;
}

const char* counts_path() { return std::getenv("SCOREMATCH_PTX_COUNTS"); }

/// The name without namespaces and parameters.
std::string readable(const std::string& mangled) {
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr), &std::free);
  std::string name = text == nullptr ? mangled : text.get();
  if (name.rfind("void ", 0) == 0) name.erase(0, 5);
  for (const char* const each : {"(anonymous namespace)::", "scorematch::", "kernels::"})
    for (std::size_t at; (at = name.find(each)) != std::string::npos;) name.erase(at, std::string(each).size());
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {  // the parameters begin outside the template arguments
    depth += name[i] == '<' ? 1 : name[i] == '>' ? -1 : 0;
    if (depth == 0 && name[i] == '(') name.erase(i);
  }
  return name;
}

void write_counts() {
  std::ofstream file(counts_path());
  file << "kernel; blocks";
  for (const char* const each : kInstructionClasses) file << ' ' << each;
  file << '\n';
  std::map<std::string, Executed> sorted;
  for (const auto& [name, counts] : executed()) sorted[readable(name)] = counts;
  for (const auto& [name, counts] : sorted) {
    file << name << "; " << counts.blocks;
    for (const u64 each : counts.instructions) file << ' ' << (each + counts.blocks / 2) / counts.blocks;
    file << '\n';
  }
}

void print_totals() {
  const double warps = static_cast<double>(stats.warp_instructions) / 1e6;
  const double threads = static_cast<double>(stats.thread_instructions) / 1e6;
  std::fprintf(
      stderr,
      "emulator: %llu launches, %.4g M warp instructions, %.4g M thread instructions, %.2f s; faults %llu, uses "
      "of uninitialized memory %llu, races %llu\n",
      static_cast<unsigned long long>(stats.launches), warps, threads, stats.seconds,
      static_cast<unsigned long long>(stats.faults), static_cast<unsigned long long>(stats.uninitialized),
      static_cast<unsigned long long>(stats.races));
  if (env("SCOREMATCH_PTX_COUNT", 0) == 0) return;
  for (const auto& [name, count] : opcode_counts)
    std::fprintf(stderr, "emulator: %12llu %s\n", static_cast<unsigned long long>(count), name.c_str());
}

void at_exit() {
  if (env("SCOREMATCH_PTX_STATS", 0) != 0) print_totals();
  if (counts_path() != nullptr) write_counts();
  const bool complained = stats.uninitialized != 0 || stats.races != 0;
  if (complained && env("SCOREMATCH_PTX_LENIENT", 0) == 0) {
    std::fflush(nullptr);
    std::_Exit(kExitStatus);
  }
}

}  // namespace

void report_at_exit() {
  static std::once_flag once;
  std::call_once(once, [] {
    executed();  // constructed before the exit handler is registered, so it is destroyed after the handler ran
    if (counts_path() != nullptr) setenv("SCOREMATCH_PTX_COUNT", "1", 1);
    std::atexit(at_exit);
  });
}

CountedLaunch::CountedLaunch(const Launch& launch) : launch_(launch) {
  if (counts_path() != nullptr) before_ = opcode_counts;
}

CountedLaunch::~CountedLaunch() {
  if (counts_path() == nullptr) return;
  Executed& counts = executed()[launch_.program->function->name];
  ++counts.launches;
  counts.blocks += u64{launch_.grid[0]} * launch_.grid[1] * launch_.grid[2];
  for (const auto& [name, count] : opcode_counts) {
    const auto before = before_.find(name);
    counts.instructions[class_of_instruction(name)] += count - (before == before_.end() ? 0 : before->second);
  }
}

}  // namespace ptx::runtime
