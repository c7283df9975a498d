/// @file
/// A file that is written completely or not at all.
#pragma once
#include <cstddef>
#include <string>

namespace scorematch {

/// Writes to a new file in the folder of `path`; commit() renames it into place. If the object is destroyed before
/// that, it removes the new file, and the old one remains. Symbolic links are followed; folders and devices are
/// refused. Every failure throws Error io with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  void write(const void* data, std::size_t bytes);
  /// Flushes the file to the disk before the rename, so that even a power failure leaves the old file or the new one.
  void commit();

 private:
  void discard() noexcept;
  [[noreturn]] void fail(const char* action, int error_number);

  std::string path_;       // as given by the caller, for messages
  std::string target_;     // path_ with a symbolic link followed
  std::string temporary_;  // empty if there is no file to remove
  int descriptor_ = -1;
};

void write_file_atomically(const std::string& path, const void* data, std::size_t bytes);

}  // namespace scorematch
