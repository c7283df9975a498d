#include "cli/gzip_input.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "cli/npy_header.h"

namespace scorematch::cli {
namespace {
constexpr std::size_t kBuffer = 1 << 16;
}

void GzipInput::Closer::operator()(gzFile_s* file) const { gzclose(file); }

GzipInput::GzipInput(const std::string& path) : path_(path) {
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rbe"));
  if (!file_) refuse_file(path, "cannot open: " + std::generic_category().message(errno != 0 ? errno : ENOMEM));
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    refuse_file(path, "found a folder or a device, need a regular file");
}

bool GzipInput::fill() {
  if (next_ < buffer_.size()) return true;
  buffer_.resize(kBuffer);
  errno = 0;
  const int count = gzread(file_.get(), buffer_.data(), static_cast<unsigned>(kBuffer));
  int code = Z_OK;
  const char* text = gzerror(file_.get(), &code);
  // A gzip file that ends before its time is an error that gzread tells only afterwards.
  if (count < 0 || code == Z_BUF_ERROR)
    refuse_file(path_, std::string("cannot read: ") +
                           (code == Z_ERRNO ? std::generic_category().message(errno) : std::string(text)));
  buffer_.resize(static_cast<std::size_t>(count));
  next_ = 0;
  return count > 0;
}

std::int64_t GzipInput::read_some(void* out, std::int64_t bytes) {
  std::int64_t done = 0;
  while (done < bytes && fill()) {
    const auto part = std::min(buffer_.size() - next_, static_cast<std::size_t>(bytes - done));
    std::memcpy(static_cast<char*>(out) + done, buffer_.data() + next_, part);
    next_ += part;
    done += static_cast<std::int64_t>(part);
  }
  return done;
}

void GzipInput::read(void* out, std::int64_t bytes, const char* field) {
  const std::int64_t found = read_some(out, bytes);
  if (found < bytes)
    refuse_file(path_, std::string(field) + ": found the file's end after " + std::to_string(found) + " bytes, need " +
                           std::to_string(bytes));
}

bool GzipInput::at_end() { return !fill(); }

bool GzipInput::read_line(std::string& line) {
  line.clear();
  if (at_end()) return false;
  for (bool ends = false; !ends && fill();) {
    const std::size_t end = buffer_.find('\n', next_);
    ends = end != std::string::npos;
    line.append(buffer_, next_, (ends ? end : buffer_.size()) - next_);
    next_ = ends ? end + 1 : buffer_.size();
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

}  // namespace scorematch::cli
