// How many threads this process can run at once.
#pragma once
#include <string>

namespace scorematch::cpu {

/// The processors of the affinity mask, or fewer if a control group grants less time. At least 1.
int available_processors();

/// The processors that the quota of a control group amounts to, rounded up; 0 if there is none.
/// @param process a file like /proc/self/cgroup, `root` where control groups are mounted
int control_group_processors(const std::string& process = "/proc/self/cgroup",
                             const std::string& root = "/sys/fs/cgroup");

}  // namespace scorematch::cpu
