// scorematch info: version, engines, processor.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/options/commands.h"
#include "scorematch/error.h"
#include "scorematch/version.h"

namespace scorematch::cli {
namespace {

/// The first line of /proc/cpuinfo that begins with `key`, after its colon.
std::string cpuinfo(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(": ");
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

/// The processor's features that matter here.
std::string features() {
  const std::string key =
#if defined(__aarch64__)
      "Features";
#else
      "flags";
#endif
  std::istringstream flags(cpuinfo(key));
  std::string known;
  for (std::string flag; flags >> flag;)
    for (const char* each : {"sse4_2", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16"})
      if (flag == each) known += (known.empty() ? "" : " ") + flag;
  return known.empty() ? "none known" : known;
}

void print_engine(const char* name, Engine (*make)()) {
  try {
    std::printf("  %-10s %s\n", name, make().description().c_str());
  } catch (const Error& error) {
    std::printf("  %-10s not available: %s\n", name, error.what());
  }
}

void run() {
  std::printf("scorematch %s\n", SCOREMATCH_VERSION);
  std::printf("processor\n  %s, %u cores\n  %s\n", cpuinfo("model name").c_str(), std::thread::hardware_concurrency(),
              features().c_str());
  std::printf("engines\n");
  print_engine("cuda", [] { return Engine::cuda(); });
  print_engine("cpu", [] { return Engine::cpu(); });
  print_engine("reference", [] { return Engine::reference(); });
  std::printf("--engine auto selects\n  %s\n", Engine::best().description().c_str());
}

}  // namespace

std::unique_ptr<OptionTable> add_info(CLI::App& app) {
  auto table = std::make_unique<OptionTable>(app, "info", "Show the version, the engines and the processor");
  table->on_run(run);
  return table;
}

}  // namespace scorematch::cli
