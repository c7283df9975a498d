#include "cli/options/outputs.h"

#include <system_error>

#include "cli/options/refusal.h"
#include "formats/atomic_file.h"
#include "scorematch/error.h"

namespace scorematch::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* kModelFile = "model.safetensors";

}  // namespace

void check_output(const std::string& option, const std::string& path, std::initializer_list<std::string> inputs) {
  for (const std::string& input : inputs) {
    std::error_code missing;
    if (!input.empty() && (path == input || fs::equivalent(path, input, missing)))
      throw Error(ErrorCode::invalid_argument, option,
                  option + ": expected a file that this command does not use otherwise, got '" + path + "'");
  }
  AtomicFile probe(path);
}

void check_no_run(const std::string& option, const std::string& path, std::initializer_list<const char*> files,
                  const std::string& resumed, const std::string& remedy) {
  const fs::path folder = path;
  std::error_code ignored;
  if (!resumed.empty()) {
    const fs::path checkpoint = fs::is_directory(resumed, ignored) ? resumed / fs::path(kModelFile) : fs::path(resumed);
    if (fs::equivalent(folder / kModelFile, checkpoint, ignored)) return;
  }
  std::string found;
  for (const char* file : files)
    if (fs::is_regular_file(folder / file, ignored)) found += (found.empty() ? "" : ", ") + std::string(file);
  if (!found.empty()) refuse(option, "a folder without a run, " + remedy, "'" + path + "' with " + found);
}

OutputFolder::OutputFolder(const std::string& option, const std::string& path,
                           std::initializer_list<const char*> files) {
  std::error_code error;
  for (fs::path each = path; !each.empty() && !fs::exists(each, error); each = each.parent_path())
    made_.push_back(each);
  fs::create_directories(path, error);
  if (!fs::is_directory(path)) {
    unmake();
    throw Error(ErrorCode::io, option,
                option + ": expected a folder, got '" + path + "'" + (error ? ": " + error.message() : ""));
  }
  try {
    for (const char* file : files) AtomicFile probe((fs::path(path) / file).string());
  } catch (...) {
    unmake();
    throw;
  }
}

void OutputFolder::unmake() const noexcept {
  std::error_code not_empty;
  for (const fs::path& each : made_) fs::remove(each, not_empty);
}

}  // namespace scorematch::cli
