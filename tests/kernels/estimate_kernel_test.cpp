// estimate.cu against a two-pass computation in long double, with and without a merge.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"

namespace scorematch {
namespace kernels {
namespace {

void run(std::uint64_t seed) {
  RandomCase random(seed);
  std::vector<float> values, all;
  EstimateRecord wanted{};
  const DeviceArray<EstimateRecord> estimate(1);
  for (int chunk = 0; chunk < random.integer(1, 3); ++chunk) {
    values = random.normals(random.pick({1, 2, 3, 127, 255, 256, 257, 511, 1000, 2049}), random.real(0.1, 10));
    const double shift = random.real(-50, 50);
    for (float& each : values) each += static_cast<float>(shift);
    all.insert(all.end(), values.begin(), values.end());
    const DeviceArray<float> loss(values), copy(values.size());
    ASSERT_EQ(launch_estimate(loss.data(), static_cast<std::int64_t>(values.size()), chunk > 0, estimate.data(),
                              copy.data(), nullptr),
              0);
    EXPECT_EQ(copy.read(), values);
  }
  long double sum = 0, square = 0, size = 0;
  for (const float each : all) sum += each, size += std::abs(each);
  const auto n = static_cast<long double>(all.size());
  for (const float each : all) square += (each - sum / n) * (each - sum / n);
  wanted = {static_cast<double>(n), static_cast<double>(sum / n), static_cast<double>(square)};
  const EstimateRecord got = estimate.read()[0];
  // The depth is 8 values per thread and 8 merges: some tens of roundings of 2^-53, of values with a distance of up to
  // size / n from zero.
  EXPECT_EQ(got.count, wanted.count);
  EXPECT_NEAR(got.mean, wanted.mean, 64 * 0x1p-53 * static_cast<double>(size / n));
  EXPECT_NEAR(got.m2, wanted.m2, 256 * 0x1p-53 * (wanted.m2 + static_cast<double>(size / n * size / n)));
}

TEST(EstimateKernel, AgreesWithTwoPasses) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
