// Where results go: refused before the work, not after it.
#pragma once
#include <filesystem>
#include <initializer_list>
#include <string>
#include <vector>

namespace scorematch::cli {

/// A file that can be written and is none of `inputs`; `option` is its name in messages.
/// @throws Error
void check_output(const std::string& option, const std::string& path, std::initializer_list<std::string> inputs);

/// Refuses a folder that has any of these files, which a run would replace.
/// @param resumed a run's folder or checkpoint that may stay there, because it is continued; or empty
/// @param remedy what to do about it
/// @throws Error naming the files
void check_no_run(const std::string& option, const std::string& path, std::initializer_list<const char*> files,
                  const std::string& resumed, const std::string& remedy);

/// A folder, created with its parents if it does not exist. Those that were created are removed if nothing was written
/// to them.
class OutputFolder {
 public:
  /// @param files that must be writable there @throws Error io
  OutputFolder(const std::string& option, const std::string& path, std::initializer_list<const char*> files);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder() { unmake(); }

 private:
  void unmake() const noexcept;

  std::vector<std::filesystem::path> made_;  // innermost first
};

}  // namespace scorematch::cli
