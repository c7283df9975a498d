// rank_sum.cu against the sum in double, which it must equal: numbers of different sizes, whose sum depends on the
// order.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int ranks = random.integer(1, 9);
  const std::int64_t count = random.pick({1, 2, 255, 256, 257, 1000});
  std::vector<float> parts = random.normals(ranks * count);
  for (float& each : parts) each = std::ldexp(each, random.integer(-40, 40));
  for (std::size_t at = static_cast<std::size_t>(count); at < parts.size(); ++at)
    if (random.chance(0.5)) parts[at] = -parts[at - static_cast<std::size_t>(count)];  // what cancels shows the order
  const DeviceArray<float> parts_device(parts), sum(static_cast<std::size_t>(count));
  ASSERT_EQ(launch_rank_sum(parts_device.data(), ranks, count, sum.data(), nullptr), 0);
  std::vector<float> wanted(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    double total = 0;
    for (std::size_t r = 0; r < static_cast<std::size_t>(ranks); ++r)
      total += static_cast<double>(parts[r * wanted.size() + i]);
    wanted[i] = static_cast<float>(total);
  }
  EXPECT_EQ(sum.read(), wanted);
}

TEST(RankSumKernel, EqualsTheSumInDouble) { for_each_seed(60, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
