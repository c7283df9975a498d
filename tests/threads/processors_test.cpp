// How many threads an engine has by default: as many as the affinity mask and the control group's quota allow.
#include "cpu/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "scorematch/engine.h"
#include "support/files.h"

namespace scorematch::cpu {
namespace {

class ControlGroup : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.file(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  int processors(const std::string& process) {
    write("process", process);
    return control_group_processors(folder_.file("process"), folder_.file("root"));
  }
  test::TemporaryFolder folder_;
};

TEST_F(ControlGroup, QuotaOfVersion2) {
  write("root/jobs/mine/cpu.max", "250000 100000\n");
  EXPECT_EQ(processors("0::/jobs/mine\n"), 3);
  write("root/jobs/mine/cpu.max", "max 100000\n");
  EXPECT_EQ(processors("0::/jobs/mine\n"), 0);
}

TEST_F(ControlGroup, QuotaOfAGroupAround) {
  write("root/jobs/mine/cpu.max", "800000 100000\n");
  write("root/jobs/cpu.max", "50000 100000\n");
  EXPECT_EQ(processors("0::/jobs/mine\n"), 1);
}

TEST_F(ControlGroup, QuotaInAContainer) {
  write("root/cpu.max", "200000 100000\n");
  EXPECT_EQ(processors("0::/\n"), 2);
  EXPECT_EQ(processors("0::/../../not/in/here\n"), 2);
}

TEST_F(ControlGroup, QuotaOfVersion1) {
  write("root/cpu,cpuacct/jobs/cpu.cfs_quota_us", "150000\n");
  write("root/cpu,cpuacct/jobs/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(processors("5:memory:/jobs\n4:cpu,cpuacct:/jobs\n"), 3);
  write("root/cpu,cpuacct/jobs/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(processors("4:cpu,cpuacct:/jobs\n"), 0);
}

TEST_F(ControlGroup, WithoutFilesThereIsNoQuota) {
  EXPECT_EQ(processors(""), 0);
  EXPECT_EQ(processors("no colons\n0::/gone\n"), 0);
  EXPECT_EQ(control_group_processors(folder_.file("missing"), folder_.file("root")), 0);
}

TEST(Processors, FollowTheAffinityMask) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_processors(), 1);
  EXPECT_EQ(Engine::cpu().description().substr(0, 13), "cpu: 1 thread");
  EXPECT_EQ(Engine::cpu(3).description().substr(0, 14), "cpu: 3 threads");
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(available_processors(), 1);
}

}  // namespace
}  // namespace scorematch::cpu
