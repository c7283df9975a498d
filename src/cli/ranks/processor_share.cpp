#include "cli/ranks/processor_share.h"

#include <sched.h>

#include <algorithm>
#include <cmath>

#include "cpu/processors.h"

namespace scorematch::cli {

std::vector<int> own_processors() {
  constexpr std::size_t kMost = 1 << 14;
  std::vector<int> own(kMost, 0);
  std::vector<cpu_set_t> mask(kMost / CPU_SETSIZE);
  const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
  if (::sched_getaffinity(0, bytes, mask.data()) != 0) return own;
  for (std::size_t i = 0; i < kMost; ++i) own[i] = CPU_ISSET_S(i, bytes, mask.data()) ? 1 : 0;
  return own;
}

int processor_share(const std::vector<int>& own, const std::vector<int>& users, int ranks_on_node) {
  double share = 0;
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i] > 0) share += 1.0 / std::max(users[i], 1);
  if (const int quota = cpu::control_group_processors(); quota > 0)
    share = std::min(share, static_cast<double>(quota) / ranks_on_node);
  return std::max(1, static_cast<int>(share + 1e-9));  // thirds add up to less than a whole
}

}  // namespace scorematch::cli
