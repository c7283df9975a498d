#include "cli/options/free_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

/// The number at the start of a file such as a cgroup's; -1 if there is none ("max").
std::int64_t number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t value = -1;
  return file >> value ? value : -1;
}

/// The number after a label in /proc/meminfo or /proc/self/status, in bytes; -1 if there is none.
std::int64_t kilobytes_in(const char* path, const std::string& label) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, label.size(), label) != 0) continue;
    std::istringstream rest(line.substr(label.size()));
    std::int64_t value = -1;
    return rest >> value ? value * 1024 : -1;
  }
  return -1;
}

std::string gibibytes(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

}  // namespace

std::int64_t free_memory() {
  std::int64_t least = -1;
  const auto consider = [&](std::int64_t bytes) {
    if (bytes >= 0) least = least < 0 ? bytes : std::min(least, bytes);
  };
  consider(kilobytes_in("/proc/meminfo", "MemAvailable:"));
  consider(number_in("/sys/fs/cgroup/memory.max"));
  consider(number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  struct rlimit own = {};
  const std::int64_t used = kilobytes_in("/proc/self/status", "VmSize:");
  if (::getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY && used >= 0)
    consider(std::max<std::int64_t>(0, static_cast<std::int64_t>(own.rlim_cur) - used));
  return least;
}

void check_free_memory(const std::string& path, const std::string& what, std::int64_t bytes) {
  const std::int64_t free = free_memory();
  if (free < 0 || bytes <= free) return;
  throw Error(ErrorCode::out_of_memory, path,
              path + ": " + what + ": needs " + std::to_string(bytes) + " bytes (" + gibibytes(bytes) +
                  ") of memory, found " + std::to_string(free) + " (" + gibibytes(free) + ") free");
}

}  // namespace scorematch::cli
