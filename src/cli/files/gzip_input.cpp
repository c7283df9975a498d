#include "cli/files/gzip_input.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "cli/files/npy_header.h"

namespace scorematch::cli {

void GzipInput::Closer::operator()(gzFile_s* file) const { gzclose(file); }

GzipInput::GzipInput(const std::string& path) : ByteSource(path) {
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rbe"));
  if (!file_) refuse_file(path, "cannot open: " + std::generic_category().message(errno != 0 ? errno : ENOMEM));
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    refuse_file(path, "found a folder or a device, need a regular file");
  if (gzdirect(file_.get()) != 0) size_ = status.st_size;
}

std::int64_t GzipInput::fetch(char* out, std::int64_t bytes) {
  constexpr std::int64_t kMost = 1 << 30;  // gzread counts in int
  errno = 0;
  const int count = gzread(file_.get(), out, static_cast<unsigned>(std::min(bytes, kMost)));
  int code = Z_OK;
  const char* text = gzerror(file_.get(), &code);
  // zlib reports a truncated gzip file only after the last bytes.
  if (count < 0 || code == Z_BUF_ERROR)
    refuse_file(name(), std::string("cannot read: ") +
                            (code == Z_ERRNO ? std::generic_category().message(errno) : std::string(text)));
  fetched_ += count;
  return count;
}

}  // namespace scorematch::cli
