#include "cli/files/byte_source.h"

#include <algorithm>
#include <cstring>

#include "cli/files/npy_header.h"

namespace scorematch::cli {
namespace {
constexpr std::size_t kBuffer = 1 << 16;
}

/// At least `bytes` in the buffer, unless the end comes first.
void ByteSource::fill(std::size_t bytes) {
  if (buffer_.size() - next_ >= bytes) return;
  buffer_.erase(0, next_);
  next_ = 0;
  while (buffer_.size() < bytes) {
    const std::size_t before = buffer_.size();
    buffer_.resize(std::max(kBuffer, bytes));
    const std::int64_t got = fetch(buffer_.data() + before, static_cast<std::int64_t>(buffer_.size() - before));
    buffer_.resize(before + static_cast<std::size_t>(got));
    if (got == 0) return;
  }
}

std::int64_t ByteSource::read_some(void* out, std::int64_t bytes) {
  std::int64_t done = 0;
  while (done < bytes) {
    fill(1);
    const auto part = std::min(buffer_.size() - next_, static_cast<std::size_t>(bytes - done));
    if (part == 0) break;
    std::memcpy(static_cast<char*>(out) + done, buffer_.data() + next_, part);
    next_ += part;
    done += static_cast<std::int64_t>(part);
  }
  return done;
}

void ByteSource::read(void* out, std::int64_t bytes, const char* field) {
  const std::int64_t found = read_some(out, bytes);
  if (found < bytes)
    refuse_file(name_, std::string(field) + ": found the file's end after " + std::to_string(found) + " bytes, need " +
                           std::to_string(bytes));
}

std::string ByteSource::peek(std::size_t bytes) {
  fill(bytes);
  return buffer_.substr(next_, bytes);
}

}  // namespace scorematch::cli
