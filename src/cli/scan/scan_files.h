/// @file
/// What a scan leaves in its folder.
#pragma once
#include <string>
#include <vector>

#include "cli/plots/canvas.h"
#include "cli/report/report.h"

namespace scorematch::cli {

/// Refuses a folder that has a scan, or one that cannot be written, before any work. Nothing if there is no folder.
void check_scan_folder(const Report& report, const std::string& directory);

/// One line per measurement, as text. An empty cell: no value.
struct ScanTable {
  std::string header;
  std::vector<std::string> lines;
};

/// scan.csv, scan.png and scan.json, which is the report. States "wrote" first.
void write_scan(Report& report, const std::string& directory, const ScanTable& table, const Canvas& picture);

}  // namespace scorematch::cli
