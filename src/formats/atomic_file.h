/// @file
/// A file that appears whole or not at all.
#pragma once
#include <cstddef>
#include <string>

namespace scorematch {

/// Collects what is to become `path` in a new file of the same folder; commit() renames it into place. Destroyed before
/// that, it removes the new file and the old one stays. A symbolic link is followed; a folder or a device is refused.
/// Every failure throws Error io with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  void write(const void* data, std::size_t bytes);
  /// Flushed to the disk before the rename, so that even a power cut leaves the old file or the new one.
  void commit();

 private:
  void discard() noexcept;
  [[noreturn]] void fail(const char* action, int error_number);

  std::string path_;       // as the caller wrote it, for messages
  std::string target_;     // path_ with a symbolic link followed
  std::string temporary_;  // empty when there is none to remove
  int descriptor_ = -1;
};

void write_file_atomically(const std::string& path, const void* data, std::size_t bytes);

}  // namespace scorematch
