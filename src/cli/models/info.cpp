// scorematch info: version, engines, processor.
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/options/commands.h"
#include "cli/ranks/ranks.h"
#include "scorematch/error.h"
#include "scorematch/version.h"

namespace scorematch::cli {
namespace {

/// The first line of /proc/cpuinfo that begins with `key`, after its colon; empty if there is none.
std::string cpuinfo(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(": ");
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

/// The processor's features that matter here.
Phrase features() {
  const std::string key =
#if defined(__aarch64__)
      "Features";
#else
      "flags";
#endif
  std::istringstream flags(cpuinfo(key));
  Phrase known;
  for (std::string flag; flags >> flag;)
    for (const char* each : {"sse4_2", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16"})
      if (flag == each) known += (known.text().empty() ? "" : " ") + fact("processor.features", flag);
  return known.text().empty() ? "none known" : known;
}

void report_engine(Report& report, const std::string& name, Engine (*make)()) {
  const std::string padding(11 - name.size(), ' ');
  const auto engine = [&](const std::string& description, const Value& error) {
    return Members{{"name", name}, {"description", error.data.index() > 0 ? Value() : description}, {"error", error}};
  };
  try {
    const std::string description = make().description();
    report.raw("  " + fact("engines", engine(description, {}), name + padding + description) + "\n");
  } catch (const Error& error) {
    report.raw("  " + fact("engines", engine({}, error.what()), name + padding + "not available: " + error.what()) +
               "\n");
  }
}

void run(const ReportOptions& options) {
  Report report(options, "info",
                {"version", "processor.model", "processor.cores", "processor.features[]", "engines[]", "auto", "mpi"});
  report.raw("scorematch " + fact("version", SCOREMATCH_VERSION) + "\n");
  const std::string model = cpuinfo("model name");
  report.raw("processor\n  " + (model.empty() ? Phrase("unknown") : fact("processor.model", model)) + ", " +
             fact("processor.cores", std::thread::hardware_concurrency()) + " cores\n  " + features() + "\n");
  report.raw("engines\n");
  report_engine(report, "cuda", [] { return Engine::cuda(); });
  report_engine(report, "cpu", [] { return Engine::cpu(); });
  report_engine(report, "reference", [] { return Engine::reference(); });
  report.raw("--engine auto selects\n  " + fact("auto", Engine::best().description()) + "\n");
  const std::string mpi = mpi_version();
  report.raw("mpirun -n R scorematch train\n  " +
             (mpi.empty() ? Phrase("not available: built without MPI (SCOREMATCH_MPI)") : fact("mpi", mpi)) + "\n");
  report.finish();
}

}  // namespace

std::unique_ptr<OptionTable> add_info(CLI::App& app) {
  auto table = std::make_unique<OptionTable>(app, "info", "Show the version, the engines and the processor");
  auto options = std::make_shared<ReportOptions>();
  options->add_to(*table);
  table->on_run([options] { run(*options); });
  return table;
}

}  // namespace scorematch::cli
