// The threads of a rank, if ranks share processors.
#include "cli/ranks/processor_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "cpu/processors.h"

namespace scorematch::cli {
namespace {

/// The least of the share and the quota of this machine.
int limited(int share, int ranks) {
  const int quota = cpu::control_group_processors();
  return quota > 0 ? std::max(1, std::min(share, quota / ranks)) : share;
}

TEST(ProcessorShare, DividesWhatRanksShare) {
  std::vector<int> all(64, 1), half(64, 0);
  std::fill_n(half.begin(), 32, 1);
  EXPECT_EQ(processor_share(all, std::vector<int>(64, 1), 1), limited(64, 1));
  EXPECT_EQ(processor_share(all, std::vector<int>(64, 4), 4), limited(16, 4));
  EXPECT_EQ(processor_share(all, std::vector<int>(64, 3), 3), limited(21, 3));
  EXPECT_EQ(processor_share(half, std::vector<int>(64, 2), 4), limited(16, 4));  // two of four ranks on each half
  EXPECT_EQ(processor_share(half, std::vector<int>(64, 100), 100), 1);
}

TEST(ProcessorShare, OfThirdsIsTheWholeNumber) {
  const std::vector<int> own(3, 1);
  EXPECT_EQ(processor_share(own, {3, 3, 3}, 3), 1);
  EXPECT_EQ(processor_share(std::vector<int>(6, 1), std::vector<int>(6, 3), 3), limited(2, 3));
}

TEST(ProcessorShare, BeginsWithTheAffinityMask) {
  const std::vector<int> own = own_processors();
  const int count = std::accumulate(own.begin(), own.end(), 0);
  EXPECT_GE(count, cpu::available_processors());
  EXPECT_EQ(processor_share(own, own, 1), limited(count, 1));
}

}  // namespace
}  // namespace scorematch::cli
