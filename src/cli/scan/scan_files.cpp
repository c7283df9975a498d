#include "cli/scan/scan_files.h"

#include <filesystem>
#include <initializer_list>

#include "cli/files/png_file.h"
#include "cli/options/outputs.h"
#include "formats/atomic_file.h"

namespace scorematch::cli {
namespace {

const std::initializer_list<const char*> kFiles = {"scan.csv", "scan.json", "scan.png"};

std::string path_of(const std::string& directory, const char* file) {
  return (std::filesystem::path(directory) / file).string();
}

}  // namespace

void check_scan_folder(const Report& report, const std::string& directory) {
  if (directory.empty()) return;
  for (const char* file : kFiles) report.refuse_stdout("--output", path_of(directory, file));
  check_no_run("--output", directory, kFiles, "", "or another one");
  const OutputFolder folder("--output", directory, kFiles);
}

void write_scan(Report& report, const std::string& directory, const ScanTable& table, const Canvas& picture) {
  if (directory.empty()) return;
  const OutputFolder folder("--output", directory, kFiles);
  std::string csv = table.header + "\n";
  for (const std::string& line : table.lines) csv += line + "\n";
  write_file_atomically(path_of(directory, "scan.csv"), csv.data(), csv.size());
  write_png(path_of(directory, "scan.png"), picture);
  Phrase wrote;
  for (const char* file : kFiles) wrote += (wrote.text().empty() ? "" : ", ") + fact("wrote", path_of(directory, file));
  report.line("wrote", wrote);
  const std::string json = report.json();
  write_file_atomically(path_of(directory, "scan.json"), json.data(), json.size());
}

}  // namespace scorematch::cli
