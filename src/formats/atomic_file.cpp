#include "formats/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "scorematch/error.h"

namespace scorematch {
namespace {

/// The file to replace. Renaming over a symbolic link would replace the link itself.
std::string follow_link(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_symlink(path, ignored)) return path;
  std::error_code dangling;
  const std::filesystem::path target = std::filesystem::canonical(path, dangling);
  return dangling ? path : target.string();
}

/// A name in the target's folder. It is short, however long the target's name is.
std::string temporary_name(const std::string& target, int attempt) {
  const std::filesystem::path name =
      ".scorematch-" + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".tmp";
  return (std::filesystem::path(target).parent_path() / name).string();
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(follow_link(path)) {
  struct stat old = {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) {
    throw Error(ErrorCode::io, path_, path_ + ": cannot be replaced: it is not a regular file");
  }

  // O_EXCL: two writers never share a temporary file, even if an earlier one with the same process id was killed.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ = temporary_name(target_, attempt);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST && errno != EINTR) {
      const int error_number = errno;
      temporary_.clear();
      fail("cannot create a file in its folder", error_number);
    }
  }
  if (exists && ::fchmod(descriptor_, old.st_mode & 0777) != 0) fail("cannot preserve its permissions", errno);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write", errno);
    next += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  // Some network and user-space file systems have no fsync. That is no reason to fail.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOSYS) fail("cannot flush to the disk", errno);
  const int closed = ::close(descriptor_);
  const int close_error = errno;
  descriptor_ = -1;
  if (closed != 0 && close_error != EINTR) fail("cannot close", close_error);
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename into place", errno);
  temporary_.clear();
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  descriptor_ = -1;
  temporary_.clear();
}

void AtomicFile::fail(const char* action, int error_number) {
  discard();
  throw Error(ErrorCode::io, path_, path_ + ": " + action + ": " + std::generic_category().message(error_number));
}

void write_file_atomically(const std::string& path, const void* data, std::size_t bytes) {
  AtomicFile file(path);
  file.write(data, bytes);
  file.commit();
}

}  // namespace scorematch
