#include "cpu/processors.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <thread>

namespace scorematch::cpu {
namespace {

int affinity_processors() {
  // More processors than a cpu_set_t has need a larger set, and the call says so by failing.
  for (int capacity = CPU_SETSIZE; capacity <= (1 << 16); capacity *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(static_cast<std::size_t>(capacity)),
                                                               [](cpu_set_t* each) { CPU_FREE(each); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    if (set && ::sched_getaffinity(0, bytes, set.get()) == 0) return CPU_COUNT_S(bytes, set.get());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

/// quota / period, rounded up; infinity without a quota.
double processors_of(double quota, double period) {
  return quota > 0 && period > 0 ? std::ceil(quota / period) : std::numeric_limits<double>::infinity();
}

double number_in(const std::string& path) {
  double value = -1;
  std::ifstream(path) >> value;
  return value;
}

/// Version 2: "max 100000" or "50000 100000".
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  file >> quota >> period;
  return processors_of(std::strtod(quota.c_str(), nullptr), period);
}

/// Version 1: two files, and -1 for no quota.
double quota_v1(const std::string& folder) {
  return processors_of(number_in(folder + "/cpu.cfs_quota_us"), number_in(folder + "/cpu.cfs_period_us"));
}

/// The least quota of a group and of those around it.
double least_quota(const std::string& root, std::string group, double (*quota)(const std::string&)) {
  double least = std::numeric_limits<double>::infinity();
  for (;;) {
    least = std::min(least, quota(root + group));
    if (group.empty()) return least;
    const std::size_t slash = group.rfind('/');
    group.resize(slash == std::string::npos ? 0 : slash);
  }
}

/// Whether the list "cpu,cpuacct" has the controller "cpu".
bool has_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

}  // namespace

int control_group_processors(const std::string& process, const std::string& root) {
  double least = std::numeric_limits<double>::infinity();
  std::ifstream groups(process);
  for (std::string line; std::getline(groups, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers.empty()) least = std::min(least, least_quota(root, group, quota_v2));
    if (!has_cpu(controllers)) continue;
    least = std::min(least, least_quota(root + "/" + controllers, group, quota_v1));
    // A container sees its own group as the root, whatever its path is outside.
    least = std::min(least, quota_v1(root + "/cpu"));
  }
  return least < 1e6 ? static_cast<int>(least) : 0;
}

int available_processors() {
  int count = std::max(affinity_processors(), 1);
  if (const int quota = control_group_processors(); quota > 0) count = std::min(count, quota);
  return count;
}

}  // namespace scorematch::cpu
